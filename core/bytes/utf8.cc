// SPDX-License-Identifier: Apache-2.0
#include "core/bytes/utf8.h"

namespace pedigree {

std::size_t utf8_character(Bytes text) noexcept {
  if (text.empty()) return 0;
  const std::uint8_t first = text[0];
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;  // continuation, overlong, or above U+10FFFF
  const std::size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (size > text.size()) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((text[i] & 0xc0U) != 0x80) return 0;
  }
  // The second octet's range is narrower after four first octets (RFC 3629 4).
  const std::uint8_t second = text[1];
  if (first == 0xe0 && second < 0xa0) return 0;
  if (first == 0xed && second > 0x9f) return 0;
  if (first == 0xf0 && second < 0x90) return 0;
  if (first == 0xf4 && second > 0x8f) return 0;
  return size;
}

std::size_t utf8_prefix(Bytes text) noexcept {
  std::size_t size = 0;
  while (const std::size_t character = utf8_character(text.subspan(size))) size += character;
  return size;
}

}  // namespace pedigree
