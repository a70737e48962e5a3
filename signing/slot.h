// SPDX-License-Identifier: Apache-2.0
// A slot of flash that holds an image: the boot loader keeps its state at the slot's end, so an image may not
// reach there, and a slot that is written whole can say that its image is to be tried or is confirmed.
#pragma once

#include "signing/sign_image.h"

namespace pedigree::signing {

struct SlotOptions {
  std::uint32_t size = 0;       ///< octets
  std::uint32_t alignment = 1;  ///< of flash writes: 1, 2, 4, 8, 16 or 32
  std::uint32_t max_alignment =
      0;  ///< the larger of both slots': 8, 16 or 32; 0: alignment, or 8 if that is less
  std::uint32_t max_sectors = 128;  ///< whose swap the trailer keeps track of
  bool overwrite_only = false;      ///< the boot loader copies and does not swap
  bool confirmed = false;           ///< the image is not tried first
  std::uint8_t erased_value = 0xff;
};

/// Octets of the trailer at a slot's end, as MCUboot lays it out without encryption: three records for each
/// sector, four flags, and a magic number; only flags and magic where it overwrites.
[[nodiscard]] std::uint32_t trailer_size(const SlotOptions& options) noexcept;

/// Errors: too_long (offset = octets that there are for the image) where image and trailer do not fit.
[[nodiscard]] Result<void> check_slot(const SlotOptions& options, std::uint32_t image_size) noexcept;

/// What of the trailer is not erased, ascending: the flag image_ok where `confirmed`, and the magic number.
struct SlotPart {
  std::uint32_t offset = 0;  ///< from the slot's start
  Octets octets;
};
[[nodiscard]] std::vector<SlotPart> trailer_parts(const SlotOptions& options);

}  // namespace pedigree::signing
