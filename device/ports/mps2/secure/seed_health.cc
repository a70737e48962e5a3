// SPDX-License-Identifier: Apache-2.0
#include "device/ports/mps2/secure/seed_health.h"

#include <bit>

namespace pedigree::mps2 {
namespace {

// Cutoffs, with the chance that 32 octets of full entropy reach them.
constexpr std::size_t kRepetition = 6;   // SP 800-90B 4.4.1: 1 + 40 / 8; 2 * 27 * 2^-40
constexpr std::size_t kProportion = 10;  // 256 * C(32, 10) * 2^-80: less than 2^-46
constexpr std::size_t kLags = 16;
constexpr std::size_t kPattern = 9;  // at any lag: 16 * C(31, 9) * 2^-72, less than 2^-43
constexpr int kBias = 64;            // bits from the half of 256, eight deviations: less than 2^-48

std::size_t longest_run(Bytes octets) noexcept {
  std::size_t longest = 0;
  std::size_t run = 0;
  for (std::size_t i = 0; i < octets.size(); ++i) {
    run = i > 0 && octets[i] == octets[i - 1] ? run + 1 : 1;
    longest = std::max(longest, run);
  }
  return longest;
}

std::size_t most_of_one_value(Bytes octets) noexcept {
  std::size_t most = 0;
  for (const std::uint8_t value : octets) {
    most = std::max(most, static_cast<std::size_t>(std::ranges::count(octets, value)));
  }
  return most;
}

std::size_t most_at_one_lag(Bytes octets) noexcept {
  std::size_t most = 0;
  for (std::size_t lag = 1; lag <= kLags; ++lag) {
    std::size_t same = 0;
    for (std::size_t i = lag; i < octets.size(); ++i) same += octets[i] == octets[i - lag] ? 1 : 0;
    most = std::max(most, same);
  }
  return most;
}

int bits_from_half(Bytes octets) noexcept {
  int bits = 0;
  for (const std::uint8_t octet : octets) bits += std::popcount(octet);
  const int half = static_cast<int>(octets.size()) * 4;
  return bits > half ? bits - half : half - bits;
}

}  // namespace

SeedHealth check_seed(Bytes seed) noexcept {
  if (seed.size() != kSeedSize) return SeedHealth::wrong_size;
  SecretArray<kSeedSize - 1> steps;
  for (std::size_t i = 0; i + 1 < seed.size(); ++i) {
    steps.span()[i] = static_cast<std::uint8_t>(seed[i + 1] - seed[i]);
  }
  if (longest_run(seed) >= kRepetition || longest_run(steps.span()) >= kRepetition) {
    return SeedHealth::repetition;
  }
  if (most_of_one_value(seed) >= kProportion) return SeedHealth::proportion;
  if (most_at_one_lag(seed) >= kPattern) return SeedHealth::pattern;
  return bits_from_half(seed) >= kBias ? SeedHealth::bias : SeedHealth::passed;
}

std::string_view name(SeedHealth health) noexcept {
  switch (health) {
    case SeedHealth::passed:
      return "passed";
    case SeedHealth::wrong_size:
      return "not of 32 octets";
    case SeedHealth::repetition:
      return "repetition count";
    case SeedHealth::proportion:
      return "adaptive proportion";
    case SeedHealth::pattern:
      return "repeated pattern";
    case SeedHealth::bias:
      return "bias";
  }
  return "unknown";
}

Result<void> require_healthy(Bytes seed) noexcept {
  if (check_seed(seed) != SeedHealth::passed) return fail(ErrorCode::no_entropy);
  return {};
}

}  // namespace pedigree::mps2
