// SPDX-License-Identifier: Apache-2.0
// RSA public keys, checked the same way whatever the back end: the one place that decides which are accepted.
#pragma once

#include "core/crypto/crypto.h"

namespace pedigree::crypto {

/// Borrowed big-endian numbers without leading zeros.
struct RsaPublicKey {
  Bytes modulus;
  Bytes exponent;
};

/// Bits of the modulus of an RSA key type: 2048, 3072 or 4096; 0 for other types.
[[nodiscard]] constexpr std::size_t modulus_bits(KeyType type) noexcept {
  switch (type) {
    case KeyType::rsa2048:
      return 2048;
    case KeyType::rsa3072:
      return 3072;
    case KeyType::rsa4096:
      return 4096;
    case KeyType::p256:
    case KeyType::p384:
    case KeyType::ed25519:
      break;
  }
  return 0;
}

/// Parses DER RSAPublicKey (RFC 8017 A.1.1): an odd modulus of exactly the type's bits, an odd exponent of 3
/// or more and at most 32 bits. Errors: invalid_key.
[[nodiscard]] Result<RsaPublicKey> parse_rsa_public_key(const PublicKey& key) noexcept;

}  // namespace pedigree::crypto
