// SPDX-License-Identifier: Apache-2.0
// What the boot stage decides: whether the secure image may run, and which non-secure image. Nothing is
// started before it has been verified up to the firmware root where it will run.
#pragma once

#include "core/firmware_image/boot_image.h"
#include "device/update/boot_report.h"

namespace pedigree::update {

/// What the boot stage works with; everything is borrowed.
struct BootPlatform {
  const crypto::Crypto& crypto;
  Flash& flash;
  const Layout& layout;
  Sha256 root{};                     ///< SHA-256 of the firmware root's SubjectPublicKeyInfo, from OTP
  Bytes secure;                      ///< memory that holds the secure image, header first; executed in place
  MutableBytes execution;            ///< where the non-secure image is copied to and verified, header first
  std::uint32_t secure_address = 0;  ///< load_address that the secure image's header must state (ROM_FIXED)
  std::uint32_t nonsecure_address = 0;  ///< the same of the non-secure image (RAM_LOAD)
};

/// Hears why images are not started.
class BootLog {
 public:
  BootLog(const BootLog&) = delete;
  BootLog& operator=(const BootLog&) = delete;
  /// The image of this slot (kSecure: 0) is refused.
  virtual void refused(std::size_t image, std::uint8_t slot, ErrorCode code) noexcept = 0;
  /// The image of this slot ran at the last boot to be tested, and was not confirmed.
  virtual void reverted(std::uint8_t slot) noexcept = 0;

 protected:
  constexpr BootLog() noexcept = default;
  ~BootLog() = default;
};

/// Decides about one boot.
///
/// Every image must verify (image::verify_boot_image) by a chain up to the root, none of whose keys the
/// stored list of revoked signers names; it must be for its place by its header (load_address, and RAM_LOAD
/// or ROM_FIXED), bootable, and its security counter (none: 0) not below the stored one. The non-secure slots
/// are tried in this order: the pending one, the confirmed one, the other. What changes is written as one
/// record before anything runs: a pending slot is tried once, or confirmed where it is permanent, which
/// raises the counters; what was refused is noted.
///
/// `report.nonsecure_error` says why no non-secure image was started, where none was. Errors: storage_corrupt
/// (state or list), those of verification for the secure image; nothing may be started then.
[[nodiscard]] Result<void> boot(const BootPlatform& platform, BootLog& log, BootReport& report) noexcept;

}  // namespace pedigree::update
