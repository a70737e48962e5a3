// SPDX-License-Identifier: Apache-2.0
// Where a device's random numbers come from, as its certification requests say it.
#pragma once

#include "core/enrol/messages.h"

namespace pedigree::enrol {

/// The attribute's type, 1.2.840.113556.1.8000.2554.2662.6633.45584.16962.42441.885523.9894.3 (the arc is
/// that of core/firmware_image/limits.h). Content octets.
inline constexpr std::array<std::uint8_t, 30> kEntropyAttribute{
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x14, 0x01, 0xbe, 0x40, 0x93, 0x7a, 0x94, 0x66, 0xb3, 0x69,
    0x82, 0xe4, 0x10, 0x81, 0x84, 0x42, 0x82, 0xcb, 0x49, 0xb6, 0x86, 0x13, 0xcd, 0x26, 0x03};

/// The attribute's value in DER: ENUMERATED { unknown(0), platform(1), seed(2), fixed(3) }.
[[nodiscard]] constexpr std::array<std::uint8_t, 3> entropy_value(Entropy entropy) noexcept {
  return {0x0a, 0x01, static_cast<std::uint8_t>(entropy)};
}

/// Reads the attribute's value; without octets (no such attribute) it is `unknown`.
/// Errors: bad_attribute (anything but one of the values above).
[[nodiscard]] constexpr Result<Entropy> read_entropy(Bytes value) noexcept {
  if (value.empty()) return Entropy::unknown;
  const auto entropy = static_cast<Entropy>(value.back());
  if (entropy > Entropy::fixed || !equal(value, entropy_value(entropy))) {
    return fail(ErrorCode::bad_attribute);
  }
  return entropy;
}

}  // namespace pedigree::enrol
