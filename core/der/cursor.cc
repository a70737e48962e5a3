// SPDX-License-Identifier: Apache-2.0
#include "core/der/cursor.h"

namespace pedigree::der {
namespace {

constexpr std::size_t kMaxLengthOctets = 4;
constexpr unsigned kMaxNesting = 32;

struct Header {
  std::size_t size = 0;    ///< octets of tag and length
  std::size_t length = 0;  ///< octets of content
};

// X.690 8.1.2 and 8.1.3. Empty code: well-formed.
ErrorCode read_header(const Bytes& rest, Header& header) noexcept {
  if (rest.size() < 2) return ErrorCode::truncated;
  // 0x1f announces further tag octets; 0 is the end-of-contents of indefinite lengths.
  if ((rest[0] & 0x1fU) == 0x1fU || rest[0] == 0) return ErrorCode::bad_tag;
  header = {2, rest[1]};
  if (header.length >= 0x80) [[unlikely]] {
    // The long form (8.1.3.5 and 10.1).
    header.size += header.length & 0x7fU;
    if (header.size == 2) return ErrorCode::indefinite_length;
    if (rest.size() < header.size) return ErrorCode::truncated;
    if (rest[2] == 0) return ErrorCode::non_minimal;
    if (header.size > 2 + kMaxLengthOctets) return ErrorCode::too_long;
    header.length = 0;
    for (std::size_t i = 2; i < header.size; ++i) header.length = (header.length << 8U) | rest[i];
    if (header.length < 0x80) return ErrorCode::non_minimal;
  }
  return header.length > rest.size() - header.size ? ErrorCode::truncated : ErrorCode{};
}

}  // namespace

void Cursor::fail(ErrorCode code, std::uint32_t offset) noexcept {
  if (ok()) *first_ = {code, offset};
}

void Cursor::require_more(ErrorCode code) noexcept {
  require(!in_.empty(), code, in_.offset());
}

bool Cursor::next_is(Tag tag) const noexcept {
  return more() && in_.rest()[0] == tag;
}

Element Cursor::any() noexcept {
  if (!ok()) return {};
  const std::uint32_t offset = in_.offset();
  const Bytes rest = in_.rest();
  Header header;
  if (const ErrorCode error = read_header(rest, header); error != ErrorCode{}) {
    const bool in_length = error != ErrorCode::truncated && error != ErrorCode::bad_tag;
    *first_ = {error, offset + (in_length ? 1 : 0)};
    return {};
  }
  const std::size_t whole = header.size + header.length;
  in_ = Reader(rest.subspan(whole), offset + static_cast<std::uint32_t>(whole));
  return Element{rest[0], Bytes(rest.data() + header.size, header.length), rest.first(whole),
                 offset + static_cast<std::uint32_t>(header.size)};
}

Element Cursor::read(Tag tag) noexcept {
  if (!in_.empty() && in_.rest()[0] != tag) fail(ErrorCode::bad_tag, in_.offset());
  return any();
}

Cursor Cursor::inside(const Element& element) const noexcept {
  return inside(element.content, element.content_offset);
}

Cursor Cursor::inside(const Bytes& content, std::uint32_t offset) const noexcept {
  return Cursor(Reader(content, offset), *first_);
}

Cursor Cursor::open(Tag tag) noexcept {
  return inside(read(tag));
}

bool Cursor::skip_if(Tag tag) noexcept {
  if (!next_is(tag)) return false;
  any();
  return true;
}

Cursor Cursor::open_only(Tag tag) noexcept {
  const Cursor content = open(tag);
  finish();
  return content;
}

void Cursor::finish() noexcept {
  require(in_.empty(), ErrorCode::trailing_data, in_.offset());
}

bool Cursor::boolean() noexcept {
  const Element element = read(kBoolean);
  const std::uint8_t value = element.content.size() == 1 ? element.content[0] : 1;
  require(value == 0 || value == 0xff, ErrorCode::bad_value, element.content_offset);
  return value == 0xff;
}

bool Cursor::boolean_or_false() noexcept {
  if (!next_is(kBoolean)) return false;
  const std::uint32_t offset = in_.offset();
  const bool value = boolean();
  require(value, ErrorCode::bad_value, offset);
  return value;
}

Element Cursor::non_negative() noexcept {
  Element element = read(kInteger);
  const Bytes content = element.content;
  const std::uint32_t offset = element.content_offset;
  if (content.empty()) {
    fail(ErrorCode::bad_value, offset);
    return element;
  }
  require(content[0] < 0x80, ErrorCode::negative_number, offset);
  if (content[0] == 0 && content.size() > 1) {
    require(content[1] >= 0x80, ErrorCode::non_minimal, offset);
    element.content = content.subspan(1);
  }
  return element;
}

Bytes Cursor::unsigned_integer() noexcept {
  return non_negative().content;
}

std::uint32_t Cursor::u32() noexcept {
  const Element element = non_negative();
  require(element.content.size() <= 4, ErrorCode::too_long, element.content_offset);
  std::uint32_t value = 0;
  for (const std::uint8_t octet : element.content) value = (value << 8U) | octet;
  return value;
}

Bytes Cursor::oid() noexcept {
  const Element element = read(kOid);
  const Bytes& content = element.content;
  if (content.empty() || content.back() >= 0x80) fail(ErrorCode::bad_value, element.content_offset);
  bool first = true;
  for (const std::uint8_t octet : content) {
    if (first && octet == 0x80) fail(ErrorCode::non_minimal, element.content_offset);
    first = octet < 0x80;
  }
  return content;
}

Bytes Cursor::bit_string_octets() noexcept {
  const Element element = read(kBitString);
  if (!element.content.empty() && element.content[0] == 0) return element.content.subspan(1);
  fail(ErrorCode::bad_value, element.content_offset);
  return {};
}

std::uint16_t Cursor::named_bits() noexcept {
  const Element element = read(kBitString);
  const Bytes& content = element.content;
  const std::uint32_t offset = element.content_offset;
  if (content.empty() || content[0] > 7) fail(ErrorCode::bad_value, offset);
  require(content.size() <= 3, ErrorCode::too_long, offset);
  if (!ok()) return 0;
  const unsigned unused = content[0];
  const unsigned last = content.size() == 1 ? 0 : content.back();
  // No bits at all is a string of one octet; otherwise the unused bits are 0 and the last bit used is 1.
  if ((last & ((1U << unused) - 1U)) != 0 || (content.size() == 1 && unused != 0)) {
    fail(ErrorCode::bad_value, offset);
  }
  require(content.size() == 1 || (last >> unused & 1U) != 0, ErrorCode::non_minimal, offset);
  unsigned bits = 0;
  for (std::size_t i = content.size(); i-- > 1;) {
    for (unsigned n = 0; n < 8; ++n) bits = (bits << 1U) | (content[i] >> n & 1U);
  }
  return static_cast<std::uint16_t>(bits);
}

void Cursor::null() noexcept {
  const Element element = read(kNull);
  require(element.content.empty(), ErrorCode::bad_value, element.content_offset);
}

void Cursor::nested(unsigned max_depth) noexcept {
  // What follows each open element, in octets. A loop instead of recursion: the secure world's stack is
  // small.
  std::array<std::size_t, kMaxNesting> outer;
  const unsigned limit = std::min(max_depth, kMaxNesting);
  unsigned depth = 0;
  while (more()) {
    const std::uint32_t offset = in_.offset();
    const Element element = any();
    require(depth < limit, ErrorCode::too_deep, offset);
    if (!ok()) return;
    if ((element.tag & 0x20U) != 0) {
      outer[depth++] = in_.size();
      in_ = element.reader();
    }
    while (in_.empty() && depth > 0) in_ = Reader(Bytes(in_.rest().data(), outer[--depth]), in_.offset());
  }
}

}  // namespace pedigree::der
