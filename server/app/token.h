// SPDX-License-Identifier: Apache-2.0
// CA keys in tokens (PKCS#11): where their PIN comes from, a token to try them with, and new keys.
#pragma once

#include "crypto/pkcs11/uri.h"
#include "server/app/files.h"

namespace pedigree::app {

/// A private key that a pkcs11: URI names. The PIN is the first line of the file that its pin-source names,
/// else the environment's PEDIGREE_PIN, else none. Errors: bad_configuration (the URI), those of
/// crypto::open_token_key, with a sentence about the token.
[[nodiscard]] Answer<crypto::OpenSslKey> open_token_key(std::string_view uri);

/// Opens the private key of a public one, also while its token is away: it signs as soon as the token is
/// there. Errors: as above, where the token is there; key_mismatch (another key has that name).
[[nodiscard]] Answer<crypto::OpenSslKey> expect_token_key(std::string_view uri,
                                                          const crypto::PublicKey& expected);
/// What people call the token that a URI names: its label; without one what the URI says.
[[nodiscard]] std::string token_name(std::string_view uri);

/// Makes a key in the token under the URI's label, and opens it. Errors: as above; duplicate_key.
[[nodiscard]] Answer<crypto::OpenSslKey> make_token_key(std::string_view uri, crypto::KeyType type);

/// A token in a folder: SoftHSM's configuration, the token's files, and its PINs, which are random.
struct TrialToken {
  std::filesystem::path directory;  ///< made; must not exist, or be empty
  std::string label;                ///< 1 to 32 characters
  std::string module_path = "/usr/lib/softhsm/libsofthsm2.so";
  [[nodiscard]] std::filesystem::path config() const { return directory / "softhsm2.conf"; }
  [[nodiscard]] std::filesystem::path pin() const { return directory / "pin"; }
  [[nodiscard]] std::filesystem::path officer_pin() const { return directory / "so-pin"; }
};

/// Makes one, sets SOFTHSM2_CONF of this process to it, and gives the URI that names it. Errors: io_failure,
/// bad_configuration, crypto_failure.
[[nodiscard]] Answer<std::string> make_trial_token(const TrialToken& wanted);

}  // namespace pedigree::app
