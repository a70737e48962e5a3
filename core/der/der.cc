// SPDX-License-Identifier: Apache-2.0
#include "core/der/cursor.h"

namespace pedigree::der {
namespace {

// Copies a big-endian number to the end of `out`, zeros before it.
void copy_number(const Bytes& number, const MutableBytes& out) noexcept {
  std::fill(out.begin(), out.end(), std::uint8_t{0});
  std::copy_backward(number.begin(), number.end(), out.end());
}

}  // namespace

Result<Element> read_any(Reader& in) noexcept {
  return read_with_cursor(in, [](Cursor& cursor) { return cursor.any(); });
}

Result<Element> read(Reader& in, Tag tag) noexcept {
  return read_with_cursor(in, [tag](Cursor& cursor) { return cursor.read(tag); });
}

bool next_is(const Reader& in, Tag tag) noexcept {
  return !in.empty() && in.rest()[0] == tag;
}

Result<bool> read_boolean(Reader& in) noexcept {
  return read_with_cursor(in, [](Cursor& cursor) { return cursor.boolean(); });
}

Result<Bytes> read_unsigned(Reader& in) noexcept {
  return read_with_cursor(in, [](Cursor& cursor) { return cursor.unsigned_integer(); });
}

Result<std::uint32_t> read_u32(Reader& in) noexcept {
  return read_with_cursor(in, [](Cursor& cursor) { return cursor.u32(); });
}

Result<Bytes> read_oid(Reader& in) noexcept {
  return read_with_cursor(in, [](Cursor& cursor) { return cursor.oid(); });
}

Result<Bytes> read_bit_string_octets(Reader& in) noexcept {
  return read_with_cursor(in, [](Cursor& cursor) { return cursor.bit_string_octets(); });
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
  return read_with_cursor(in, [max_depth](Cursor& cursor) { cursor.nested(max_depth); });
}

Result<Bytes> ecdsa_to_raw(const Bytes& der, std::size_t half, const MutableBytes& out) noexcept {
  if (out.size() < 2 * half) return fail(ErrorCode::buffer_too_small, static_cast<std::uint32_t>(2 * half));
  Error first;
  Cursor in(Reader(der), first);
  Cursor fields = in.open_only(kSequence);
  std::array<Bytes, 2> numbers;
  for (Bytes& number : numbers) {
    const std::uint32_t offset = fields.offset();
    number = fields.unsigned_integer();
    fields.require(number.size() <= half, ErrorCode::too_long, offset);
    if (number.empty() || number[0] == 0)
      fields.fail(ErrorCode::bad_value, offset);  // only zero begins with a zero here
  }
  fields.finish();
  if (!fields.ok()) return std::unexpected(first);
  const MutableBytes raw = out.first(2 * half);
  copy_number(numbers[0], raw.first(half));
  copy_number(numbers[1], raw.subspan(half));
  return Bytes(raw);
}

}  // namespace pedigree::der
