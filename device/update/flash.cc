// SPDX-License-Identifier: Apache-2.0
#include "device/update/flash.h"

namespace pedigree::update {

bool is_blank(Bytes octets) noexcept {
  return std::ranges::all_of(octets, [](std::uint8_t octet) { return octet == 0xff; });
}

void program(Flash& flash, std::size_t offset, Bytes data) noexcept {
  for (std::size_t done = 0; done < data.size(); done += Flash::kMaxProgram) {
    flash.program(offset + done, data.subspan(done, std::min(Flash::kMaxProgram, data.size() - done)));
  }
}

void erase(Flash& flash, const Layout& layout, std::size_t offset, std::size_t size) noexcept {
  for (std::size_t at = offset; at < offset + size; at += layout.sector) {
    if (!is_blank(flash.contents().subspan(at, layout.sector))) flash.erase_sector(at);
  }
}

}  // namespace pedigree::update
