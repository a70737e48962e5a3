// SPDX-License-Identifier: Apache-2.0
// Power is cut at every program and erase of long histories, chunks torn in six ways, and again while the
// next boot mends it: every change has happened or not, and nothing that was replaced can be read.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "device/ports/mps2/secure/nv_store.h"
#include "device/ports/mps2/secure/test_medium.h"

namespace pedigree::mps2 {
namespace {

using Octets = std::vector<std::uint8_t>;
using Assets = std::map<std::uint64_t, Octets>;

/// Two banks that a few assets fill, so that histories compact often.
constexpr std::size_t kMediumSize = std::size_t{2} * 1024;
constexpr std::uint64_t kUids = 4;

struct Change {
  std::uint64_t uid = 0;
  bool remove = false;
  Octets data = {};
};

/// Every asset begins with a secret of its own that can be searched for.
Octets secret(std::size_t number) {
  std::string value = "secret " + std::to_string(1000 + number) + " ";
  value.resize(16 + number * 37 % 150, 's');
  return {value.begin(), value.end()};
}
Octets needle(std::size_t number) {
  const Octets whole = secret(number);
  return {whole.begin(), whole.begin() + 12};
}

std::vector<Change> history(std::size_t length) {
  std::vector<Change> changes;
  std::array<bool, kUids> there{};
  for (std::size_t i = 0; i < length; ++i) {
    const std::uint64_t uid = i * 5 % 7 % kUids;
    const bool remove = i % 6 == 4 && there[uid];
    changes.push_back(remove ? Change{uid, true} : Change{uid, false, secret(i)});
    there[uid] = !remove;
  }
  return changes;
}

void change(NvStore& store, const Change& wanted) {
  if (wanted.remove) {
    EXPECT_TRUE(store.remove(wanted.uid));
  } else {
    EXPECT_TRUE(store.set(wanted.uid, wanted.data));
  }
}

void change(Assets& assets, const Change& wanted) {
  if (wanted.remove) {
    assets.erase(wanted.uid);
  } else {
    assets[wanted.uid] = wanted.data;
  }
}

Assets assets_of(const NvStore& store) {
  Assets assets;
  for (std::uint64_t uid = 0; uid < kUids; ++uid) {
    if (const auto found = store.find(uid)) assets[uid] = Octets(found->begin(), found->end());
  }
  return assets;
}

/// Secrets on the medium are those of assets and no others.
void expect_no_old_secret(const TestMedium& medium, const Assets& assets, std::size_t count) {
  for (std::size_t number = 0; number < count; ++number) {
    const Octets value = secret(number);
    const bool lives = std::ranges::any_of(assets, [&](const auto& asset) { return asset.second == value; });
    EXPECT_EQ(medium.holds(needle(number)), lives) << "secret " << number;
  }
}

struct Cut {
  TestMedium medium;
  bool came;
  Assets before;
  Assets after;
};

/// Runs the history on a new medium until the cut after `steps`. `before` and `after`: the change it hit.
Cut run(const std::vector<Change>& changes, std::size_t steps, Torn torn, std::uint32_t seed) {
  TestMedium medium(kMediumSize);
  medium.cut_after(steps, torn, seed);
  Assets before;
  Assets after;
  NvStore store(medium);
  EXPECT_TRUE(store.mount());
  for (const Change& wanted : changes) {
    if (medium.dead()) break;
    before = after;
    change(after, wanted);
    change(store, wanted);
  }
  return {medium.rebooted(), medium.dead(), before, after};
}

class NvStoreCutTest : public ::testing::TestWithParam<Torn> {};

TEST_P(NvStoreCutTest, EveryChangeHasHappenedOrNot) {
  const std::vector<Change> changes = history(60);
  std::size_t steps = 0;
  for (bool more = true; more; ++steps) {
    SCOPED_TRACE("cut after step " + std::to_string(steps));
    Cut cut = run(changes, steps, GetParam(), static_cast<std::uint32_t>(steps));
    more = cut.came;
    NvStore store(cut.medium);
    ASSERT_TRUE(store.mount());
    const Assets found = assets_of(store);
    EXPECT_TRUE(found == cut.before || found == cut.after);
    expect_no_old_secret(cut.medium, found, changes.size());
    // The store goes on from there.
    ASSERT_TRUE(store.set(0, secret(900)));
    ASSERT_TRUE(store.remove(0));
    TestMedium later = cut.medium.rebooted();
    NvStore again(later);
    ASSERT_TRUE(again.mount());
    EXPECT_EQ(assets_of(again), assets_of(store));
    EXPECT_FALSE(later.holds(needle(900)));
    if (HasFailure()) return;
  }
  EXPECT_GT(steps, 300U);
}

TEST_P(NvStoreCutTest, ASecondCutWhileTheFirstIsMendedChangesNothing) {
  const std::vector<Change> changes = history(24);
  std::size_t mended = 0;
  bool more = true;
  for (std::size_t first = 0; more; ++first) {
    for (const Torn second : {Torn::all, Torn::some_bits}) {
      bool more_again = true;
      for (std::size_t again = 0; more_again; ++again) {
        SCOPED_TRACE(std::to_string(first) + ", " + std::to_string(again));
        Cut cut = run(changes, first, GetParam(), static_cast<std::uint32_t>(first));
        more = cut.came;
        TestMedium sound = cut.medium.rebooted();
        NvStore expected(sound);
        ASSERT_TRUE(expected.mount());
        cut.medium.cut_after(again, second, static_cast<std::uint32_t>(first + again));
        NvStore dying(cut.medium);
        static_cast<void>(dying.mount());
        more_again = cut.medium.dead();
        mended += more_again ? 1 : 0;
        TestMedium later = cut.medium.rebooted();
        NvStore store(later);
        ASSERT_TRUE(store.mount());
        EXPECT_EQ(assets_of(store), assets_of(expected));
        expect_no_old_secret(later, assets_of(store), changes.size());
        if (HasFailure()) return;
      }
    }
  }
  EXPECT_GT(mended, 100U);
}

std::string name_of(const ::testing::TestParamInfo<Torn>& parameter) {
  constexpr std::array kNames{"Nothing", "All", "FirstHalf", "SecondHalf", "SomeOctets", "SomeBits"};
  return kNames[static_cast<std::size_t>(parameter.param)];
}

INSTANTIATE_TEST_SUITE_P(Every, NvStoreCutTest, ::testing::ValuesIn(kEveryTorn), name_of);

}  // namespace
}  // namespace pedigree::mps2
