// SPDX-License-Identifier: Apache-2.0
#include "core/der/der.h"

namespace pedigree::der {
namespace {

Bytes without_leading_zeros(Bytes number) noexcept {
  while (!number.empty() && number[0] == 0) number = number.subspan(1);
  return number;
}

}  // namespace

std::size_t Builder::open(Tag tag) noexcept {
  out_.u8(tag);
  return out_.size();
}

std::size_t Builder::open_bit_string() noexcept {
  const std::size_t opened = open(kBitString);
  out_.u8(0);
  return opened;
}

void Builder::close(std::size_t opened) noexcept {
  std::array<std::uint8_t, 1 + sizeof(std::size_t)> octets;
  std::size_t at = octets.size();
  std::size_t length = out_.size() - opened;
  const bool long_form = length >= 0x80;
  do {
    octets[--at] = static_cast<std::uint8_t>(length);
    length >>= 8U;
  } while (length != 0);
  if (long_form) {
    const std::size_t count = octets.size() - at;
    octets[--at] = static_cast<std::uint8_t>(0x80U | count);
  }
  out_.insert(opened, Bytes(octets).subspan(at));
}

void Builder::enclose(Tag tag, std::size_t start) noexcept {
  out_.insert(start, Bytes(&tag, 1));
  close(start + 1);
}

void Builder::element(Tag tag, const std::uint8_t* content, std::size_t size) noexcept {
  const std::size_t opened = open(tag);
  out_.bytes({content, size});
  close(opened);
}

void Builder::boolean(bool value) noexcept {
  const std::uint8_t octet = value ? 0xff : 0;
  element(kBoolean, Bytes(&octet, 1));
}

void Builder::unsigned_integer(const Bytes& big_endian) noexcept {
  const Bytes number = without_leading_zeros(big_endian);
  const std::size_t opened = open(kInteger);
  if (number.empty() || number[0] >= 0x80) out_.u8(0);
  out_.bytes(number);
  close(opened);
}

void Builder::integer(std::uint32_t value) noexcept {
  std::array<std::uint8_t, 4> octets;
  for (std::size_t i = 0; i < 4; ++i) octets[i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
  unsigned_integer(octets);
}

void Builder::bit_string(const Bytes& octets) noexcept {
  const std::size_t opened = open_bit_string();
  out_.bytes(octets);
  close(opened);
}

void Builder::named_bits(std::uint16_t bits) noexcept {
  std::array<std::uint8_t, 3> content{};
  std::size_t size = 1;
  for (unsigned n = 0; n < 16; ++n) {
    if ((bits >> n & 1U) == 0) continue;
    content[1 + n / 8] = static_cast<std::uint8_t>(content[1 + n / 8] | 0x80U >> n % 8);
    size = 2 + n / 8;
    content[0] = static_cast<std::uint8_t>(7 - n % 8);
  }
  element(kBitString, Bytes(content).first(size));
}

void ecdsa_from_raw(const Bytes& raw, Builder& out) noexcept {
  const std::size_t half = raw.size() / 2;
  const std::size_t opened = out.open(kSequence);
  out.unsigned_integer(raw.first(half));
  out.unsigned_integer(raw.subspan(half));
  out.close(opened);
}

}  // namespace pedigree::der
