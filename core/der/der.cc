// SPDX-License-Identifier: Apache-2.0
#include "core/der/cursor.h"

namespace pedigree::der {
Result<Element> read_any(Reader& in) noexcept {
  return read_with_cursor(in, [](Cursor& cursor) {
    cursor.any();
    return cursor.element();
  });
}

Result<Element> read(Reader& in, Tag tag) noexcept {
  return read_with_cursor(in, [tag](Cursor& cursor) {
    cursor.read(tag);
    return cursor.element();
  });
}

bool next_is(const Reader& in, Tag tag) noexcept {
  return !in.empty() && in.rest()[0] == tag;
}

Result<bool> read_boolean(Reader& in) noexcept {
  return read_with_cursor(in, [](Cursor& cursor) { return cursor.boolean(); });
}

Result<Bytes> read_unsigned(Reader& in) noexcept {
  return read_with_cursor(in, [](Cursor& cursor) {
    cursor.unsigned_integer();
    return cursor.content();
  });
}

Result<std::uint32_t> read_u32(Reader& in) noexcept {
  return read_with_cursor(in, [](Cursor& cursor) { return cursor.u32(); });
}

Result<Bytes> read_oid(Reader& in) noexcept {
  return read_with_cursor(in, [](Cursor& cursor) {
    cursor.oid();
    return cursor.content();
  });
}

Result<Bytes> read_bit_string_octets(Reader& in) noexcept {
  return read_with_cursor(in, [](Cursor& cursor) {
    cursor.bit_string_octets();
    return cursor.content();
  });
}

Result<std::uint16_t> read_named_bits(Reader& in) noexcept {
  return read_with_cursor(in, [](Cursor& cursor) { return cursor.named_bits(); });
}

Result<void> read_null(Reader& in) noexcept {
  return read_with_cursor(in, [](Cursor& cursor) { cursor.null(); });
}

Result<UnixTime> read_time(Reader& in) noexcept {
  return read_with_cursor(in, [](Cursor& cursor) { return cursor.time(); });
}

Result<void> check_nesting(Bytes input, std::uint32_t base, unsigned max_depth) noexcept {
  Reader in(input, base);
  return read_with_cursor(in, [max_depth](Cursor& cursor) {
    while (cursor.more()) cursor.nested(max_depth);
  });
}

void read_ecdsa_signature(Cursor& in, const MutableBytes& raw) noexcept {
  const std::size_t half = raw.size() / 2;
  std::uint8_t* end = raw.data();
  const Inside sequence(in, kSequence);
  for (unsigned n = 0; n < 2; ++n) {
    const std::uint8_t* const start = in.at();
    in.unsigned_integer();
    in.require(in.content().size() <= half, ErrorCode::too_long, start);
    const Bytes number = in.content();
    if (number.empty() || number[0] == 0) {  // only zero begins with a zero here
      return in.fail(ErrorCode::bad_value, start);
    }
    end += half;
    std::uint8_t* to = end - number.size();
    for (const std::uint8_t octet : number) *to++ = octet;
  }
}

Result<Bytes> ecdsa_to_raw(const Bytes& der, std::size_t half, const MutableBytes& out) noexcept {
  if (out.size() < 2 * half) return fail(ErrorCode::buffer_too_small, static_cast<std::uint32_t>(2 * half));
  const MutableBytes raw = out.first(2 * half);
  std::fill(raw.begin(), raw.end(), std::uint8_t{0});
  Cursor in(der);
  read_ecdsa_signature(in, raw);
  in.finish();
  if (!in.ok()) return std::unexpected(in.error());
  return Bytes(raw);
}

}  // namespace pedigree::der
