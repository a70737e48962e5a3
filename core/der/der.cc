// SPDX-License-Identifier: Apache-2.0
#include "core/der/der.h"

namespace pedigree::der {
namespace {

constexpr unsigned kMaxNesting = 32;
constexpr std::size_t kMaxLengthOctets = 4;

struct Header {
  std::size_t size = 0;    ///< octets of tag and length
  std::size_t length = 0;  ///< octets of content
};

// X.690 8.1.3.5 and 10.1: the long form, `first` = its first octet.
Result<Header> read_long_length(Bytes rest, std::uint32_t offset) noexcept {
  const std::size_t count = rest[1] & 0x7fU;
  if (count == 0) return fail(ErrorCode::indefinite_length, offset + 1);
  if (rest.size() < 2 + count) return fail(ErrorCode::truncated, offset);
  if (rest[2] == 0) return fail(ErrorCode::non_minimal, offset + 1);
  if (count > kMaxLengthOctets) return fail(ErrorCode::too_long, offset + 1);
  std::uint32_t length = 0;
  for (const std::uint8_t octet : rest.subspan(2, count)) length = (length << 8U) | octet;
  if (length < 0x80) return fail(ErrorCode::non_minimal, offset + 1);
  return Header{2 + count, length};
}

Result<Header> read_header(Bytes rest, std::uint32_t offset) noexcept {
  if (rest.size() < 2) return fail(ErrorCode::truncated, offset);
  // 0x1f announces further tag octets; 0 is the end-of-contents of indefinite lengths.
  if ((rest[0] & 0x1fU) == 0x1fU || rest[0] == 0) return fail(ErrorCode::bad_tag, offset);
  Header header{2, rest[1]};
  if (header.length >= 0x80) [[unlikely]] {
    PEDIGREE_ASSIGN(header, read_long_length(rest, offset));
  }
  if (header.length > rest.size() - header.size) return fail(ErrorCode::truncated, offset);
  return header;
}

// Reads an element that must stay unread where its content is refused: `check` sees it first.
template <typename Value, typename Check>
Result<Value> read_checked(Reader& in, Tag tag, Check check) noexcept {
  Reader ahead = in;
  PEDIGREE_ASSIGN(const Element element, read(ahead, tag));
  Result<Value> value = check(element);
  if (value) in = ahead;
  return value;
}

Result<Bytes> check_unsigned(const Element& element) noexcept {
  const Bytes content = element.content;
  if (content.empty()) return fail(ErrorCode::bad_value, element.content_offset);
  if (content[0] >= 0x80) return fail(ErrorCode::negative_number, element.content_offset);
  if (content[0] != 0 || content.size() == 1) return content;
  if (content[1] < 0x80) return fail(ErrorCode::non_minimal, element.content_offset);
  return content.subspan(1);
}

Result<Bytes> check_oid(const Element& element) noexcept {
  const Bytes content = element.content;
  if (content.empty() || content.back() >= 0x80) return fail(ErrorCode::bad_value, element.content_offset);
  bool first = true;
  for (const std::uint8_t octet : content) {
    if (first && octet == 0x80) return fail(ErrorCode::non_minimal, element.content_offset);
    first = octet < 0x80;
  }
  return content;
}

Result<std::uint16_t> check_named_bits(const Element& element) noexcept {
  const Bytes content = element.content;
  const std::uint32_t offset = element.content_offset;
  if (content.empty() || content[0] > 7) return fail(ErrorCode::bad_value, offset);
  if (content.size() > 3) return fail(ErrorCode::too_long, offset);
  const unsigned unused = content[0];
  if (content.size() == 1) return unused == 0 ? Result<std::uint16_t>(0) : fail(ErrorCode::bad_value, offset);
  const unsigned last = content.back();
  if ((last & ((1U << unused) - 1U)) != 0) return fail(ErrorCode::bad_value, offset);
  if ((last >> unused & 1U) == 0) return fail(ErrorCode::non_minimal, offset);
  std::uint16_t bits = 0;
  for (unsigned n = 0; n < 8 * (content.size() - 1); ++n) {
    const unsigned bit = content[1 + n / 8] >> (7 - n % 8) & 1U;
    bits = static_cast<std::uint16_t>(bits | bit << n);
  }
  return bits;
}

}  // namespace

Result<Element> read_any(Reader& in) noexcept {
  const std::uint32_t offset = in.offset();
  const Bytes rest = in.rest();
  PEDIGREE_ASSIGN(const Header header, read_header(rest, offset));
  const std::size_t whole = header.size + header.length;
  in = Reader(rest.subspan(whole), offset + static_cast<std::uint32_t>(whole));
  return Element{rest[0], rest.subspan(header.size, header.length), rest.first(whole),
                 offset + static_cast<std::uint32_t>(header.size)};
}

Result<Element> read(Reader& in, Tag tag) noexcept {
  if (!in.empty() && in.rest()[0] != tag) return fail(ErrorCode::bad_tag, in.offset());
  return read_any(in);
}

bool next_is(const Reader& in, Tag tag) noexcept {
  return !in.empty() && in.rest()[0] == tag;
}

Result<bool> read_boolean(Reader& in) noexcept {
  return read_checked<bool>(in, kBoolean, [](const Element& element) -> Result<bool> {
    if (element.content.size() != 1 || (element.content[0] != 0 && element.content[0] != 0xff)) {
      return fail(ErrorCode::bad_value, element.content_offset);
    }
    return element.content[0] != 0;
  });
}

Result<Bytes> read_unsigned(Reader& in) noexcept {
  return read_checked<Bytes>(in, kInteger, check_unsigned);
}

Result<std::uint32_t> read_u32(Reader& in) noexcept {
  return read_checked<std::uint32_t>(in, kInteger, [](const Element& element) -> Result<std::uint32_t> {
    PEDIGREE_ASSIGN(const Bytes octets, check_unsigned(element));
    if (octets.size() > 4) return fail(ErrorCode::too_long, element.content_offset);
    std::uint32_t value = 0;
    for (const std::uint8_t octet : octets) value = (value << 8U) | octet;
    return value;
  });
}

Result<Bytes> read_oid(Reader& in) noexcept {
  return read_checked<Bytes>(in, kOid, check_oid);
}

Result<Bytes> read_bit_string_octets(Reader& in) noexcept {
  return read_checked<Bytes>(in, kBitString, [](const Element& element) -> Result<Bytes> {
    if (element.content.empty() || element.content[0] != 0) {
      return fail(ErrorCode::bad_value, element.content_offset);
    }
    return element.content.subspan(1);
  });
}

Result<std::uint16_t> read_named_bits(Reader& in) noexcept {
  return read_checked<std::uint16_t>(in, kBitString, check_named_bits);
}

Result<void> read_null(Reader& in) noexcept {
  return read_checked<void>(in, kNull, [](const Element& element) -> Result<void> {
    if (!element.content.empty()) return fail(ErrorCode::bad_value, element.content_offset);
    return {};
  });
}

Result<void> check_nesting(Bytes input, std::uint32_t base, unsigned max_depth) noexcept {
  // Where each open element ends. A loop instead of recursion: the secure world's stack is small.
  std::array<std::uint32_t, kMaxNesting> ends;
  const unsigned limit = std::min(max_depth, kMaxNesting);
  unsigned depth = 0;
  std::size_t at = 0;
  while (at < input.size()) {
    const std::size_t end = depth == 0 ? input.size() : ends[depth - 1];
    const auto offset = base + static_cast<std::uint32_t>(at);
    PEDIGREE_ASSIGN(const Header header, read_header(input.subspan(at, end - at), offset));
    if (depth == limit) return fail(ErrorCode::too_deep, offset);
    const bool constructed = (input[at] & 0x20U) != 0;
    at += header.size;
    if (constructed) {
      ends[depth++] = static_cast<std::uint32_t>(at + header.length);
    } else {
      at += header.length;
    }
    while (depth > 0 && at == ends[depth - 1]) --depth;
  }
  return {};
}

Result<Bytes> ecdsa_to_raw(Bytes der, std::size_t half, MutableBytes out) noexcept {
  if (out.size() < 2 * half) return fail(ErrorCode::buffer_too_small, static_cast<std::uint32_t>(2 * half));
  Reader in(der);
  PEDIGREE_ASSIGN(const Element sequence, read(in, kSequence));
  PEDIGREE_TRY(in.finish());
  Reader fields = sequence.reader();
  std::array<Bytes, 2> numbers;
  for (Bytes& number : numbers) {
    const std::uint32_t offset = fields.offset();
    PEDIGREE_ASSIGN(number, read_unsigned(fields));
    if (number.size() > half) return fail(ErrorCode::too_long, offset);
    if (number[0] == 0) return fail(ErrorCode::bad_value, offset);  // only zero begins with a zero here
  }
  PEDIGREE_TRY(fields.finish());
  const MutableBytes raw = out.first(2 * half);
  std::fill(raw.begin(), raw.end(), std::uint8_t{0});
  std::copy_backward(numbers[0].begin(), numbers[0].end(), raw.first(half).end());
  std::copy_backward(numbers[1].begin(), numbers[1].end(), raw.end());
  return Bytes(raw);
}

}  // namespace pedigree::der
