// SPDX-License-Identifier: Apache-2.0
// Tests of randomness over many octets, each as the distance from what a true source gives in standard
// deviations. A true source is farther than kLimit from it once in 10^10 times, so that such a test never
// fails by chance.
#pragma once

#include "core/bytes/bytes.h"

namespace pedigree::testing {

inline constexpr double kLimit = 6.5;

/// Bits that are 1 (NIST SP 800-22 2.1).
[[nodiscard]] double monobit_distance(Bytes octets);
/// Runs of equal bits, given the share of ones (SP 800-22 2.3).
[[nodiscard]] double runs_distance(Bytes octets);
/// Chi-square of the 256 octet values, made normal by Wilson and Hilferty. At least 1,280 octets.
[[nodiscard]] double octets_distance(Bytes octets);
/// The same of the 256 differences between octets that follow each other.
[[nodiscard]] double steps_distance(Bytes octets);

}  // namespace pedigree::testing
