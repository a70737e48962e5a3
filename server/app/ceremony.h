// SPDX-License-Identifier: Apache-2.0
// The offline root: made, its key's passphrase split among custodians, and what was done put on record.
#pragma once

#include <vector>

#include "crypto/openssl/keys.h"
#include "server/app/files.h"

namespace pedigree::app {

/// external_aad of a transcript's signature.
inline constexpr std::string_view kTranscriptContext = "Pedigree ceremony transcript";

struct Custodian {
  std::string name;       ///< 1 to 64 characters
  SecretText passphrase;  ///< of this share alone; not empty
};

struct CeremonyOptions {
  std::filesystem::path directory;  ///< must not exist; it is there once all is done, and not before
  std::string root_name;
  crypto::KeyType key_type = crypto::KeyType::p256;  ///< P-256, P-384 or Ed25519
  std::uint8_t threshold = 0;                        ///< 2 to the number of custodians
  std::vector<Custodian> custodians;                 ///< at most 16
  std::string who;                                   ///< who leads it
  std::string tool;                                  ///< program and version
  der::UnixTime now = 0;
};

/// Makes root.cert.pem, root.key.pem (encrypted by a random passphrase that is nowhere), share-N.pem for each
/// custodian, the signer of lists of revoked firmware signers (its key encrypted by `passphrase`, for the
/// authority's directory), and transcript.cose: every step and every file's SHA-256, signed by the root.
/// Before anything counts, the shares are read back, and the first `threshold` and the last ones have opened
/// the key. Interrupted, it leaves nothing but a folder ".partial", which the next try removes: no
/// certificate of a root without shares gets out. Errors: bad_configuration, io_failure, those of the crypto.
[[nodiscard]] Answer<void> hold_ceremony(const CeremonyOptions& options, const SecretText& passphrase);

/// The passphrase of a root's key, from shares in files and their passphrases, in the same order. Errors:
/// wrong_passphrase (which share), key_mismatch (a share of another ceremony; which), bad_configuration (too
/// few, or one twice), bad_pem, io_failure.
[[nodiscard]] Answer<SecretText> join_shares(const std::vector<std::filesystem::path>& files,
                                             const std::vector<SecretText>& passphrases);

/// A transcript's text (JSON), once the root's signature over it holds and, where they are beside it in
/// `directory`, every file that it lists has the SHA-256 that it says. Errors: untrusted_root,
/// invalid_signature, bad_digest (which file), io_failure, those of COSE.
[[nodiscard]] Answer<std::string> verify_transcript(const std::filesystem::path& directory, Bytes root);

}  // namespace pedigree::app
