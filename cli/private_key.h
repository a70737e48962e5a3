// SPDX-License-Identifier: Apache-2.0
// Private keys that a command signs with: in a file, or in a PKCS#11 token.
#pragma once

#include <expected>

#include "cli/output.h"
#include "crypto/openssl/keys.h"

namespace pedigree::cli {

/// Opens `key`: a PEM file that nobody else may read, or a `pkcs11:` URI (RFC 7512). The passphrase, or the
/// PIN, is read (read_passphrase) only where one is needed: of an encrypted file, and of a token unless the
/// URI says pin-source.
[[nodiscard]] std::expected<crypto::OpenSslKey, Problem> open_private_key(const std::string& key,
                                                                          const std::string& passphrase_file);

/// The help text of an option --passphrase-file for such a key.
inline constexpr const char* kKeyPassphraseHelp =
    "File with the key's passphrase or PIN (else PEDIGREE_PASSPHRASE, else asked for)";

}  // namespace pedigree::cli
