// SPDX-License-Identifier: Apache-2.0
#include "core/x509/text.h"

namespace pedigree::x509 {
namespace {

constexpr der::Tag kNumericString = 0x12;
constexpr der::Tag kVisibleString = 0x1a;

// The characters of X.680 41.4, a bit each; '*', '&', '@' and '_' are not among them.
constexpr std::uint32_t kPrintable[] = {0x00000000, 0xa7fffb81, 0x07fffffe, 0x07fffffe};

// Of an ASCII character.
bool is_printable(std::uint8_t octet) noexcept {
  return (kPrintable[octet / 32] >> octet % 32 & 1U) != 0;
}

// Folds white space and case: yields what counts in a comparison.
class Folded {
 public:
  explicit Folded(const Text& text) noexcept : text_(text) { skip_spaces(); }

  std::uint32_t next() noexcept {
    if (pending_ == ' ') {
      skip_spaces();
      return pending_ == Text::kEnd ? Text::kEnd : ' ';
    }
    const std::uint32_t current = pending_;
    if (current != Text::kEnd) pending_ = text_.next();
    return current >= 'A' && current <= 'Z' ? current | 0x20U : current;
  }

 private:
  void skip_spaces() noexcept {
    do {
      pending_ = text_.next();
    } while (pending_ == ' ');
  }

  Text text_;
  std::uint32_t pending_ = 0;
};

}  // namespace

bool is_text(der::Tag tag) noexcept {
  switch (tag) {
    case der::kUtf8String:
    case der::kPrintableString:
    case der::kIa5String:
    case der::kT61String:
    case der::kBmpString:
    case der::kUniversalString:
    case kNumericString:
    case kVisibleString:
      return true;
    default:
      return false;
  }
}

bool is_well_formed_text(der::Tag tag, const Bytes& value) noexcept {
  if (tag == der::kBmpString) return value.size() % 2 == 0;
  if (tag == der::kUniversalString) return value.size() % 4 == 0;
  bool plain = true;  // most names are
  for (const std::uint8_t octet : value) {
    if (octet >= 0x80 || (tag == der::kPrintableString && !is_printable(octet))) plain = false;
  }
  if (plain || tag == der::kPrintableString || tag == der::kIa5String) return plain;
  if (tag != der::kUtf8String) return true;
  Text text(tag, value);
  std::uint32_t point = 0;
  do point = text.next();
  while ((point & Text::kInvalid) == 0);
  return point == Text::kEnd;
}

Text::Text(der::Tag tag, const Bytes& value) noexcept : rest_(value) {
  if (tag == der::kUtf8String) width_ = 0;
  if (tag == der::kBmpString) width_ = 2;
  if (tag == der::kUniversalString) width_ = 4;
}

std::uint32_t Text::next() noexcept {
  if (rest_.empty()) return kEnd;
  if (width_ == 0) return next_utf8();
  const std::size_t take = std::min<std::size_t>(width_, rest_.size());
  std::uint32_t point = 0;
  for (const std::uint8_t octet : rest_.first(take)) point = (point << 8U) | octet;
  rest_ = rest_.subspan(take);
  return point > 0x10ffff ? kInvalid | (point & 0xffU) : point;
}

std::uint32_t Text::next_utf8() noexcept {
  const std::uint8_t first = rest_[0];
  rest_ = rest_.subspan(1);
  if (first < 0x80) return first;
  const std::size_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
  if (first < 0xc2 || first > 0xf4 || rest_.size() < more) return kInvalid | first;
  std::uint32_t point = first & (0x3fU >> more);
  for (const std::uint8_t octet : rest_.first(more)) {
    if ((octet & 0xc0U) != 0x80) return kInvalid | first;
    point = (point << 6U) | (octet & 0x3fU);
  }
  // Overlong forms, surrogates and what lies past Unicode.
  constexpr std::uint32_t kSmallest[] = {0x80, 0x800, 0x10000};
  if (point < kSmallest[more - 1] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) {
    return kInvalid | first;
  }
  rest_ = rest_.subspan(more);
  return point;
}

bool text_matches(const Text& a, const Text& b) noexcept {
  Folded folded_a(a);
  Folded folded_b(b);
  for (;;) {
    const std::uint32_t point = folded_a.next();
    if (point != folded_b.next()) return false;
    if (point == Text::kEnd) return true;
  }
}

void write_utf8(std::uint32_t code_point, Writer& out) noexcept {
  if (code_point < 0x80) return out.u8(static_cast<std::uint8_t>(code_point));
  unsigned more = code_point < 0x800 ? 1 : code_point < 0x10000 ? 2 : 3;
  out.u8(static_cast<std::uint8_t>((0xf0U << (3 - more) & 0xf0U) | code_point >> 6 * more));
  while (more-- > 0) out.u8(static_cast<std::uint8_t>(0x80U | (code_point >> 6 * more & 0x3fU)));
}

}  // namespace pedigree::x509
