// SPDX-License-Identifier: Apache-2.0
// Reading DER without a check after every field: a cursor remembers the first error, after which it reads
// nothing.
#pragma once

#include "core/der/der.h"

namespace pedigree::der {

/// Reads a value and all that it contains, so that a parser reads like its schema and asks once, at the end,
/// whether all went well. What was read last is there to look at until the next read: `tag`, `content`,
/// `whole`. Inside says which element's content is being read.
///
/// After an error there is nothing more to read: what was read last is empty, as is what is read from then
/// on, `more` and `next_is` are false, and further errors are dropped. So a value read is not yet known to be
/// good: before the parser relies on more than its type, `ok` must be asked. Errors and offsets are those of
/// the read_* of the same name.
class Cursor {
 public:
  /// `base` is the offset of in[0] in the outermost input, for errors.
  explicit Cursor(const Bytes& in, std::uint32_t base = 0) noexcept;
  explicit Cursor(const Reader& in) noexcept : Cursor(in.rest(), in.offset()) {}

  /// Whether nothing has failed.
  [[nodiscard]] bool ok() const noexcept { return first_.code == ErrorCode{}; }
  /// The first error; ErrorCode{} in it if there is none.
  [[nodiscard]] const Error& error() const noexcept { return first_; }
  [[nodiscard, gnu::noinline]] bool more() const noexcept { return at_ != end_; }
  [[nodiscard]] bool next_is(Tag tag) const noexcept;

  /// The next octet, as a place to record an error at.
  [[nodiscard]] const std::uint8_t* at() const noexcept { return at_; }
  /// What has not been read of the element that the cursor is inside of.
  [[nodiscard]] Bytes rest() const noexcept { return {at_, static_cast<std::size_t>(end_ - at_)}; }
  [[nodiscard]] Reader reader() const noexcept { return Reader(rest(), offset(at_)); }

  /// Of what was read last; a read_* below has the value's octets as content.
  [[nodiscard]] Tag tag() const noexcept { return *start_; }
  [[nodiscard]] Bytes content() const noexcept { return {content_, size_}; }
  [[nodiscard]] Bytes whole() const noexcept { return {start_, static_cast<std::size_t>(at_ - start_)}; }
  [[nodiscard]] const std::uint8_t* start() const noexcept { return start_; }
  [[nodiscard]] Element element() const noexcept { return {tag(), content(), whole(), offset(content_)}; }

  /// Records an error, unless there was one before.
  void fail(ErrorCode code, const std::uint8_t* where) noexcept;
  /// The same at the content of what was read last.
  void refuse(ErrorCode code) noexcept { fail(code, content_); }
  /// Records an error unless `holds`.
  [[gnu::always_inline]] inline void require(bool holds, ErrorCode code, const std::uint8_t* where) noexcept {
    if (!holds) fail(code, where);
  }
  [[gnu::always_inline]] inline void require(bool holds, ErrorCode code) noexcept {
    if (!holds) refuse(code);
  }
  /// Records an error unless there is more to read: SIZE (1..MAX).
  void require_more(ErrorCode code) noexcept;
  /// Records trailing_data unless all has been read.
  void finish() noexcept;

  void any() noexcept;
  void read(Tag tag) noexcept;
  /// Reads the next element where it has this tag; whether it has.
  bool skip_if(Tag tag) noexcept;
  /// Leaves out what has not been read.
  void skip_rest() noexcept { at_ = end_; }
  /// Reads the next element with all that it contains (check_nesting).
  void nested(unsigned max_depth) noexcept;
  /// The same for each element that was read last contains.
  void nested_content(unsigned max_depth) noexcept;
  /// Goes inside the next element, for good: what is after it is not read.
  void open(Tag tag) noexcept { enter(tag); }

