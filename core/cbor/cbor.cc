// SPDX-License-Identifier: Apache-2.0
#include "core/cbor/cbor.h"

#include "core/bytes/utf8.h"

namespace pedigree::cbor {
namespace {

/// The initial octet and its argument (RFC 8949 3).
struct Head {
  Major major{};
  std::uint8_t info = 0;  ///< low five bits of the initial octet
  std::uint64_t argument = 0;
};

/// Whether `argument` could have been written in fewer octets than the `width` it has.
bool is_longer_than_needed(std::uint64_t argument, std::size_t width) noexcept {
  if (width == 8) return (argument >> 32U) == 0;
  return static_cast<std::uint32_t>(argument) < (width == 1 ? 24U : 1U << (4U * width));
}

/// Reads a head. ErrorCode{}, or what is wrong; `in` is then unchanged.
Error read_head(Reader& in, Head& head) noexcept {
  const Bytes rest = in.rest();
  const std::uint32_t offset = in.offset();
  if (rest.empty()) return {ErrorCode::truncated, offset};
  head.major = static_cast<Major>(rest[0] >> 5U);
  head.info = rest[0] & 0x1fU;
  head.argument = head.info;
  if (head.info == 31 && head.major >= Major::bstr && head.major <= Major::map) {
    return {ErrorCode::indefinite_length, offset};
  }
  if (head.info > 27) return {ErrorCode::bad_value, offset};
  std::size_t size = 1;
  if (head.info >= 24) {
    const std::size_t width = std::size_t{1} << (head.info - 24U);
    size += width;
    if (rest.size() < size) return {ErrorCode::truncated, offset + 1};
    head.argument = 0;
    for (const std::uint8_t octet : rest.subspan(1, width)) head.argument = head.argument << 8U | octet;
    if (head.major != Major::simple && is_longer_than_needed(head.argument, width)) {
      return {ErrorCode::non_minimal, offset};
    }
    // RFC 8949 3.3: simple values below 32 have no two-octet form.
    if (head.major == Major::simple && width == 1 && head.argument < 32)
      return {ErrorCode::bad_value, offset};
  }
  in = Reader(rest.subspan(size), offset + static_cast<std::uint32_t>(size));
  return {};
}

Result<Head> read_head(Reader& in) noexcept {
  Result<Head> head{Head{}};
  if (const Error error = read_head(in, *head); error.code != ErrorCode{}) head = std::unexpected(error);
  return head;
}

/// Reads a head of this major type and returns its argument.
Result<std::uint64_t> read_argument(Reader& in, Major major) noexcept {
  Reader next = in;
  Head head{};
  Error error = read_head(next, head);
  if (error.code == ErrorCode{} && head.major != major) error = {ErrorCode::bad_tag, in.offset()};
  if (error.code != ErrorCode{}) return std::unexpected(error);
  in = next;
  return head.argument;
}

Result<Bytes> read_string(Reader& in, Major major) noexcept {
  Reader next = in;
  PEDIGREE_ASSIGN(const std::uint64_t size, read_argument(next, major));
  if (size > next.size()) return fail(ErrorCode::truncated, next.offset());
  const auto octets = next.take(static_cast<std::size_t>(size));
  in = next;
  return octets;
}

/// Reads the head of a container whose elements are `items` items each; every item needs at least one octet.
Result<std::size_t> read_count(Reader& in, Major major, std::size_t items) noexcept {
  Reader next = in;
  PEDIGREE_ASSIGN(const std::uint64_t count, read_argument(next, major));
  if (count > next.size() / items) return fail(ErrorCode::truncated, next.offset());
  in = next;
  return static_cast<std::size_t>(count);
}

/// Skips an item's head and string octets; `items` receives how many items it holds. ErrorCode{}, or what is
/// wrong; `in` is then unchanged.
Error skip_flat(Reader& in, std::size_t& items) noexcept {
  Reader next = in;
  Head head{};
  if (const Error error = read_head(next, head); error.code != ErrorCode{}) return error;
  const bool is_string = head.major == Major::bstr || head.major == Major::tstr;
  const bool is_container = head.major == Major::array || head.major == Major::map;
  const std::size_t room = head.major == Major::map ? next.size() / 2 : next.size();
  if ((is_string || is_container) && head.argument > room) return {ErrorCode::truncated, next.offset()};
  const auto argument = static_cast<std::size_t>(head.argument);
  items = head.major == Major::array ? argument
          : head.major == Major::map ? 2 * argument
                                     : std::size_t{head.major == Major::tag};
  const std::size_t octets = is_string ? argument : 0;
  in = Reader(next.rest().subspan(octets), next.offset() + static_cast<std::uint32_t>(octets));
  return {};
}

}  // namespace

Result<Major> peek(const Reader& in) noexcept {
  PEDIGREE_ASSIGN(const std::uint8_t first, in.peek());
  return static_cast<Major>(first >> 5U);
}

Result<std::uint64_t> read_uint(Reader& in) noexcept {
  return read_argument(in, Major::uint);
}

Result<std::int64_t> read_int(Reader& in) noexcept {
  Reader next = in;
  PEDIGREE_ASSIGN(const Head head, read_head(next));
  if (head.major > Major::nint) return fail(ErrorCode::bad_tag, in.offset());
  if (head.argument > static_cast<std::uint64_t>(INT64_MAX)) return fail(ErrorCode::too_long, in.offset());
  in = next;
  const auto value = static_cast<std::int64_t>(head.argument);
  return head.major == Major::nint ? -1 - value : value;
}

Result<Bytes> read_bstr(Reader& in) noexcept {
  return read_string(in, Major::bstr);
}

Result<std::string_view> read_tstr(Reader& in) noexcept {
  Reader next = in;
  PEDIGREE_ASSIGN(const Bytes octets, read_string(next, Major::tstr));
  const std::size_t good = utf8_prefix(octets);
  if (good != octets.size()) {
    return fail(ErrorCode::bad_value, next.offset() - static_cast<std::uint32_t>(octets.size() - good));
  }
  in = next;
  return as_text(octets);
}

Result<std::size_t> read_array(Reader& in) noexcept {
  return read_count(in, Major::array, 1);
}

Result<std::size_t> read_map(Reader& in) noexcept {
  return read_count(in, Major::map, 2);
}

Result<bool> has_key(Reader pairs, std::size_t count, Bytes key) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    PEDIGREE_ASSIGN(const Bytes other, skip(pairs));
    if (equal(other, key)) return true;
    PEDIGREE_TRY(skip(pairs));
  }
  return false;
}

