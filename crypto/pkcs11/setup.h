// SPDX-License-Identifier: Apache-2.0
// What is done to a token before it is used: it gets a name, PINs and keys.
#pragma once

#include "core/crypto/crypto.h"
#include "crypto/pkcs11/uri.h"

namespace pedigree::pkcs11 {

/// Makes the module's one token without content a token of this label, of at most 32 octets, with these PINs.
/// Errors: io_failure (the module), bad_value (the label), duplicate_key (there is a token of that label),
/// key_not_found (no token without content), crypto_failure (the token refuses).
[[nodiscard]] Result<void> init_token(const std::string& module_path, std::string_view label,
                                      std::string_view so_pin, std::string_view pin);

/// Makes a key pair in a token under the label that the URI names. Errors: bad_value (it names none),
/// duplicate_key (there is a key of that label), unsupported_algorithm, those of TokenKey::open.
[[nodiscard]] Result<void> generate_key(const Uri& uri, std::string_view pin, crypto::KeyType type);

}  // namespace pedigree::pkcs11
