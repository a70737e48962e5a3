// SPDX-License-Identifier: Apache-2.0
// Published development keys, known by the SHA-256 of their SubjectPublicKeyInfo. Anyone holds the private
// half, so a certificate for one of them says nothing.
#pragma once

#include <optional>
#include <string_view>

#include "core/bytes/bytes.h"

namespace pedigree::x509 {

/// SHA-256 of the SubjectPublicKeyInfo of those that a device must not ship with.
inline constexpr std::array<Sha256, 3> kTestKeys{{
    {0x7b, 0x1a, 0x17, 0x14, 0x7c, 0xa9, 0x07, 0xe1, 0x6c, 0xad, 0x79, 0x90, 0x1f, 0xef, 0x13, 0x99,
     0x1e, 0xc6, 0x20, 0x6e, 0x3d, 0x14, 0x8b, 0x65, 0x70, 0x68, 0xad, 0x6c, 0x4c, 0xba, 0x46, 0x26},
    {0xe3, 0x04, 0x66, 0xf6, 0xb8, 0x47, 0x0c, 0x1f, 0x29, 0x07, 0x0b, 0x17, 0xf1, 0xe2, 0xd3, 0xe9,
     0x4d, 0x44, 0x5e, 0x3f, 0x60, 0x80, 0x87, 0xfd, 0xc7, 0x11, 0xe4, 0x38, 0x2b, 0xb5, 0x38, 0xb6},
    {0x6b, 0xcd, 0x1e, 0x16, 0xd8, 0x0e, 0x5f, 0xe1, 0x3a, 0x53, 0x07, 0xe6, 0xf1, 0xde, 0x83, 0x44,
     0xc7, 0xe5, 0x0e, 0x53, 0x7d, 0x99, 0x62, 0xce, 0x35, 0xef, 0x6d, 0xb5, 0xe6, 0x42, 0xfa, 0xe8},
}};

/// Who published each of them. Apart from the hashes, so that a device, which reports a flag, holds no text.
inline constexpr std::array<std::string_view, kTestKeys.size()> kTestKeyOrigins{
    "TF-M's dummy initial attestation key", "MCUboot's root-ec-p256.pem", "MCUboot's root-ec-p384.pem"};

/// Whether a key with this hash is one of them.
[[nodiscard]] constexpr bool is_test_key(Bytes spki_sha256) noexcept {
  for (const Sha256& key : kTestKeys) {
    if (equal(key, spki_sha256)) return true;
  }
  return false;
}

/// Who published this key, if it is one of the published test keys. Static storage.
[[nodiscard]] constexpr std::optional<std::string_view> test_key_origin(Bytes spki_sha256) noexcept {
  for (std::size_t i = 0; i < kTestKeys.size(); ++i) {
    if (equal(kTestKeys[i], spki_sha256)) return kTestKeyOrigins[i];
  }
  return std::nullopt;
}

}  // namespace pedigree::x509
