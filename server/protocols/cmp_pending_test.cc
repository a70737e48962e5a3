// SPDX-License-Identifier: Apache-2.0
#include "server/protocols/cmp_pending.h"

#include <gtest/gtest.h>

#include <string>

namespace pedigree::protocols {
namespace {

using Kept = CmpPending::Kept;

constexpr der::UnixTime kNow = 1'800'000'000;
constexpr Sha256 kFirst{1};
constexpr Sha256 kSecond{2};

/// Something to hold, that is never looked into.
std::shared_ptr<CmpTransaction> transaction(int& place) {
  return {std::shared_ptr<void>(), reinterpret_cast<CmpTransaction*>(&place)};
}

class Pending : public ::testing::Test {
 protected:
  Kept keep(std::string id, const Sha256& signer = kFirst, der::UnixTime now = kNow) {
    return pending_.keep(as_bytes(id), signer, transaction(place_), now);
  }
  bool waits(std::string id, der::UnixTime now = kNow) { return pending_.find(as_bytes(id), now) != nullptr; }

  int place_ = 0;
  CmpPending pending_{{4, 2, 60}};
};

TEST_F(Pending, OneTransactionForEachId) {
  EXPECT_EQ(keep("a"), Kept::kept);
  EXPECT_EQ(keep("a", kSecond), Kept::in_use);
  EXPECT_TRUE(waits("a"));
  EXPECT_FALSE(waits("b"));
  int other = 0;
  pending_.drop(as_bytes(std::string_view("a")), transaction(other).get());
  EXPECT_TRUE(waits("a")) << "another transaction that had this id once";
  pending_.drop(as_bytes(std::string_view("a")), transaction(place_).get());
  EXPECT_FALSE(waits("a"));
  EXPECT_EQ(keep("a"), Kept::kept);
}

TEST_F(Pending, HasLimitsForAllAndForEachSigner) {
  EXPECT_EQ(keep("a"), Kept::kept);
  EXPECT_EQ(keep("b"), Kept::kept);
  EXPECT_EQ(keep("c"), Kept::full) << "of one signer";
  EXPECT_EQ(keep("c", kSecond), Kept::kept);
  EXPECT_EQ(keep("d", Sha256{3}), Kept::kept);
  EXPECT_EQ(keep("e", kSecond), Kept::full) << "in all: it would then have as many as the greediest";
  pending_.drop(as_bytes(std::string_view("a")), transaction(place_).get());
  EXPECT_EQ(keep("e"), Kept::kept) << "its signer has room again";
  EXPECT_EQ(pending_.size(), 4U);
}

TEST_F(Pending, WhereAllPlacesAreTakenTheGreediestGivesUpItsOldest) {
  EXPECT_EQ(keep("b"), Kept::kept);
  EXPECT_EQ(keep("a"), Kept::kept);
  EXPECT_EQ(keep("c", kSecond), Kept::kept);
  EXPECT_EQ(keep("d", Sha256{3}), Kept::kept);
  EXPECT_EQ(keep("e", Sha256{4}), Kept::kept);
  EXPECT_FALSE(waits("b")) << "which came before a";
  for (const char* stays : {"a", "c", "d", "e"}) EXPECT_TRUE(waits(stays)) << stays;
  EXPECT_EQ(keep("f", Sha256{5}), Kept::full) << "each has one";
  EXPECT_EQ(pending_.size(), 4U);
}

/// As it is served: sixteen hostile signers fill it.
TEST(PendingAsServed, WhoHasFewGetsInAndTheGreedyEndNoneOfEachOthers) {
  constexpr std::size_t kSigners = 16;
  CmpPending pending;
  int place = 0;
  const auto keep = [&](const std::string& id, std::uint8_t signer) {
    return pending.keep(as_bytes(id), Sha256{signer}, transaction(place), kNow);
  };
  const auto flood = [&] {
    std::size_t kept = 0;
    for (std::size_t round = 0; round < 100; ++round) {
      for (std::uint8_t signer = 1; signer <= kSigners; ++signer) {
        static std::size_t number = 0;
        kept += keep("flood " + std::to_string(++number), signer) == Kept::kept ? 1U : 0U;
      }
    }
    return kept;
  };
  EXPECT_EQ(flood(), CmpPending::Limits().all);
  EXPECT_EQ(flood(), 0U) << "they end none of each other's";
  // Honest ones come, one transaction each, and stay while the flood goes on.
  constexpr std::uint8_t kHonest = 200;
  for (std::uint8_t signer = kSigners + 1; signer <= kHonest; ++signer) {
    ASSERT_EQ(keep("honest " + std::to_string(signer), signer), Kept::kept) << int{signer};
    if (signer % 50 == 0) {
      EXPECT_EQ(flood(), 0U);
    }
  }
  EXPECT_EQ(pending.size(), CmpPending::Limits().all);
  for (std::uint8_t signer = kSigners + 1; signer <= kHonest; ++signer) {
    EXPECT_NE(pending.find(as_bytes("honest " + std::to_string(signer)), kNow), nullptr) << int{signer};
  }
}

TEST_F(Pending, ForgetsWhatWaitsTooLong) {
  EXPECT_EQ(keep("a"), Kept::kept);
  EXPECT_EQ(keep("b", kFirst, kNow + 30), Kept::kept);
  EXPECT_TRUE(waits("a", kNow + 59));
  EXPECT_FALSE(waits("a", kNow + 60));
  EXPECT_TRUE(waits("b", kNow + 60));
  EXPECT_EQ(keep("a", kFirst, kNow + 60), Kept::kept) << "and its place counts no more";
  pending_.expire(kNow + 200);
  EXPECT_EQ(pending_.size(), 0U);
}

}  // namespace
}  // namespace pedigree::protocols
