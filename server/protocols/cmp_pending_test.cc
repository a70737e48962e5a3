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
  EXPECT_EQ(keep("d", kSecond), Kept::kept);
  EXPECT_EQ(keep("e", Sha256{3}), Kept::full) << "in all";
  pending_.drop(as_bytes(std::string_view("a")), transaction(place_).get());
  EXPECT_EQ(keep("e"), Kept::kept) << "its signer has room again";
  EXPECT_EQ(pending_.size(), 4U);
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