  bool boolean() noexcept;
  /// BOOLEAN DEFAULT FALSE: true where it is there. DER leaves a default out (X.690 11.5). Errors: bad_value
  /// (offset of the element).
  bool boolean_or_false() noexcept;
  void unsigned_integer() noexcept;
  /// For an INTEGER that has been read: as unsigned_integer.
  void check_unsigned() noexcept;
  std::uint32_t u32() noexcept;
  void oid() noexcept;
  /// BIT STRING, or one that is tagged otherwise, with at most so many unused bits, 0..7, which are zero
  /// (X.690 11.2.1): how many there are; `content` begins after that number. Errors: bad_value.
  unsigned bit_string(Tag tag, unsigned max_unused) noexcept;
  void bit_string_octets() noexcept { bit_string(kBitString, 0); }
  std::uint16_t named_bits() noexcept;
  void null() noexcept;
  UnixTime time() noexcept;
  /// GeneralizedTime YYYYMMDDHHMMSSZ of any year, which OCSP uses throughout (RFC 6960 4.2.2.1). Errors:
  /// bad_time (offset of the element).
  UnixTime generalized_time() noexcept;

 private:
  friend class Inside;
  // Makes the content of what was read last all that there is to read; returns the end of what was before.
  const std::uint8_t* enter() noexcept;
  const std::uint8_t* enter(Tag tag) noexcept;
  void leave(const std::uint8_t* outer_end) noexcept;
  UnixTime time_of_last(bool utc_years) noexcept;

  static std::uintptr_t address(const std::uint8_t* octet) noexcept {
    return reinterpret_cast<std::uintptr_t>(octet);
  }
  [[nodiscard]] std::uint32_t offset(const std::uint8_t* octet) const noexcept {
    return static_cast<std::uint32_t>(address(octet) - origin_);
  }

  // Pointers and sizes rather than spans: on Arm those go by way of memory. What is empty points here.
  static const std::uint8_t* nothing() noexcept { return reinterpret_cast<const std::uint8_t*>(""); }
  const std::uint8_t* at_;
  const std::uint8_t* end_;
  const std::uint8_t* start_ = nothing();
  const std::uint8_t* content_ = nothing();
  std::size_t size_ = 0;   ///< of the content
  std::uintptr_t origin_;  ///< address of offset 0 of the outermost input
  Error first_;
};

/// While it lives, its cursor reads what is inside an element; at its end nothing may be left of that
/// (trailing_data).
class [[nodiscard]] Inside {
 public:
  /// Reads the next element, which has this tag.
  [[gnu::always_inline]] inline Inside(Cursor& in, Tag tag) noexcept : in_(in), outer_end_(in.enter(tag)) {}
  /// The same; `whole`: the element itself, tag and length included.
  [[gnu::always_inline]] inline Inside(Cursor& in, Tag tag, Bytes& whole) noexcept : Inside(in, tag) {
    whole = {in.start_, static_cast<std::size_t>(in.end_ - in.start_)};
  }
  /// Inside what was read last.
  [[gnu::always_inline]] inline explicit Inside(Cursor& in) noexcept : in_(in), outer_end_(in.enter()) {}
  [[gnu::always_inline]] inline ~Inside() { in_.leave(outer_end_); }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  Cursor& in_;
  const std::uint8_t* outer_end_;
};

/// ECDSA-Sig-Value (RFC 3279 2.2.3) to r | s in the halves of `raw`, which holds zeros before and on an error
/// anything. Errors: those of ecdsa_to_raw.
void read_ecdsa_signature(Cursor& in, const MutableBytes& raw) noexcept;

/// Lets `read(Cursor&)` read from `in`, which moves on only where nothing failed.
template <typename Read>
[[nodiscard]] auto read_with_cursor(Reader& in, Read read) noexcept
    -> Result<decltype(read(std::declval<Cursor&>()))> {
  Cursor cursor(in);
  if constexpr (std::is_void_v<decltype(read(cursor))>) {
    read(cursor);
    if (!cursor.ok()) return std::unexpected(cursor.error());
    in = cursor.reader();
    return {};
  } else {
    auto value = read(cursor);
    if (!cursor.ok()) return std::unexpected(cursor.error());
    in = cursor.reader();
    return value;
  }
}

}  // namespace pedigree::der
