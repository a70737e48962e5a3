// SPDX-License-Identifier: Apache-2.0
// Strict DER (X.690 section 10 and 11): definite, shortest lengths; single-octet tags; nothing after the end.
#pragma once

#include <optional>

#include "core/bytes/reader.h"
#include "core/bytes/writer.h"

namespace pedigree::der {

/// Identifier octets (X.690 8.1.2). Only the low-tag-number form exists here.
using Tag = std::uint8_t;
inline constexpr Tag kBoolean = 0x01;
inline constexpr Tag kInteger = 0x02;
inline constexpr Tag kBitString = 0x03;
inline constexpr Tag kOctetString = 0x04;
inline constexpr Tag kNull = 0x05;
inline constexpr Tag kOid = 0x06;
inline constexpr Tag kUtf8String = 0x0c;
inline constexpr Tag kPrintableString = 0x13;
inline constexpr Tag kT61String = 0x14;
inline constexpr Tag kIa5String = 0x16;
inline constexpr Tag kUtcTime = 0x17;
inline constexpr Tag kGeneralizedTime = 0x18;
inline constexpr Tag kUniversalString = 0x1c;
inline constexpr Tag kBmpString = 0x1e;
inline constexpr Tag kSequence = 0x30;
inline constexpr Tag kSet = 0x31;
/// [n] IMPLICIT over a primitive type, and [n] constructed (EXPLICIT, or IMPLICIT over a constructed type); n
/// 0..30.
[[nodiscard]] constexpr Tag context(unsigned n) noexcept {
  return static_cast<Tag>(0x80U | n);
}
[[nodiscard]] constexpr Tag context_constructed(unsigned n) noexcept {
  return static_cast<Tag>(0xa0U | n);
}

/// One element: `content` without, `whole` with tag and length; both borrowed. `content_offset` is where
/// content starts in the outermost input.
struct Element {
  Tag tag{};
  Bytes content;
  Bytes whole;
  std::uint32_t content_offset = 0;
  /// A reader over the content that reports offsets in the outermost input.
  [[nodiscard]] constexpr Reader reader() const noexcept { return Reader(content, content_offset); }
};

/// Reads any element. Errors: truncated, indefinite_length, non_minimal, too_long (over 2^32-1), bad_tag
/// (high-tag-number form, or tag 0). Offsets: of the element's first octet for truncated and bad_tag, of its
/// length for the others, of its content where a read_* below refuses the value. On error `in` is unchanged;
/// so for every read_* below.
[[nodiscard]] Result<Element> read_any(Reader& in) noexcept;
/// Reads an element with this tag. Errors: those of read_any, bad_tag.
[[nodiscard]] Result<Element> read(Reader& in, Tag tag) noexcept;
/// Whether the next element has this tag; false at the end.
[[nodiscard]] bool next_is(const Reader& in, Tag tag) noexcept;

/// BOOLEAN: 0x00 or 0xff. Errors: bad_value.
[[nodiscard]] Result<bool> read_boolean(Reader& in) noexcept;
/// INTEGER as non-negative big-endian octets without the sign octet, at least one octet. Errors: non_minimal,
/// negative_number.
[[nodiscard]] Result<Bytes> read_unsigned(Reader& in) noexcept;
/// Non-negative INTEGER that fits 32 bits. Errors: non_minimal, negative_number, too_long.
[[nodiscard]] Result<std::uint32_t> read_u32(Reader& in) noexcept;
/// OBJECT IDENTIFIER content octets, well-formed (X.690 8.19). Errors: bad_value, non_minimal.
[[nodiscard]] Result<Bytes> read_oid(Reader& in) noexcept;
/// BIT STRING with no unused bits: its octets. Errors: bad_value.
[[nodiscard]] Result<Bytes> read_bit_string_octets(Reader& in) noexcept;
/// Named-bit BIT STRING of up to 16 bits; bit n of the result is bit n of the string. Trailing zero bits are
/// refused (X.690 11.2.2). Errors: bad_value, non_minimal, too_long.
[[nodiscard]] Result<std::uint16_t> read_named_bits(Reader& in) noexcept;
/// Errors: bad_value unless NULL is empty.
[[nodiscard]] Result<void> read_null(Reader& in) noexcept;

/// Walks every element of `input`, whose first octet stands at `base` in the outermost input, and all that
/// they contain, to `max_depth` levels (at most 32; one element alone is 1). Errors: those of read_any,
/// too_deep.
[[nodiscard]] Result<void> check_nesting(Bytes input, std::uint32_t base = 0,
                                         unsigned max_depth = 32) noexcept;

/// Seconds since 1970-01-01T00:00:00Z, which may be negative; 9999-12-31T23:59:59Z is 253402300799.
using UnixTime = std::int64_t;
inline constexpr UnixTime kNoWellDefinedExpiration = 253402300799;  // RFC 5280 4.1.2.5

/// UTCTime YYMMDDHHMMSSZ for 1950..2049 or GeneralizedTime YYYYMMDDHHMMSSZ for the other years, and no other
/// form (RFC 5280 4.1.2.5). Errors: bad_time (offset of the element), those of read_any.
[[nodiscard]] Result<UnixTime> read_time(Reader& in) noexcept;

/// Writes a time for people, "2026-11-24T12:00:00Z". Outside the years 0..9999 the nearest that can be
/// written.
void print_time(UnixTime when, Writer& out) noexcept;

/// Writes DER elements; constructed ones are opened and closed, their lengths are inserted on closing.
class Builder {
 public:
  explicit Builder(Writer& out) noexcept : out_(out) {}

