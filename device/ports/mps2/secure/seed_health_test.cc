// SPDX-License-Identifier: Apache-2.0
#include "device/ports/mps2/secure/seed_health.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "testing/support/support.h"

namespace pedigree::mps2 {
namespace {

using testing::Octets;

Octets good_seed(std::uint32_t number = 1) {
  std::mt19937 random(number);
  Octets seed(kSeedSize);
  for (auto& octet : seed) octet = static_cast<std::uint8_t>(random());
  return seed;
}

TEST(SeedHealth, AGoodSeedPasses) {
  // One in 2^36 would not; the generator is fixed, so that these always do.
  for (std::uint32_t n = 0; n < 20000; ++n) EXPECT_EQ(check_seed(good_seed(n)), SeedHealth::passed) << n;
  EXPECT_TRUE(require_healthy(good_seed()).has_value());
}

TEST(SeedHealth, IsOf32Octets) {
  for (std::size_t size = 0; size < 64; ++size) {
    if (size == kSeedSize) continue;
    EXPECT_EQ(check_seed(Octets(size, 0x5a)), SeedHealth::wrong_size);
  }
}

TEST(SeedHealth, EqualOctetsAreRefused) {
  for (unsigned value = 0; value < 256; ++value) {
    EXPECT_EQ(check_seed(Octets(kSeedSize, static_cast<std::uint8_t>(value))), SeedHealth::repetition);
  }
  EXPECT_EQ(require_healthy(Octets(kSeedSize)), fail(ErrorCode::no_entropy));
}

TEST(SeedHealth, SixEqualOctetsInARowAnywhereAreRefusedAndFiveAreNot) {
  const Octets seed = good_seed(3);
  for (std::size_t at = 0; at + 6 <= kSeedSize; ++at) {
    Octets bad = seed;
    const auto begin = bad.begin() + static_cast<std::ptrdiff_t>(at);
    std::fill(begin, begin + 6, 0xc4);
    EXPECT_EQ(check_seed(bad), SeedHealth::repetition) << at;
    bad[at + 5] ^= 0x55;
    EXPECT_EQ(check_seed(bad), SeedHealth::passed) << at;
  }
}

TEST(SeedHealth, CountersAreRefused) {
  for (int step = 1; step < 256; ++step) {
    Octets bad(kSeedSize);
    for (std::size_t i = 0; i < bad.size(); ++i) {
      bad[i] = static_cast<std::uint8_t>(7 + static_cast<int>(i) * step);
    }
    EXPECT_EQ(check_seed(bad), SeedHealth::repetition) << step;
  }
}

TEST(SeedHealth, PatternsAreRefused) {
  for (std::size_t period = 2; period <= 16; ++period) {
    Octets bad = good_seed(static_cast<std::uint32_t>(period));
    for (std::size_t i = period; i < bad.size(); ++i) bad[i] = bad[i - period];
    EXPECT_NE(check_seed(bad), SeedHealth::passed) << period;
  }
  Octets halves = good_seed(9);
  std::copy_n(halves.begin(), 16, halves.begin() + 16);
  EXPECT_EQ(check_seed(halves), SeedHealth::pattern);
}

TEST(SeedHealth, OneValueTooOftenIsRefused) {
  Octets bad = good_seed(5);
  for (std::size_t i = 0; i < 9; ++i) bad[3 * i] = 0x77;
  EXPECT_NE(check_seed(bad), SeedHealth::proportion);
  for (const std::size_t place : {1U, 5U, 8U, 13U, 19U, 26U, 30U}) bad[place] = 0x77;
  EXPECT_EQ(check_seed(bad), SeedHealth::proportion);
}

TEST(SeedHealth, BiasIsRefused) {
  Octets bad = good_seed(6);
  for (auto& octet : bad) octet &= 0x1dU;
  const SeedHealth few = check_seed(bad);
  EXPECT_TRUE(few == SeedHealth::bias || few == SeedHealth::proportion);
  // Four distinct bits an octet, none of them twice in a row, all of them low.
  Octets sparse(kSeedSize);
  for (std::size_t i = 0; i < sparse.size(); ++i) {
    sparse[i] = static_cast<std::uint8_t>(1U << (i * i + i / 3) % 8);
  }
  EXPECT_NE(check_seed(sparse), SeedHealth::passed);
}

TEST(SeedHealth, EveryResultHasWords) {
  for (const auto health : {SeedHealth::passed, SeedHealth::wrong_size, SeedHealth::repetition,
                            SeedHealth::proportion, SeedHealth::pattern, SeedHealth::bias}) {
    EXPECT_NE(name(health), "unknown");
  }
}

}  // namespace
}  // namespace pedigree::mps2
