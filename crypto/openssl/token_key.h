// SPDX-License-Identifier: Apache-2.0
// Private keys that stay in a token (PKCS#11), as keys of OpenSSL: whoever signs with an EVP_PKEY need not
// know.
#pragma once

#include "crypto/openssl/keys.h"
#include "crypto/pkcs11/token.h"

namespace pedigree::crypto {

/// Opens a private key with a PIN, which may be empty. RSA keys, and ECDSA on P-256 and P-384. Each signature
/// is verified before it is given out. Errors: those of pkcs11::TokenKey::open.
[[nodiscard]] Result<OpenSslKey> open_token_key(const pkcs11::Uri& uri, std::string_view pin,
                                                const pkcs11::Limits& limits = {});
/// Opens the private key of a public one, also while its token is away. Errors: those of
/// pkcs11::TokenKey::expect; key_mismatch also where no token has keys of that type.
[[nodiscard]] Result<OpenSslKey> expect_token_key(const pkcs11::Uri& uri, std::string_view pin,
                                                  const PublicKey& expected,
                                                  const pkcs11::Limits& limits = {});
/// The token's side of such a key, which lives as long as the key; null: it is not in a token.
[[nodiscard]] pkcs11::TokenKey* token_of(const OpenSslKey& key) noexcept;

}  // namespace pedigree::crypto