  /// Opens a constructed element, or an OCTET STRING that wraps others; pass the result to `close`.
  [[nodiscard]] std::size_t open(Tag tag) noexcept;
  /// Opens a BIT STRING that wraps others.
  [[nodiscard]] std::size_t open_bit_string() noexcept;
  void close(std::size_t opened) noexcept;
  /// Puts tag and length before what has been written since `start`.
  void enclose(Tag tag, std::size_t start) noexcept;

  [[gnu::always_inline]] inline void element(Tag tag, const Bytes& content) noexcept {
    element(tag, content.data(), content.size());
  }
  void boolean(bool value) noexcept;
  /// INTEGER from big-endian octets, leading zeros removed and a sign octet added as needed. Empty writes 0.
  void unsigned_integer(const Bytes& big_endian) noexcept;
  void integer(std::uint32_t value) noexcept;
  /// `oid`: content octets.
  [[gnu::always_inline]] inline void oid(const Bytes& oid) noexcept { element(kOid, oid); }
  void bit_string(const Bytes& octets) noexcept;
  void named_bits(std::uint16_t bits) noexcept;
  void null() noexcept { element(kNull, {}); }
  /// UTCTime for 1950..2049, GeneralizedTime otherwise (RFC 5280 4.1.2.5). Outside the years 0..9999 the
  /// nearest time that can be written.
  void time(UnixTime when) noexcept;
  /// Octets that are DER already.
  void raw(const Bytes& der) noexcept { out_.bytes(der); }

  /// What this builder writes to.
  [[nodiscard]] Writer& writer() noexcept { return out_; }

 private:
  // Not a span: as equal_octets.
  void element(Tag tag, const std::uint8_t* content, std::size_t size) noexcept;

  Writer& out_;
};

/// ECDSA-Sig-Value (RFC 3279 2.2.3) to r | s of `half` octets each. Errors: those of strict DER, too_long
/// (over `half`), bad_value (r or s is zero).
[[nodiscard]] Result<Bytes> ecdsa_to_raw(const Bytes& der, std::size_t half,
                                         const MutableBytes& out) noexcept;
/// r | s to ECDSA-Sig-Value. At most 2 * half + 9 octets.
void ecdsa_from_raw(const Bytes& raw, Builder& out) noexcept;

}  // namespace pedigree::der
