// SPDX-License-Identifier: Apache-2.0
#include "testing/mps2/statistics.h"

#include <bit>
#include <cmath>
#include <vector>

namespace pedigree::testing {
namespace {

double ones_in(Bytes octets) {
  double ones = 0;
  for (const std::uint8_t octet : octets) ones += std::popcount(octet);
  return ones;
}

double chi_square_distance(const std::array<double, 256>& counts, double total) {
  double sum = 0;
  const double expected = total / 256;
  for (const double count : counts) sum += (count - expected) * (count - expected) / expected;
  constexpr double kFreedom = 255;
  const double spread = 2 / (9 * kFreedom);
  return (std::cbrt(sum / kFreedom) - (1 - spread)) / std::sqrt(spread);
}

}  // namespace

double monobit_distance(Bytes octets) {
  const double bits = 8 * static_cast<double>(octets.size());
  return (2 * ones_in(octets) - bits) / std::sqrt(bits);
}

double runs_distance(Bytes octets) {
  const double bits = 8 * static_cast<double>(octets.size());
  const double share = ones_in(octets) / bits;
  double runs = 1;
  int previous = octets.empty() ? 0 : octets.front() >> 7U;
  for (const std::uint8_t octet : octets) {
    for (int shift = 7; shift >= 0; --shift) {
      const int bit = octet >> shift & 1;
      runs += bit == previous ? 0 : 1;
      previous = bit;
    }
  }
  const double mean = 2 * bits * share * (1 - share);
  const double deviation = 2 * std::sqrt(bits) * share * (1 - share);
  return deviation > 0 ? (runs - mean) / deviation : bits;
}

double octets_distance(Bytes octets) {
  std::array<double, 256> counts{};
  for (const std::uint8_t octet : octets) ++counts[octet];
  return chi_square_distance(counts, static_cast<double>(octets.size()));
}

double steps_distance(Bytes octets) {
  std::vector<std::uint8_t> steps;
  for (std::size_t i = 1; i < octets.size(); ++i) {
    steps.push_back(static_cast<std::uint8_t>(octets[i] - octets[i - 1]));
  }
  return octets_distance(steps);
}

}  // namespace pedigree::testing
