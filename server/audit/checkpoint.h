// SPDX-License-Identifier: Apache-2.0
// The log's tree heads and proofs as texts that other tools read: checkpoints (c2sp.org/tlog-checkpoint) as
// signed notes (c2sp.org/signed-note) with Ed25519, and inclusion proofs (c2sp.org/tlog-proof).
#pragma once

#include <string>

#include "registry/merkle.h"

namespace pedigree::audit {

/// Whose checkpoints are believed: a name and an Ed25519 key.
struct LogKey {
  std::string name;  ///< of the key and of the log (its origin): not empty, no spaces, no '+'
  std::array<std::uint8_t, 32> key{};
  friend bool operator==(const LogKey&, const LogKey&) = default;
};
/// Whether a text may be a key's name.
[[nodiscard]] bool is_key_name(std::string_view text) noexcept;
/// First four octets of SHA-256(name | 0x0A | 0x01 | key). Errors: crypto_failure.
[[nodiscard]] Result<std::array<std::uint8_t, 4>> key_id(const crypto::Crypto& crypto, const LogKey& key);
/// name+key ID in hex+base64(0x01 | key), as Go's note package prints a verifier's key. Errors:
/// crypto_failure.
[[nodiscard]] Result<std::string> print_log_key(const crypto::Crypto& crypto, const LogKey& key);
/// Errors: bad_value (also where the key ID is not the key's), unsupported_algorithm (not type 0x01).
[[nodiscard]] Result<LogKey> parse_log_key(const crypto::Crypto& crypto, std::string_view text);

/// A checkpoint: the note's text, without its signatures.
struct Checkpoint {
  std::string origin;
  registry::merkle::Head head;
};

/// Signs a head with an Ed25519 key. Errors: crypto_failure, wrong_key_type, bad_value (the key's name).
[[nodiscard]] Result<std::string> sign_checkpoint(const crypto::Crypto& crypto, const LogKey& key,
                                                  const crypto::PrivateKey& signer,
                                                  const registry::merkle::Head& head);
/// Reads a note of at most 64 KiB and 32 signatures, one of which must be the key's; others are passed over.
/// Errors: bad_value (no note, or no checkpoint), invalid_signature (the key's does not verify),
/// key_not_found (the key has not signed), key_mismatch (the origin is not the key's name).
[[nodiscard]] Result<Checkpoint> open_checkpoint(const crypto::Crypto& crypto, const LogKey& key,
                                                 std::string_view note);

/// That an entry is in the log of a checkpoint.
struct InclusionProof {
  std::vector<std::uint8_t> entry;  ///< what was logged, CBOR; stands in the proof's "extra" line
  std::uint64_t index = 0;          ///< from 0
  std::vector<Sha256> path;
  std::string checkpoint;  ///< the signed note
};
[[nodiscard]] std::string print_proof(const InclusionProof& proof);
/// Errors: bad_value.
[[nodiscard]] Result<InclusionProof> parse_proof(std::string_view text);
/// What the proof proves, once it holds. Errors: those of open_checkpoint and parse_proof, invalid_signature
/// (the path does not lead to the checkpoint's root).
[[nodiscard]] Result<Checkpoint> verify_proof(const crypto::Crypto& crypto, const LogKey& key,
                                              const InclusionProof& proof);

}  // namespace pedigree::audit
