// SPDX-License-Identifier: Apache-2.0
// Power is cut at every program and erase of an update's whole life, torn in six ways: at the next boot an
// image runs that was verified, and the same wishes finish the work.
#include <gtest/gtest.h>

#include "device/update/test_device.h"
#include "testing/images/revocations.h"

namespace pedigree::update {
namespace {

class UpdateCutTest : public ::testing::TestWithParam<Torn> {
 protected:
  /// What a station does, until the device runs this image for good. False where the power went.
  bool update_to(TestDevice& device, Bytes wanted, bool tested) {
    for (int tries = 0; tries < 4; ++tries) {
      if (device.runs(wanted)) {
        const bool confirmed = device.updater().confirm({}).has_value();
        EXPECT_TRUE(confirmed || device.flash().dead());
        return !device.flash().dead();
      }
      const auto uploaded = device.upload(wanted, true, 450);
      if (device.flash().dead()) return false;
      EXPECT_TRUE(uploaded && uploaded->complete);
      const auto asked =
          tested ? device.updater().test(digest_of(wanted)) : device.updater().confirm(digest_of(wanted));
      if (device.flash().dead()) return false;
      EXPECT_TRUE(asked) << name(asked.error().code);
      // A reset, which the boot stage ends with a record.
      EXPECT_TRUE(device.boot());
      if (device.flash().dead()) return false;
    }
    ADD_FAILURE() << "the update does not end";
    return false;
  }
  bool take_list(TestDevice& device) {
    const auto taken = device.updater().write_list(0, static_cast<std::uint32_t>(list_.size()), list_);
    if (device.flash().dead()) return false;
    EXPECT_TRUE(taken);
    return true;
  }
  /// An update that is tested, one that is not, an erase, and a list of revoked signers.
  bool live(TestDevice& device) {
    // Once the third image has raised the counter, the second is history.
    if (!device.runs(third_) && !update_to(device, second_, true)) return false;
    if (!update_to(device, third_, false)) return false;
    const auto erased = device.updater().erase(Updater::kUploadSlot);
    if (device.flash().dead()) return false;
    EXPECT_TRUE(erased);
    return take_list(device);
  }
  /// As after a life without a cut.
  void expect_done(TestDevice& device) {
    EXPECT_TRUE(device.power_cycle());
    EXPECT_TRUE(device.runs(third_));
    const State& state = device.updater().state();
    EXPECT_EQ(state.confirmed, device.running());
    EXPECT_EQ(state.pending, kNoSlot);
    EXPECT_EQ(state.trying, kNoSlot);
    EXPECT_EQ(state.counters, (std::array<std::uint32_t, kImages>{3, 1}));
    EXPECT_EQ(state.list.number, 7U);
    EXPECT_EQ(state.slots[1 - device.running()].content, Content::empty);
    EXPECT_TRUE(is_blank(
        device.flash().contents().subspan(kTestLayout.slot(1 - device.running()), kTestLayout.slot_size)));
  }

  Maker maker_;
  Octets secure_ = maker_.image({.secure = true});
  Octets first_ = maker_.image({});
  Octets second_ = maker_.image({.version = {1, 1, 0, 0}, .counter = 2, .code = 900});
  Octets third_ = maker_.image({.version = {1, 2, 0, 0}, .counter = 3, .code = 300});
  Octets list_ = testing::make_list(maker_.pki, testing::make_list_signer(maker_.pki), 7, {Sha256{1}});
};

TEST_P(UpdateCutTest, AnImageRunsAndTheWorkIsFinished) {
  std::size_t cuts = 0;
  for (bool more = true; more; ++cuts) {
    SCOPED_TRACE("cut after step " + std::to_string(cuts));
    TestDevice device(maker_, secure_, first_);
    ASSERT_TRUE(device.boot());
    device.flash().cut_after(cuts, GetParam());
    more = !live(device);
    if (more) {
      ASSERT_TRUE(device.flash().dead());
      ASSERT_TRUE(device.power_cycle()) << name(device.error);
      ASSERT_TRUE(device.runs(first_) || device.runs(second_) || device.runs(third_));
      EXPECT_EQ(device.refusals, std::vector<std::string>{});
      ASSERT_TRUE(live(device));
    }
    expect_done(device);
    if (HasFailure()) return;
  }
  EXPECT_GT(cuts, 150U);
}

/// The boot stage writes too: a second cut comes while it does.
TEST_P(UpdateCutTest, ASecondCutAtTheNextBootChangesNothing) {
  std::size_t mended = 0;
  bool more = true;
  for (std::size_t first = 0; more; first += 3) {
    for (std::size_t second = 0;; ++second) {
      SCOPED_TRACE(std::to_string(first) + ", " + std::to_string(second));
      TestDevice device(maker_, secure_, first_);
      ASSERT_TRUE(device.boot());
      device.flash().cut_after(first, GetParam());
      more = !live(device);
      if (!more) break;
      device.lose_power();
      device.flash().cut_after(second, Torn::some_bits);
      static_cast<void>(device.boot());
      const bool cut = device.flash().dead();
      mended += cut ? 1 : 0;
      ASSERT_TRUE(device.power_cycle());
      ASSERT_TRUE(live(device));
      expect_done(device);
      if (HasFailure()) return;
      if (!cut) break;
    }
  }
  EXPECT_GT(mended, 0U);
}

std::string name_of(const ::testing::TestParamInfo<Torn>& parameter) {
  constexpr std::array kNames{"Nothing", "All", "FirstHalf", "SecondHalf", "SomeOctets", "SomeBits"};
  return kNames[static_cast<std::size_t>(parameter.param)];
}

INSTANTIATE_TEST_SUITE_P(Every, UpdateCutTest, ::testing::ValuesIn(kEveryTorn), name_of);

}  // namespace
}  // namespace pedigree::update
