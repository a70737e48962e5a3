// SPDX-License-Identifier: Apache-2.0
// ECDSA on P-256 and P-384. Points are written into a key object that the thread keeps: OpenSSL then checks
// only the point (1.3 us for P-256), where EVP_PKEY_fromdata or a decoder would cost tens.
#pragma once

#include "crypto/openssl/thread_state.h"

namespace pedigree::crypto::openssl {

/// Octets of the longest ECDSA-Sig-Value (RFC 3279 2.2.3): P-384, both numbers with a sign octet.
inline constexpr std::size_t kMaxEcdsaDerSize = 2 + 2 * (2 + 49);

/// r | s to ECDSA-Sig-Value; returns the octets written. `raw` has an even length, at most 96.
[[nodiscard]] std::size_t ecdsa_to_der(Bytes raw, std::span<std::uint8_t, kMaxEcdsaDerSize> out) noexcept;
/// ECDSA-Sig-Value as OpenSSL writes it to r | s that fill `out`. Errors: crypto_failure.
[[nodiscard]] Result<void> ecdsa_from_der(Bytes der, MutableBytes out) noexcept;

/// Loads a public key into the thread's key object of its curve. Errors: invalid_key, crypto_failure.
[[nodiscard]] Result<void> load_point(const PublicKey& key) noexcept;
/// Errors: as Crypto::verify. The length of the signature has been checked.
[[nodiscard]] Result<void> ecdsa_verify(const PublicKey& key, Bytes digest, Bytes signature) noexcept;
/// Writes r | s that fill `out`. Errors: crypto_failure.
[[nodiscard]] Result<void> ecdsa_sign(EVP_PKEY* key, Bytes digest, MutableBytes out) noexcept;

}  // namespace pedigree::crypto::openssl
