// SPDX-License-Identifier: Apache-2.0
// A million serial numbers: none missed, none wrongly revoked, and the memory counted by the allocator.
#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <vector>

#include "testing/support/allocations.h"
#include "verifier/status/revoked_set.h"

namespace pedigree::verifier {
namespace {

using Serial = std::array<std::uint8_t, 16>;

Serial random_serial(std::mt19937_64& random) {
  Serial serial{};
  for (std::uint8_t& octet : serial) octet = static_cast<std::uint8_t>(random());
  serial[0] |= 1;
  return serial;
}

constexpr std::size_t kMillion = 1000000;

TEST(RevokedSet, AMillionSerialsInUnderTwoAndAHalfMebibytes) {
  std::mt19937_64 random(20261126);
  std::vector<Serial> truth(kMillion);
  for (Serial& serial : truth) serial = random_serial(random);
  std::ranges::sort(truth);
  const RevokedSet::Confirm confirm = [&truth](Bytes serial) -> Result<std::optional<Revocation>> {
    Serial wanted{};
    std::ranges::copy(serial, wanted.end() - static_cast<std::ptrdiff_t>(serial.size()));
    if (!std::ranges::binary_search(truth, wanted)) return std::optional<Revocation>();
    return Revocation{.since = 1, .reason = 1};
  };

  const std::size_t before = testing::allocated_octets();
  RevokedSet set(kMillion, confirm);
  for (const Serial& serial : truth) set.add(serial);
  const std::size_t used = testing::allocated_octets() - before;
  RecordProperty("octets", static_cast<int>(used));
  if (testing::kAllocationsAreCounted) {
    EXPECT_GE(used, set.filter().memory());
    EXPECT_LT(used, 2.5 * 1024 * 1024);
  }
  EXPECT_EQ(set.size(), kMillion);

  for (const Serial& serial : truth) {
    const auto found = set.find(serial);
    ASSERT_TRUE(found && *found);
  }
  const std::uint64_t hits = set.confirmations();
  for (std::size_t i = 0; i < kMillion; ++i) {
    const auto found = set.find(random_serial(random));
    ASSERT_TRUE(found && !*found);
  }
  // About one in a thousand asks the truth for nothing; five would mean a filter that does not spread.
  EXPECT_LT(set.confirmations() - hits, kMillion / 200);
  EXPECT_GT(set.confirmations() - hits, 0U);
}

TEST(RevokedSet, LeadingZerosDoNotCount) {
  RevokedSet set(10, [](Bytes serial) -> Result<std::optional<Revocation>> {
    EXPECT_EQ(serial.size(), 2U);
    return Revocation{.since = 5, .reason = 0};
  });
  const std::uint8_t with_zeros[] = {0, 0, 7, 9};
  const std::uint8_t without[] = {7, 9};
  set.add(with_zeros);
  EXPECT_TRUE(set.find(without).value());
  EXPECT_TRUE(set.find(with_zeros).value());
}

TEST(RevokedSet, AFailedConfirmationIsNoAnswer) {
  RevokedSet set(10, [](Bytes) -> Result<std::optional<Revocation>> { return fail(ErrorCode::io_failure); });
  const std::uint8_t serial[] = {1, 2, 3};
  EXPECT_FALSE(set.find(serial).value());
  set.add(serial);
  EXPECT_EQ(set.find(serial).error().code, ErrorCode::io_failure);
}

TEST(RevokedSet, MoreThanItsCapacityStaysRight) {
  std::mt19937_64 random(1);
  RevokedSet set(10, [](Bytes) -> Result<std::optional<Revocation>> { return Revocation{}; });
  std::vector<Serial> serials(10000);
  for (Serial& serial : serials) set.add(serial = random_serial(random));
  for (const Serial& serial : serials) EXPECT_TRUE(set.find(serial).value());
}

TEST(RevokedSet, ThreadsAddAndAsk) {
  constexpr std::size_t kEach = 20000;
  RevokedSet set(4 * kEach, [](Bytes) -> Result<std::optional<Revocation>> { return Revocation{}; });
  std::vector<std::thread> threads;
  std::atomic<std::size_t> missed = 0;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&set, &missed, seed] {
      std::mt19937_64 random(seed);
      for (std::size_t i = 0; i < kEach; ++i) {
        const Serial serial = random_serial(random);
        set.add(serial);
        if (!set.find(serial).value()) ++missed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(missed, 0U);
  EXPECT_EQ(set.size(), 4 * kEach);
}

}  // namespace
}  // namespace pedigree::verifier
