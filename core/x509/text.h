// SPDX-License-Identifier: Apache-2.0
// The string types of DER as sequences of code points, for comparing and printing names.
#pragma once

#include "core/der/der.h"

namespace pedigree::x509 {

/// Whether `tag` is one of the string types that names are written in.
[[nodiscard]] bool is_text(der::Tag tag) noexcept;
/// Whether `value` is content that the string type allows: PrintableString and IA5String of their characters,
/// BMPString and UniversalString of whole characters, UTF8String of valid UTF-8. True for other tags.
[[nodiscard]] bool is_well_formed_text(der::Tag tag, const Bytes& value) noexcept;

/// A cursor over the code points of a string. T61String is taken as ISO 8859-1, as other software does.
class Text {
 public:
  static constexpr std::uint32_t kEnd = 0xffffffff;
  /// Flag of an octet that is not valid UTF-8; the octet is in the low bits.
  static constexpr std::uint32_t kInvalid = 0x80000000;

  Text(der::Tag tag, const Bytes& value) noexcept;
  /// The next code point; kInvalid | octet where there is none; kEnd at the end.
  [[nodiscard]] std::uint32_t next() noexcept;

 private:
  [[nodiscard]] std::uint32_t next_utf8() noexcept;
  Bytes rest_;
  std::uint8_t width_ = 1;  ///< octets of a character; 0: UTF-8
};

/// RFC 5280 7.1 for the characters that it asks for at least: ASCII without case, white space trimmed at both
/// ends and folded to one space inside.
[[nodiscard]] bool text_matches(const Text& a, const Text& b) noexcept;

/// Writes a code point as UTF-8.
void write_utf8(std::uint32_t code_point, Writer& out) noexcept;

}  // namespace pedigree::x509
