// SPDX-License-Identifier: Apache-2.0
// Reading DER without a check after every field: a cursor remembers the first error, after which it reads
// nothing.
#pragma once

#include "core/der/der.h"

namespace pedigree::der {

/// Reads elements of one constructed value; the cursors over what they contain share its first error, so a
/// parser reads like its schema and asks once, at the end, whether all went well. After an error every read
/// yields an empty value, `more` and `next_is` are false, and further errors are dropped. Errors and offsets
/// are those of the read_* of the same name.
///
/// A value read is not yet known to be good: before the parser relies on more than its type, `ok` must be
/// asked.
class Cursor {
 public:
  /// `first` outlives the cursor; ErrorCode{} in it means that nothing has failed.
  Cursor(const Reader& in, Error& first) noexcept : in_(in), first_(&first) {}

  /// Whether nothing has failed, and whether there is more to read then.
  [[nodiscard]] bool ok() const noexcept { return first_->code == ErrorCode{}; }
  [[nodiscard, gnu::noinline]] bool more() const noexcept { return ok() && !in_.empty(); }
  [[nodiscard]] bool next_is(Tag tag) const noexcept;
  [[nodiscard]] const Reader& reader() const noexcept { return in_; }
  [[nodiscard]] std::uint32_t offset() const noexcept { return in_.offset(); }

  /// Records an error, unless there was one before.
  void fail(ErrorCode code, std::uint32_t offset) noexcept;
  /// The first error; ErrorCode{} if there is none.
  [[nodiscard]] ErrorCode error() const noexcept { return first_->code; }
  /// Puts an error in the place of the first one.
  void replace_error(ErrorCode code, std::uint32_t offset) noexcept { *first_ = {code, offset}; }
  /// Records an error unless `holds`.
  [[gnu::always_inline]] inline void require(bool holds, ErrorCode code, std::uint32_t offset) noexcept {
    if (!holds) fail(code, offset);
  }

  /// Records an error unless there is more to read: SIZE (1..MAX).
  void require_more(ErrorCode code) noexcept;

  Element any() noexcept;
  Element read(Tag tag) noexcept;
  /// A cursor over the content of an element that has been read, or of the next one, which has this tag.
  [[nodiscard]] Cursor inside(const Element& element) const noexcept;
  [[nodiscard]] Cursor inside(const Bytes& content, std::uint32_t offset) const noexcept;
  [[nodiscard]] Cursor open(Tag tag) noexcept;
  /// Reads the next element where it has this tag; whether it has.
  bool skip_if(Tag tag) noexcept;
  /// Like open, for a value that has nothing beside this element.
  [[nodiscard]] Cursor open_only(Tag tag) noexcept;
  /// Records trailing_data unless all has been read.
  void finish() noexcept;

  bool boolean() noexcept;
  /// BOOLEAN DEFAULT FALSE: true where it is there. DER leaves a default out (X.690 11.5). Errors: bad_value
  /// (offset of the element).
  bool boolean_or_false() noexcept;
  Bytes unsigned_integer() noexcept;
  std::uint32_t u32() noexcept;
  Bytes oid() noexcept;
  Bytes bit_string_octets() noexcept;
  std::uint16_t named_bits() noexcept;
  void null() noexcept;
  UnixTime time() noexcept;
  /// GeneralizedTime YYYYMMDDHHMMSSZ of any year, which OCSP uses throughout (RFC 6960 4.2.2.1). Errors:
  /// bad_time (offset of the element).
  UnixTime generalized_time() noexcept;
  /// Reads all that is left, with all that it contains (check_nesting).
  void nested(unsigned max_depth) noexcept;

 private:
  Element non_negative() noexcept;
  Reader in_;
  Error* first_;
};

/// Lets `read(Cursor&)` read from `in`, which moves on only where nothing failed.
template <typename Read>
[[nodiscard]] auto read_with_cursor(Reader& in, Read read) noexcept
    -> Result<decltype(read(std::declval<Cursor&>()))> {
  Error first;
  Cursor cursor(in, first);
  if constexpr (std::is_void_v<decltype(read(cursor))>) {
    read(cursor);
    if (!cursor.ok()) return std::unexpected(first);
    in = cursor.reader();
    return {};
  } else {
    auto value = read(cursor);
    if (!cursor.ok()) return std::unexpected(first);
    in = cursor.reader();
    return value;
  }
}

}  // namespace pedigree::der
