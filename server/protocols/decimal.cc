// SPDX-License-Identifier: Apache-2.0
#include "server/protocols/decimal.h"

#include <algorithm>

namespace pedigree::protocols {

std::string decimal(Bytes big_endian) {
  std::string digits;  // the least first
  for (const std::uint8_t octet : big_endian) {
    unsigned carry = octet;
    for (char& digit : digits) {
      const unsigned value = static_cast<unsigned>(digit - '0') * 256U + carry;
      digit = static_cast<char>('0' + value % 10U);
      carry = value / 10U;
    }
    for (; carry != 0; carry /= 10U) digits += static_cast<char>('0' + carry % 10U);
  }
  if (digits.empty()) return std::string(1, '0');
  std::ranges::reverse(digits);
  return digits;
}

std::optional<registry::Serial> parse_decimal_serial(std::string_view text) {
  constexpr std::size_t kMaxDigits = 39;  // 2^128 has as many
  if (text.empty() || text.size() > kMaxDigits || text.front() == '0') return std::nullopt;
  registry::Serial serial{};
  for (const char letter : text) {
    if (letter < '0' || letter > '9') return std::nullopt;
    auto carry = static_cast<unsigned>(letter - '0');
    for (std::size_t i = serial.size(); i-- > 0;) {
      const unsigned value = serial.at(i) * 10U + carry;
      serial.at(i) = static_cast<std::uint8_t>(value);
      carry = value >> 8U;
    }
    if (carry != 0) return std::nullopt;
  }
  if (serial.front() == 0) return std::nullopt;
  return serial;
}

}  // namespace pedigree::protocols
