// SPDX-License-Identifier: Apache-2.0
// CBOR (RFC 8949) without a heap: definite lengths and shortest forms only (4.2.1), tags, and no floating
// point on reading except to skip it. The order of a map's keys is not checked: SMP clients do not sort them.
#pragma once

#include "core/bytes/reader.h"
#include "core/bytes/writer.h"

namespace pedigree::cbor {

enum class Major : std::uint8_t {
  uint = 0,
  nint = 1,
  bstr = 2,
  tstr = 3,
  array = 4,
  map = 5,
  tag = 6,
  simple = 7
};
inline constexpr unsigned kMaxDepth = 16;
/// Pairs of a map that read_unique_map accepts.
inline constexpr std::size_t kMaxPairs = 32;

/// Major type of the next item. Errors: truncated.
[[nodiscard]] Result<Major> peek(const Reader& in) noexcept;
/// Errors of all reads: truncated, bad_tag (another major type), non_minimal, indefinite_length, bad_value.
/// On error `in` is unchanged.
[[nodiscard]] Result<std::uint64_t> read_uint(Reader& in) noexcept;
/// Any integer that fits int64. Errors also: too_long.
[[nodiscard]] Result<std::int64_t> read_int(Reader& in) noexcept;
[[nodiscard]] Result<Bytes> read_bstr(Reader& in) noexcept;
/// Well-formed UTF-8 only. Errors also: bad_value.
[[nodiscard]] Result<std::string_view> read_tstr(Reader& in) noexcept;
/// Number of items / pairs that follow; a count that cannot fit the rest of the input is `truncated` at once.
[[nodiscard]] Result<std::size_t> read_array(Reader& in) noexcept;
[[nodiscard]] Result<std::size_t> read_map(Reader& in) noexcept;
/// As read_map, and looks ahead through the pairs for a key that occurs twice. Errors also: duplicate (offset
/// of the second), too_many (over kMaxPairs), those of skip.
[[nodiscard]] Result<std::size_t> read_unique_map(Reader& in) noexcept;
/// Whether one of the `count` pairs that follow has this key (octets of the key item). Errors: those of skip.
[[nodiscard]] Result<bool> has_key(Reader pairs, std::size_t count, Bytes key) noexcept;
[[nodiscard]] Result<std::uint64_t> read_tag(Reader& in) noexcept;
[[nodiscard]] Result<bool> read_bool(Reader& in) noexcept;
[[nodiscard]] Result<void> read_null(Reader& in) noexcept;
/// Whether the next item is null (0xf6).
[[nodiscard]] bool next_is_null(const Reader& in) noexcept;
/// Skips one item of any kind, well-formed, tags, arrays and maps nested to kMaxDepth. Errors also: too_deep.
/// Returns its octets. Text is not checked for UTF-8.
[[nodiscard]] Result<Bytes> skip(Reader& in) noexcept;

/// Writes items in their shortest form. Containers are opened with their count; the caller writes that many.
class Encoder {
 public:
  explicit Encoder(Writer& out) noexcept : out_(out) {}
  void uint(std::uint64_t value) noexcept { head(Major::uint, value); }
  void integer(std::int64_t value) noexcept;
  void bstr(Bytes octets) noexcept;
  /// The head of a byte string whose octets the caller writes.
  void bstr_head(std::size_t size) noexcept { head(Major::bstr, size); }
  void tstr(std::string_view text) noexcept;
  void array(std::size_t count) noexcept { head(Major::array, count); }
  void map(std::size_t count) noexcept { head(Major::map, count); }
  void tag(std::uint64_t number) noexcept { head(Major::tag, number); }
  void boolean(bool value) noexcept { out_.u8(value ? 0xf5 : 0xf4); }
  void null() noexcept { out_.u8(0xf6); }
  /// Octets that are CBOR already.
  void raw(Bytes item) noexcept { out_.bytes(item); }
  [[nodiscard]] Writer& writer() noexcept { return out_; }

 private:
  void head(Major major, std::uint64_t argument) noexcept;
  Writer& out_;
};

}  // namespace pedigree::cbor