Result<std::size_t> read_unique_map(Reader& in) noexcept {
  Reader pairs = in;
  PEDIGREE_ASSIGN(const std::size_t count, read_map(pairs));
  if (count > kMaxPairs) return fail(ErrorCode::too_many, in.offset());
  // Octets decide, because a value has only one shortest form; and no item is the beginning of another.
  const Bytes all = pairs.rest();
  std::array<std::uint32_t, kMaxPairs> keys;  // where they begin in `all`
  Reader next = pairs;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t offset = next.offset();
    PEDIGREE_ASSIGN(const Bytes key, skip(next));
    for (std::size_t j = 0; j < i; ++j) {
      if (equal(all.subspan(keys[j], key.size()), key)) return fail(ErrorCode::duplicate, offset);
    }
    keys[i] = offset - pairs.offset();
    PEDIGREE_TRY(skip(next));
  }
  in = pairs;
  return count;
}

Result<std::uint64_t> read_tag(Reader& in) noexcept {
  return read_argument(in, Major::tag);
}

Result<bool> read_bool(Reader& in) noexcept {
  Reader next = in;
  PEDIGREE_ASSIGN(const std::uint64_t value, read_argument(next, Major::simple));
  if (next.offset() - in.offset() != 1 || (value != 20 && value != 21)) {
    return fail(ErrorCode::bad_value, in.offset());
  }
  in = next;
  return value == 21;
}

bool next_is_null(const Reader& in) noexcept {
  return in.peek() == std::uint8_t{0xf6};
}

Result<void> read_null(Reader& in) noexcept {
  Reader next = in;
  PEDIGREE_TRY(read_argument(next, Major::simple));
  if (!next_is_null(in)) return fail(ErrorCode::bad_value, in.offset());
  in = next;
  return {};
}

Result<Bytes> skip(Reader& in) noexcept {
  Reader next = in;
  std::array<std::size_t, kMaxDepth> open;  // items still to come in each open container
  std::size_t depth = 0;
  do {
    const std::uint32_t offset = next.offset();
    std::size_t items = 0;
    if (const Error error = skip_flat(next, items); error.code != ErrorCode{}) return std::unexpected(error);
    if (depth > 0) --open[depth - 1];
    if (items > 0) {
      if (depth == kMaxDepth) return fail(ErrorCode::too_deep, offset);
      open[depth++] = items;
    }
    while (depth > 0 && open[depth - 1] == 0) --depth;
  } while (depth > 0);
  return in.take(in.size() - next.size());
}

void Encoder::head(Major major, std::uint64_t argument) noexcept {
  const auto type = static_cast<std::uint8_t>(static_cast<unsigned>(major) << 5U);
  if (argument < 24) {
    out_.u8(static_cast<std::uint8_t>(type | argument));
    return;
  }
  const auto low = static_cast<std::uint32_t>(argument);
  const unsigned log_width = argument >> 32U != 0 ? 3 : low > 0xffff ? 2 : low > 0xff ? 1 : 0;
  out_.u8(static_cast<std::uint8_t>(type | (24U + log_width)));
  out_.big_endian(argument, std::size_t{1} << log_width);
}

void Encoder::integer(std::int64_t value) noexcept {
  if (value < 0) {
    head(Major::nint, static_cast<std::uint64_t>(-1 - value));
  } else {
    head(Major::uint, static_cast<std::uint64_t>(value));
  }
}

void Encoder::bstr(Bytes octets) noexcept {
  head(Major::bstr, octets.size());
  out_.bytes(octets);
}

void Encoder::tstr(std::string_view text) noexcept {
  head(Major::tstr, text.size());
  out_.bytes(as_bytes(text));
}

}  // namespace pedigree::cbor
