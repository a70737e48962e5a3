// SPDX-License-Identifier: Apache-2.0
#include "core/der/cursor.h"

namespace pedigree::der {
namespace {

constexpr std::size_t kMaxLengthOctets = 4;
constexpr std::size_t kMaxNesting = 32;

}  // namespace

Cursor::Cursor(const Bytes& in, std::uint32_t base) noexcept
    : at_(in.data()), end_(at_ + in.size()), origin_(address(at_) - base) {}

void Cursor::fail(ErrorCode code, const std::uint8_t* where) noexcept {
  if (ok()) first_ = {code, offset(where)};
  at_ = end_ = start_ = content_ = nothing();
  size_ = 0;
}

void Cursor::require_more(ErrorCode code) noexcept {
  if (!more()) fail(code, at_);
}

void Cursor::finish() noexcept {
  if (more()) fail(ErrorCode::trailing_data, at_);
}

bool Cursor::next_is(Tag tag) const noexcept {
  return more() && *at_ == tag;
}

// X.690 8.1.2 and 8.1.3.
void Cursor::any() noexcept {
  const std::uint8_t* const start = at_;
  const auto left = static_cast<std::size_t>(end_ - start);
  if (left < 2) return fail(ErrorCode::truncated, start);
  // 0x1f announces further tag octets; 0 is the end-of-contents of indefinite lengths.
  if ((start[0] & 0x1fU) == 0x1fU || start[0] == 0) return fail(ErrorCode::bad_tag, start);
  std::size_t length = start[1];
  std::size_t header = 2;
  if (length >= 0x80) [[unlikely]] {
    // The long form (8.1.3.5 and 10.1).
    header += length & 0x7fU;
    if (header == 2) return fail(ErrorCode::indefinite_length, start + 1);
    if (header > left) return fail(ErrorCode::truncated, start);
    if (start[2] == 0) return fail(ErrorCode::non_minimal, start + 1);
    if (header > 2 + kMaxLengthOctets) return fail(ErrorCode::too_long, start + 1);
    length = 0;
    for (std::size_t i = 2; i < header; ++i) length = (length << 8U) | start[i];
    if (length < 0x80) return fail(ErrorCode::non_minimal, start + 1);
  }
  if (length > left - header) return fail(ErrorCode::truncated, start);
  start_ = start;
  content_ = start + header;
  size_ = length;
  at_ = content_ + length;
}

void Cursor::read(Tag tag) noexcept {
  if (more() && *at_ != tag) fail(ErrorCode::bad_tag, at_);
  any();
}

bool Cursor::skip_if(Tag tag) noexcept {
  const bool there = next_is(tag);
  if (there) any();
  return there;
}

const std::uint8_t* Cursor::enter() noexcept {
  const std::uint8_t* const outer_end = end_;
  at_ = content_;
  end_ = content_ + size_;
  return outer_end;
}

const std::uint8_t* Cursor::enter(Tag tag) noexcept {
  read(tag);
  return enter();
}

void Cursor::leave(const std::uint8_t* outer_end) noexcept {
  finish();
  if (ok()) end_ = outer_end;
}

bool Cursor::boolean() noexcept {
  read(kBoolean);
  const unsigned value = size_ == 1 ? *content_ : 1U;
  require(value == 0 || value == 0xff, ErrorCode::bad_value);
  return value == 0xff;
}

bool Cursor::boolean_or_false() noexcept {
  if (!next_is(kBoolean)) return false;
  const bool value = boolean();
  require(value, ErrorCode::bad_value, start_);
  return value;
}

void Cursor::check_unsigned() noexcept {
  if (size_ == 0) return refuse(ErrorCode::bad_value);
  if (*content_ >= 0x80) return refuse(ErrorCode::negative_number);
  if (*content_ != 0 || size_ == 1) return;
  if (content_[1] < 0x80) return refuse(ErrorCode::non_minimal);
  ++content_;
  --size_;
}

void Cursor::unsigned_integer() noexcept {
  read(kInteger);
  check_unsigned();
}

std::uint32_t Cursor::u32() noexcept {
  read(kInteger);
  const std::uint8_t* const number = content_;
  check_unsigned();
  require(size_ <= 4, ErrorCode::too_long, number);
  std::uint32_t value = 0;
  for (const std::uint8_t octet : content()) value = (value << 8U) | octet;
  return value;
}

void Cursor::oid() noexcept {
  read(kOid);
  const Bytes octets = content();
  if (octets.empty() || octets.back() >= 0x80) return refuse(ErrorCode::bad_value);
  bool first = true;
  for (const std::uint8_t octet : octets) {
    if (first && octet == 0x80) return refuse(ErrorCode::non_minimal);
    first = octet < 0x80;
  }
}

unsigned Cursor::bit_string(Tag tag, unsigned max_unused) noexcept {
  read(tag);
  const unsigned unused = size_ == 0 ? 8 : *content_;
  // Without bits, the last octet is that number itself, which then has to be zero.
  if (unused > max_unused || (content_[size_ - 1] & ((1U << unused) - 1U)) != 0) {
    refuse(ErrorCode::bad_value);
    return 0;
  }
  ++content_;
  --size_;
  return unused;
}

std::uint16_t Cursor::named_bits() noexcept {
  const unsigned unused = bit_string(kBitString, 7);
  const std::uint8_t* const octets = content_;
  const std::size_t size = size_;
  if (size > 2) fail(ErrorCode::too_long, octets - 1);
  // The last bit is a one; no bits at all are a string of no octets.
  if (size > 0 && (octets[size - 1] >> unused & 1U) == 0) fail(ErrorCode::non_minimal, octets - 1);
  if (!ok()) return 0;
  unsigned bits = 0;
  for (std::size_t n = 0; n < 8 * size; ++n) bits |= (octets[n / 8] >> (7 - n % 8) & 1U) << n;
  return static_cast<std::uint16_t>(bits);
}

void Cursor::null() noexcept {
  read(kNull);
  require(size_ == 0, ErrorCode::bad_value);
}

void Cursor::nested(unsigned max_depth) noexcept {
  // The ends of the elements that are open. A loop instead of recursion: the secure world's stack is small.
  std::array<const std::uint8_t*, kMaxNesting> outer;
  const std::size_t limit = std::min<std::size_t>(max_depth, kMaxNesting);
  std::size_t depth = 0;
  do {
    any();
    require(depth < limit, ErrorCode::too_deep, start_);
    if (!ok()) return;
    if ((tag() & 0x20U) != 0) outer[depth++] = enter();
    while (depth > 0 && !more()) end_ = outer[--depth];
  } while (depth > 0);
}

void Cursor::nested_content(unsigned max_depth) noexcept {
  const Inside inside(*this);
  while (more()) nested(max_depth);
}

}  // namespace pedigree::der
