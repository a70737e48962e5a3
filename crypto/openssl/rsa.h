// SPDX-License-Identifier: Apache-2.0
// RSA, PKCS#1 v1.5 and PSS (RFC 8017 8.1 and 8.2).
#pragma once

#include "crypto/openssl/thread_state.h"

namespace pedigree::crypto::openssl {

/// Errors: as Crypto::verify. The length of the signature has been checked.
[[nodiscard]] Result<void> rsa_verify(const PublicKey& key, SignatureAlgorithm algorithm, Bytes digest,
                                      Bytes signature) noexcept;
/// Writes a signature that fills `out`. Errors: crypto_failure.
[[nodiscard]] Result<void> rsa_sign(EVP_PKEY* key, SignatureAlgorithm algorithm, Bytes digest,
                                    MutableBytes out) noexcept;

}  // namespace pedigree::crypto::openssl
