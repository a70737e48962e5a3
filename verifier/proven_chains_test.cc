// SPDX-License-Identifier: Apache-2.0
#include "verifier/proven_chains.h"

#include <gtest/gtest.h>

#include "verifier/replay_guard.h"

namespace pedigree::verifier {
namespace {

/// The last octet decides the part, the first ones the place in it.
Sha256 digest(std::uint32_t number, std::uint8_t part) {
  Sha256 out{};
  for (std::size_t i = 0; i < 4; ++i) out[i] = static_cast<std::uint8_t>(number >> (8 * i));
  out[31] = part;
  return out;
}

TEST(ProvenChains, ForgetsTheOldestAndHoldsItsBound) {
  ProvenChains chains(64 * 4);
  for (std::uint32_t i = 0; i < 1000; ++i) {
    for (std::uint8_t part = 0; part < 64; ++part) chains.put(digest(i, part), {});
    EXPECT_LE(chains.size(), 64U * 4);
  }
  EXPECT_EQ(chains.size(), 64U * 4);
  EXPECT_FALSE(chains.find(digest(995, 7)));
  EXPECT_TRUE(chains.find(digest(996, 7)));
}

TEST(ProvenChains, ReplacesAndRemoves) {
  ProvenChains chains(64);
  chains.put(digest(1, 1), {});
  chains.put(digest(1, 1), {std::make_shared<ProvenPath>(), nullptr});
  EXPECT_EQ(chains.size(), 1U);
  EXPECT_NE(chains.find(digest(1, 1))->path, nullptr);
  chains.remove(digest(2, 1));
  chains.remove(digest(1, 1));
  EXPECT_FALSE(chains.find(digest(1, 1)));
  chains.put(digest(3, 1), {});
  EXPECT_TRUE(chains.find(digest(3, 1))) << "what was removed takes no room";
}

TEST(ProvenChains, ZeroRemembersNothing) {
  ProvenChains chains(0);
  chains.put(digest(1, 1), {});
  EXPECT_EQ(chains.size(), 0U);
}

TEST(ReplayGuard, RemembersForItsTimeAndCountsWhatItCouldNot) {
  ReplayGuard guard(3, 10);
  EXPECT_FALSE(guard.seen_before(digest(1, 0), 100));
  EXPECT_TRUE(guard.seen_before(digest(1, 0), 110));
  EXPECT_TRUE(guard.knows(digest(1, 0), 110));
  EXPECT_FALSE(guard.knows(digest(1, 0), 111));
  EXPECT_FALSE(guard.knows(digest(2, 0), 111));
  for (std::uint32_t i = 10; i < 13; ++i) EXPECT_FALSE(guard.seen_before(digest(i, 0), 120));
  EXPECT_EQ(guard.size(), 3U);
  EXPECT_EQ(guard.forgotten(), 0U);
  EXPECT_FALSE(guard.seen_before(digest(13, 0), 120));
  EXPECT_EQ(guard.size(), 3U);
  EXPECT_EQ(guard.forgotten(), 1U);
  EXPECT_FALSE(guard.seen_before(digest(10, 0), 120)) << "forgotten early";
}

}  // namespace
}  // namespace pedigree::verifier
