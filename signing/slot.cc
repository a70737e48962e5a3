// SPDX-License-Identifier: Apache-2.0
#include "signing/slot.h"

#include <algorithm>

#include "signing/tlv_area.h"

namespace pedigree::signing {
namespace {

constexpr std::uint32_t kMagicSize = 16;
constexpr std::uint32_t kUsualAlignment = 8;
/// boot_img_magic: of slots whose flash is written in units of up to 8 octets; and what follows the unit's
/// size where it is larger.
constexpr std::uint8_t kMagic[] = {0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f,
                                   0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80};
constexpr std::uint8_t kAlignedMagic[] = {0x2d, 0xe1, 0x5d, 0x29, 0x41, 0x0b, 0x8d,
                                          0x77, 0x67, 0x9c, 0x11, 0x0f, 0x1f, 0x8a};

std::uint32_t unit(const SlotOptions& options) noexcept {
  return options.max_alignment != 0 ? options.max_alignment : std::max(options.alignment, kUsualAlignment);
}

std::uint32_t align_up(std::uint32_t value, std::uint32_t alignment) noexcept {
  return (value + alignment - 1) / alignment * alignment;
}

}  // namespace

std::uint32_t trailer_size(const SlotOptions& options) noexcept {
  const std::uint32_t magic = align_up(kMagicSize, unit(options));
  if (options.overwrite_only) return 2 * unit(options) + magic;
  return options.max_sectors * 3 * options.alignment + 4 * unit(options) + magic;
}

Result<void> check_slot(const SlotOptions& options, std::uint32_t image_size) noexcept {
  const std::uint32_t trailer = trailer_size(options);
  const std::uint32_t room = options.size > trailer ? options.size - trailer : 0;
  if (image_size > room) return fail(ErrorCode::too_long, room);
  return {};
}

std::vector<SlotPart> trailer_parts(const SlotOptions& options) {
  std::vector<SlotPart> parts;
  if (options.confirmed && !options.overwrite_only) {
    Octets image_ok(unit(options), options.erased_value);
    image_ok[0] = 1;
    parts.push_back({options.size - align_up(kMagicSize, unit(options)) - unit(options), image_ok});
  }
  Octets magic(std::begin(kMagic), std::end(kMagic));
  if (unit(options) != kUsualAlignment) {
    magic.clear();
    append_little_endian(magic, unit(options), 2);
    magic.insert(magic.end(), std::begin(kAlignedMagic), std::end(kAlignedMagic));
  }
  parts.push_back({options.size - kMagicSize, std::move(magic)});
  return parts;
}

}  // namespace pedigree::signing
