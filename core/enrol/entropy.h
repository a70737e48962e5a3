// SPDX-License-Identifier: Apache-2.0
// Where a device's random numbers come from, as its certification requests say it.
#pragma once

#include "core/enrol/messages.h"

namespace pedigree::enrol {

/// Content octets of the attribute's type, 2.25.332802081772271437496810611261126933901: the arc of the UUID
/// fa5f5977-c7ee-4b34-bf65-e9ea5646fd8d (X.667).
inline constexpr std::array<std::uint8_t, 20> kEntropyAttribute{0x69, 0x83, 0xf4, 0xdf, 0xac, 0xdd, 0xf8,
                                                                0xfe, 0xf2, 0xac, 0xe9, 0xbf, 0xb2, 0xfa,
                                                                0xbd, 0xa5, 0xb2, 0x9b, 0xfb, 0x0d};

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
