// SPDX-License-Identifier: Apache-2.0
// Ed25519 (RFC 8032 5.1). OpenSSL looks at a public key only when it verifies, and takes points of small
// order, with which one signature fits many messages; both are checked here.
#pragma once

#include "crypto/openssl/thread_state.h"

namespace pedigree::crypto::openssl {

/// Whether 32 octets encode a point of the curve in the canonical form (RFC 8032 5.1.3) whose order is not 1,
/// 2, 4 or 8. Errors: invalid_key, crypto_failure.
[[nodiscard]] Result<void> check_ed25519_key(Bytes key) noexcept;
/// Errors: as Crypto::verify. The length of the signature has been checked.
[[nodiscard]] Result<void> ed25519_verify(Bytes key, Bytes message, Bytes signature) noexcept;
/// Writes the signature's 64 octets. Errors: crypto_failure.
[[nodiscard]] Result<void> ed25519_sign(EVP_PKEY* key, Bytes message, MutableBytes out) noexcept;

}  // namespace pedigree::crypto::openssl
