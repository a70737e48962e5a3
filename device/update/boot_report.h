// SPDX-License-Identifier: Apache-2.0
// What the boot stage hands to the secure world: which images it has started, and how it measured them.
#pragma once

#include "core/firmware_image/image.h"
#include "device/update/state.h"

namespace pedigree::update {

/// An image that the boot stage has verified.
struct Measured {
  std::uint8_t slot = kNoSlot;  ///< of the non-secure image; 0 for the secure one; kNoSlot: none was started
  std::uint8_t digest_size = 0;
  bool has_counter = false;
  std::uint32_t security_counter = 0;
  std::uint32_t size = 0;  ///< octets, TLV areas included
  image::Version version;
  std::array<std::uint8_t, crypto::kMaxDigestSize> digest{};  ///< as MCUboot measures it
  Sha256 signer{};                                            ///< of the signing key's SubjectPublicKeyInfo
  [[nodiscard]] Bytes digest_view() const noexcept { return Bytes(digest).first(digest_size); }
};

/// Laid into memory that is the secure world's alone; the same compiler makes both sides.
struct BootReport {
  static constexpr std::uint32_t kMagic = 0x50444252;  // "PDBR"
  std::uint32_t magic = 0;
  std::array<Measured, kImages> images{};  ///< index: kNonSecure, kSecure
  std::uint16_t nonsecure_error = 0;       ///< where none was started: ErrorCode why
  Sha256 root{};                           ///< of the firmware root's SubjectPublicKeyInfo, from OTP
};

}  // namespace pedigree::update
