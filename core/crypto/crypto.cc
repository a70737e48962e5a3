// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/crypto.h"

namespace pedigree::crypto {

std::string_view name(KeyType type) noexcept {
  switch (type) {
    case KeyType::p256:
      return "P-256";
    case KeyType::p384:
      return "P-384";
    case KeyType::ed25519:
      return "Ed25519";
    case KeyType::rsa2048:
      return "RSA-2048";
    case KeyType::rsa3072:
      return "RSA-3072";
    case KeyType::rsa4096:
      return "RSA-4096";
  }
  return "unknown key type";
}

std::string_view name(SignatureAlgorithm algorithm) noexcept {
  constexpr std::string_view kNames[3][3] = {
      {"ecdsa-with-SHA256", "ecdsa-with-SHA384", "ecdsa-with-SHA512"},
      {"sha256WithRSAEncryption", "sha384WithRSAEncryption", "sha512WithRSAEncryption"},
      {"RSASSA-PSS-SHA256", "RSASSA-PSS-SHA384", "RSASSA-PSS-SHA512"},
  };
  const auto hash = static_cast<std::size_t>(algorithm.hash) - 1;
  if (algorithm.scheme == Scheme::eddsa) return "Ed25519";
  if (hash > 2) return "unknown signature algorithm";
  switch (algorithm.scheme) {
    case Scheme::ecdsa:
      return kNames[0][hash];
    case Scheme::rsa_pkcs1:
      return kNames[1][hash];
    case Scheme::rsa_pss:
      return kNames[2][hash];
    case Scheme::eddsa:
      break;
  }
  return "unknown signature algorithm";
}

}  // namespace pedigree::crypto
