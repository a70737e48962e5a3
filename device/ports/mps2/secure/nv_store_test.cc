// SPDX-License-Identifier: Apache-2.0
// What the store promises while power stays: semantics, room, wiping, and damage that is not taken for a cut.
#include "device/ports/mps2/secure/nv_store.h"

#include <gtest/gtest.h>

#include <map>

#include "device/ports/mps2/secure/test_medium.h"

namespace pedigree::mps2 {
namespace {

using Octets = std::vector<std::uint8_t>;

constexpr std::size_t kMediumSize = 2 * 64 * 1024;
constexpr std::size_t kBank = kMediumSize / 2;

Octets text(std::string_view value) {
  return {value.begin(), value.end()};
}

void expect_asset(const NvStore& store, std::uint64_t uid, const Octets& value) {
  const auto found = store.find(uid);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(Octets(found->begin(), found->end()), value);
}

struct Unit {
  explicit Unit(std::size_t size = kMediumSize) : medium(size), store(medium) {}
  explicit Unit(TestMedium found) : medium(std::move(found)), store(medium) {}
  TestMedium medium;
  NvStore store;
};

TEST(NvStore, KeepsWhatWasSetThroughAReboot) {
  Unit unit;
  ASSERT_TRUE(unit.store.mount());
  EXPECT_TRUE(unit.store.set(1, text("one")));
  EXPECT_TRUE(unit.store.set(2, {}));
  EXPECT_TRUE(unit.store.set(1, text("uno, longer than before")));
  EXPECT_TRUE(unit.store.set(3, Octets(NvStore::kMaxAssetSize, 7)));
  EXPECT_TRUE(unit.store.set(4, text("gone")));
  EXPECT_TRUE(unit.store.remove(4));
  Unit later(unit.medium.rebooted());
  ASSERT_TRUE(later.store.mount());
  for (const NvStore* store : {&unit.store, &later.store}) {
    expect_asset(*store, 1, text("uno, longer than before"));
    expect_asset(*store, 2, {});
    expect_asset(*store, 3, Octets(NvStore::kMaxAssetSize, 7));
    EXPECT_EQ(store->find(4), fail(ErrorCode::not_found));
  }
  EXPECT_EQ(later.medium.memory, unit.medium.memory) << "a clean boot writes nothing";
}

TEST(NvStore, RefusesWhatItCannotKeepAndChangesNothing) {
  Unit unit;
  ASSERT_TRUE(unit.store.mount());
  ASSERT_TRUE(unit.store.set(1, text("one")));
  const Octets before = unit.medium.memory;
  EXPECT_EQ(unit.store.set(1, Octets(NvStore::kMaxAssetSize + 1)), fail(ErrorCode::too_long));
  EXPECT_EQ(unit.store.remove(2), fail(ErrorCode::not_found));
  EXPECT_EQ(unit.medium.memory, before);
}

TEST(NvStore, HoldsSoManyAssetsAndNoMore) {
  Unit unit;
  ASSERT_TRUE(unit.store.mount());
  for (std::uint64_t uid = 0; uid < NvStore::kMaxAssets; ++uid) ASSERT_TRUE(unit.store.set(uid, text("x")));
  EXPECT_EQ(unit.store.set(1000, text("x")), fail(ErrorCode::storage_full));
  EXPECT_TRUE(unit.store.set(5, text("replaced")));
  EXPECT_TRUE(unit.store.remove(6));
  EXPECT_TRUE(unit.store.set(1000, text("x")));
  Unit later(unit.medium.rebooted());
  ASSERT_TRUE(later.store.mount());
  expect_asset(later.store, 5, text("replaced"));
  EXPECT_EQ(later.store.find(6), fail(ErrorCode::not_found));
}

TEST(NvStore, AFullStoreCanBeEmptied) {
  for (std::size_t size = 0; size <= 64; size += 8) {
    Unit unit(2048);
    ASSERT_TRUE(unit.store.mount());
    std::uint64_t count = 0;
    while (unit.store.set(count, Octets(size, 1))) ++count;
    ASSERT_GT(count, 8U);
    EXPECT_EQ(unit.store.set(count, Octets(size, 1)), fail(ErrorCode::storage_full));
    for (std::uint64_t uid = 0; uid < count; ++uid) {
      expect_asset(unit.store, uid, Octets(size, 1));
      EXPECT_TRUE(unit.store.remove(uid)) << "asset " << uid << " of " << count;
    }
    EXPECT_TRUE(unit.store.set(0, Octets(500, 2)));
  }
}

TEST(NvStore, WinsRoomBackOverAndOver) {
  Unit unit(4096);
  ASSERT_TRUE(unit.store.mount());
  std::map<std::uint64_t, Octets> expected;
  for (std::uint32_t round = 0; round < 2000; ++round) {
    const std::uint64_t uid = round * 7 % 5;
    if (round % 11 == 3 && expected.contains(uid)) {
      ASSERT_TRUE(unit.store.remove(uid));
      expected.erase(uid);
      continue;
    }
    expected[uid] = Octets(round * 13 % 200, static_cast<std::uint8_t>(round));
    ASSERT_TRUE(unit.store.set(uid, expected[uid])) << round;
  }
  EXPECT_GT(unit.store.generation(), 50U);
  Unit later(unit.medium.rebooted());
  ASSERT_TRUE(later.store.mount());
  EXPECT_EQ(later.store.generation(), unit.store.generation());
  for (std::uint64_t uid = 0; uid < 5; ++uid) {
    ASSERT_EQ(later.store.find(uid).has_value(), expected.contains(uid));
    if (expected.contains(uid)) expect_asset(later.store, uid, expected[uid]);
  }
}

TEST(NvStore, WhatIsReplacedOrRemovedIsGoneFromTheMedium) {
  Unit unit;
  ASSERT_TRUE(unit.store.mount());
  ASSERT_TRUE(unit.store.set(1, text("first secret, replaced")));
  ASSERT_TRUE(unit.store.set(2, text("second secret, removed")));
  ASSERT_TRUE(unit.store.set(3, text("third secret, kept")));
  ASSERT_TRUE(unit.store.set(1, text("fourth secret, kept")));
  ASSERT_TRUE(unit.store.remove(2));
  EXPECT_FALSE(unit.medium.holds(text("first secret")));
  EXPECT_FALSE(unit.medium.holds(text("second secret")));
  EXPECT_TRUE(unit.medium.holds(text("third secret")));
  EXPECT_TRUE(unit.medium.holds(text("fourth secret")));
}

/// A store with removed, replaced and living assets; its log ends at `end`.
struct Damaged {
  Damaged() {
    EXPECT_TRUE(unit.store.mount());
    for (std::uint64_t uid = 1; uid < 6; ++uid) {
      EXPECT_TRUE(unit.store.set(uid, Octets(20 + uid, static_cast<std::uint8_t>(uid))));
    }
    EXPECT_TRUE(unit.store.set(2, text("two")));
    EXPECT_TRUE(unit.store.remove(4));
    last = end_of_log();
    EXPECT_TRUE(unit.store.set(6, text("the last one")));
    end = end_of_log();
  }
  [[nodiscard]] std::size_t end_of_log() const {
    std::size_t at = kBank;
    while (unit.medium.memory[at - 1] == 0xff) --at;
    return at;
  }
  Unit unit;
  std::size_t last = 0;  ///< where the last record begins
  std::size_t end = 0;
};

/// What a boot with one bit flipped can end in.
bool same_assets(const NvStore& left, const NvStore& right) {
  for (std::uint64_t uid = 0; uid < 8; ++uid) {
    const auto a = left.find(uid);
    const auto b = right.find(uid);
    if (a.has_value() != b.has_value() || (a && !equal(*a, *b))) return false;
  }
  return true;
}

TEST(NvStore, AFlippedBitIsNeverMistakenForACut) {
  const Damaged whole;
  std::size_t refused = 0;
  for (std::size_t offset = 0; offset < whole.end + 64; ++offset) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      Unit found(whole.unit.medium.rebooted());
      found.medium.memory[offset] = static_cast<std::uint8_t>(found.medium.memory[offset] ^ (1U << bit));
      const Octets before = found.medium.memory;
      const auto mounted = found.store.mount();
      if (!mounted) {
        ++refused;
        EXPECT_EQ(mounted.error().code, ErrorCode::storage_corrupt);
        EXPECT_EQ(found.medium.memory, before) << "a refused medium is left as it is";
        continue;
      }
      // What is left to be programmed of the last mark is what a cut leaves, too: the last change is undone.
      const bool last_mark = offset >= whole.end - 8 && offset < whole.end;
      Unit expected(whole.unit.medium.rebooted());
      ASSERT_TRUE(expected.store.mount());
      if (last_mark) static_cast<void>(expected.store.remove(6));
      EXPECT_TRUE(same_assets(found.store, expected.store)) << "offset " << offset << " bit " << bit;
    }
  }
  EXPECT_GT(refused, 1000U);
}

TEST(NvStore, DamageBeyondTheLogOrInBothBanksIsCorrupt) {
  const Damaged whole;
  for (const std::size_t offset : {whole.end + 100, kBank - 1}) {
    Unit found(whole.unit.medium.rebooted());
    found.medium.memory[offset] = 0x7f;
    EXPECT_EQ(found.store.mount().error().code, ErrorCode::storage_corrupt);
  }
  Unit headless(whole.unit.medium.rebooted());
  headless.medium.memory[3] ^= 1;
  EXPECT_EQ(headless.store.mount(), fail(ErrorCode::storage_corrupt));
}

}  // namespace
}  // namespace pedigree::mps2
