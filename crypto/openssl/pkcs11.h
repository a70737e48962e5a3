// SPDX-License-Identifier: Apache-2.0
// Private keys that stay in a token (PKCS#11), named by a URI (RFC 7512) and used through libp11's engine.
#pragma once

#include "crypto/openssl/keys.h"

namespace pedigree::crypto {

/// Whether a text is such a URI rather than a file's name.
[[nodiscard]] bool is_pkcs11_uri(std::string_view text) noexcept;

/// The parts of a URI that are not passed on to the engine as they are.
struct Pkcs11Uri {
  std::string object;       ///< the URI without its query: which token and key
  std::string module_path;  ///< `module-path`: the token's library; empty: the engine's own choice
                            ///< (PKCS11_MODULE_PATH, else p11-kit's proxy)
  std::string pin_source;   ///< `pin-source`: a file with the PIN, as a path or file: URI; empty: none
};
/// Errors: bad_value (no such URI; an escape that is none; `pin-value`, because a PIN does not belong where
/// others read it; another attribute of the query).
[[nodiscard]] Result<Pkcs11Uri> parse_pkcs11_uri(std::string_view text);

/// Opens a private key with a PIN, which may be empty. RSA and ECDSA keys; the engine knows no others. The
/// module stays loaded until the program ends. Errors: unsupported_algorithm (there is no engine, or a key of
/// another type), io_failure (the module cannot be loaded), wrong_passphrase (the token refuses the PIN),
/// key_not_found.
[[nodiscard]] Result<OpenSslKey> open_pkcs11_key(const Pkcs11Uri& uri, std::string_view pin);

}  // namespace pedigree::crypto
