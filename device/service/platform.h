// SPDX-License-Identifier: Apache-2.0
// What a port tells the service about the device it runs on, and the limits of its storage.
#pragma once

#include "core/enrol/messages.h"

namespace pedigree::device {

/// A PSA key identifier; 0 means none.
using KeyId = std::uint32_t;

inline constexpr std::size_t kMaxParts = 32;
/// Largest SubjectPublicKeyInfo of a root that can be pinned (RSA-4096: 550 octets; P-384: 120, which is
/// enough for a platform with ECDSA alone).
#ifndef PEDIGREE_MAX_ROOT_SPKI
#define PEDIGREE_MAX_ROOT_SPKI 552
#endif
inline constexpr std::size_t kMaxRootSpki = PEDIGREE_MAX_ROOT_SPKI;

/// Owned by the port, which may change `lifecycle` at run time; everything else is constant.
struct Platform {
  enrol::Lifecycle lifecycle = enrol::Lifecycle::unknown;
  std::array<std::uint8_t, enrol::kDeviceIdSize> device_id{};
  enrol::Entropy entropy = enrol::Entropy::unknown;  ///< what psa_generate_random() draws on
  std::string_view world;                            ///< "TrustZone", "simulated"; at most 15 octets
  KeyId hardware_unique_key = 0;                     ///< derivation key of HKDF-SHA-256
  KeyId builtin_iak = 0;                             ///< P-256
  /// Whether the platform lets the service sign certification requests with the built-in key. Where it does
  /// not, as on stock TF-M, that key is certified by a token request.
  bool iak_signs_requests = false;
  /// Where the platform makes a device *secured* before anybody can give it a chain, as TF-M's own
  /// provisioning does: a secured device without a pinned root is open for provisioning, until its next boot
  /// with one.
  bool open_until_pinned = false;
  std::uint32_t slots = enrol::kMaxSlots;  ///< 1 to kMaxSlots
  KeyId key_base = 0;              ///< the service makes keys key_base + 2 .. key_base + 1 + 2 * slots
  std::uint64_t storage_base = 0;  ///< the service stores at storage_base .. storage_base + 0xfff
  std::uint32_t part_size = 512;   ///< octets of the largest storage asset, at least 512
};

}  // namespace pedigree::device
