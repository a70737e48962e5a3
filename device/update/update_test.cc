// SPDX-License-Identifier: Apache-2.0
// Uploads, tests, confirmations, and what the boot stage makes of them.
#include <gtest/gtest.h>

#include "device/update/test_device.h"

namespace pedigree::update {
namespace {

std::string code_of(const auto& result) {
  return result ? "" : std::string(name(result.error().code));
}

class UpdateTest : public ::testing::Test {
 protected:
  UpdateTest()
      : secure_(maker_.image({.secure = true})),
        first_(maker_.image({})),
        second_(maker_.image({.version = {1, 1, 0, 0}, .counter = 2})),
        device_(maker_, secure_, first_) {
    EXPECT_TRUE(device_.boot());
  }
  Updater& updater() { return device_.updater(); }
  /// The other image is on trial.
  void try_second() {
    ASSERT_TRUE(device_.upload(second_));
    ASSERT_TRUE(updater().test(digest_of(second_)));
    ASSERT_TRUE(device_.power_cycle());
  }
  /// Uploads and asks for a test; what the boot stage says of it, with the first image running again.
  std::string refusal_of(Bytes image) {
    if (const auto done = device_.upload(image); !done) return "upload: " + code_of(done);
    if (const auto done = updater().test(digest_of(image)); !done) return "test: " + code_of(done);
    if (!device_.power_cycle()) return "nothing boots";
    EXPECT_TRUE(device_.runs(first_));
    EXPECT_EQ(updater().state().confirmed, 0);
    EXPECT_NE(updater().state().slots[1].refused, 0);
    return device_.refusals.empty() ? "" : device_.refusals.front();
  }

  Maker maker_;
  Octets secure_, first_, second_;
  TestDevice device_;
};

TEST_F(UpdateTest, ANewDeviceRunsTheImageThatItWasMadeWith) {
  EXPECT_TRUE(device_.runs(first_));
  EXPECT_EQ(device_.report().magic, BootReport::kMagic);
  EXPECT_EQ(device_.report().root, maker_.root());
  const Measured& measured = device_.report().images[kNonSecure];
  EXPECT_EQ(measured.slot, 0);
  EXPECT_TRUE(equal(measured.digest_view(), digest_of(first_)));
  EXPECT_EQ(measured.signer, maker_.key_of(maker_.signer().chain.front()));
  EXPECT_EQ(measured.security_counter, 1U);
  EXPECT_TRUE(equal(device_.report().images[kSecure].digest_view(), digest_of(secure_)));
}

TEST_F(UpdateTest, ATestedImageRunsOnceUnlessItIsConfirmed) {
  ASSERT_NO_FATAL_FAILURE(try_second());
  EXPECT_TRUE(device_.runs(second_));
  EXPECT_EQ(updater().state().confirmed, 0);
  ASSERT_TRUE(device_.power_cycle());
  EXPECT_TRUE(device_.runs(first_));
  EXPECT_EQ(device_.reverted_slot, 1);
  ASSERT_TRUE(device_.power_cycle());
  EXPECT_TRUE(device_.runs(first_));
  EXPECT_EQ(device_.reverted_slot, kNoSlot);
}

TEST_F(UpdateTest, AConfirmedImageRunsFromThenOn) {
  ASSERT_NO_FATAL_FAILURE(try_second());
  ASSERT_TRUE(updater().confirm({}));
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(device_.power_cycle());
    EXPECT_TRUE(device_.runs(second_));
  }
  EXPECT_EQ(updater().state().confirmed, 1);
  EXPECT_EQ(updater().state().counters, (std::array<std::uint32_t, kImages>{2, 1}));
}

TEST_F(UpdateTest, AnImageThatIsConfirmedUnseenIsConfirmedOnceItIsVerified) {
  ASSERT_TRUE(device_.upload(second_));
  ASSERT_TRUE(updater().confirm(digest_of(second_)));
  EXPECT_EQ(updater().state().confirmed, 0);
  ASSERT_TRUE(device_.power_cycle());
  EXPECT_TRUE(device_.runs(second_));
  EXPECT_EQ(updater().state().confirmed, 1);
  EXPECT_EQ(updater().state().counters[kNonSecure], 2U);
}

TEST_F(UpdateTest, TheCounterRisesWithTheConfirmationAndNotBefore) {
  ASSERT_NO_FATAL_FAILURE(try_second());
  EXPECT_EQ(updater().state().counters[kNonSecure], 0U);
  ASSERT_TRUE(updater().confirm(digest_of(second_)));
  // The first image has counter 1: it can be taken, and is not started any more.
  ASSERT_TRUE(updater().test(digest_of(first_)));
  ASSERT_TRUE(device_.power_cycle());
  EXPECT_TRUE(device_.runs(second_));
  EXPECT_EQ(device_.refusals, (std::vector<std::string>{"slot 0: rolled_back"}));
  EXPECT_EQ(updater().state().slots[0].refused, static_cast<std::uint16_t>(ErrorCode::rolled_back));
}

TEST_F(UpdateTest, BadImagesAreRefusedAndTheOldOneRuns) {
  Octets flipped = second_;
  flipped[40] ^= 1U;
  EXPECT_EQ(refusal_of(flipped), "slot 1: image_digest_mismatch");
  const Maker stranger;
  EXPECT_EQ(refusal_of(stranger.image({})), "slot 1: untrusted_root");
  testing::OemSpec old;
  old.maximum = image::Version{0, 9, 0, 0};
  const auto limited = maker_.with_root(maker_.pki.make_signer(crypto::KeyType::p256, old));
  // Nobody's tool signs beyond the limits: the version is changed afterwards, and limits are asked first.
  Octets beyond = maker_.image({.version = {0, 9, 0, 0}}, limited, maker_.pki);
  beyond[20] = 1;
  EXPECT_EQ(refusal_of(beyond), "slot 1: version_refused");
}

TEST_F(UpdateTest, AnImageForAnotherPlaceIsRefused) {
  EXPECT_EQ(refusal_of(maker_.image({.secure = true})), "slot 1: bad_image");
  EXPECT_EQ(refusal_of(maker_.image({.more_flags = image::kNonBootable})), "slot 1: bad_image");
  EXPECT_EQ(refusal_of(maker_.image({.load_address = 0x00300000})), "slot 1: bad_image");
}

TEST_F(UpdateTest, ARefusedConfirmedImageLeavesTheOther) {
  ASSERT_NO_FATAL_FAILURE(try_second());
  ASSERT_TRUE(updater().confirm({}));
  device_.flash().memory[kTestLayout.slot(1) + 50] ^= 4U;
  ASSERT_TRUE(device_.power_cycle());
  // Its counter is lower than what was confirmed.
  EXPECT_EQ(device_.refusals,
            (std::vector<std::string>{"slot 1: image_digest_mismatch", "slot 0: rolled_back"}));
  EXPECT_EQ(device_.running(), kNoSlot);
  EXPECT_EQ(device_.report().nonsecure_error, static_cast<std::uint16_t>(ErrorCode::rolled_back));
}

TEST_F(UpdateTest, NothingIsStartedUnderABadSecureImage) {
  Octets changed = secure_;
  changed[60] ^= 1U;
  device_.set_secure(changed);
  EXPECT_FALSE(device_.power_cycle());
  EXPECT_EQ(device_.error, ErrorCode::image_digest_mismatch);
  device_.set_secure(first_);
  EXPECT_FALSE(device_.power_cycle());
  EXPECT_EQ(device_.error, ErrorCode::bad_image) << "the non-secure image is none for this place";
  device_.set_secure(secure_);
  EXPECT_TRUE(device_.power_cycle());
  EXPECT_TRUE(device_.runs(first_));
}

TEST_F(UpdateTest, AnUploadGoesOnWhereItStood) {
  const Sha256 sha256 = *maker_.pki.crypto().sha256(second_);
  const auto total = static_cast<std::uint32_t>(second_.size());
  const auto first = updater().write({0, total, &sha256, Bytes(second_).first(700)});
  ASSERT_TRUE(first);
  EXPECT_EQ(first->next, 700U);
  // Elsewhere: not taken. From the beginning: the answer was lost.
  EXPECT_EQ(updater().write({100, total, &sha256, Bytes(second_).first(10)})->next, 700U);
  EXPECT_EQ(updater().write({0, total, &sha256, Bytes(second_).first(700)})->next, 700U);
  // After a loss of power from the last whole sector.
  ASSERT_TRUE(device_.power_cycle());
  EXPECT_EQ(updater().write({0, total, &sha256, Bytes(second_).first(700)})->next, 512U);
  const auto done = device_.upload(second_);
  ASSERT_TRUE(done);
  EXPECT_TRUE(done->complete);
  // Once more, whole or its last part: it is there.
  EXPECT_TRUE(device_.upload(second_)->complete);
  EXPECT_TRUE(updater().write({total - 5, 0, nullptr, Bytes(second_).last(5)})->complete);
  EXPECT_TRUE(equal(updater().image(1), second_));
}

TEST_F(UpdateTest, AnotherUploadBeginsAnew) {
  const Sha256 sha256 = *maker_.pki.crypto().sha256(second_);
  const auto total = static_cast<std::uint32_t>(second_.size());
  ASSERT_EQ(updater().write({0, total, &sha256, Bytes(second_).first(700)})->next, 700U);
  const Octets third = maker_.image({.version = {2, 0, 0, 0}});
  ASSERT_TRUE(device_.upload(third, false));
  EXPECT_TRUE(equal(updater().image(1), third));
}

TEST_F(UpdateTest, WhatIsNotWholeOrNoImageIsDropped) {
  const Sha256 other{};
  const auto total = static_cast<std::uint32_t>(second_.size());
  EXPECT_EQ(code_of(updater().write({0, total, &other, second_})), "bad_digest");
  EXPECT_TRUE(updater().image(1).empty());
  EXPECT_EQ(code_of(device_.upload(Octets(600, 0x55))), "bad_image");
  EXPECT_EQ(code_of(updater().write({0, 10, nullptr, Octets(11)})), "bad_request");
  EXPECT_EQ(code_of(updater().write({0, 0, nullptr, {}})), "bad_request");
  EXPECT_EQ(code_of(updater().write({0, kTestLayout.slot_size + 1, nullptr, {}})), "too_long");
  EXPECT_EQ(code_of(updater().test(digest_of(second_))), "not_found");
  ASSERT_TRUE(device_.power_cycle());
  EXPECT_TRUE(device_.runs(first_));
}

TEST_F(UpdateTest, RunningAndConfirmedSlotsAreLeftAlone) {
  EXPECT_EQ(code_of(updater().erase(0)), "wrong_image_state");
  EXPECT_EQ(code_of(updater().erase(2)), "not_found");
  EXPECT_EQ(code_of(updater().test(digest_of(first_))), "wrong_image_state");
  ASSERT_NO_FATAL_FAILURE(try_second());
  EXPECT_EQ(code_of(updater().erase(0)), "wrong_image_state") << "to fall back to";
  EXPECT_EQ(code_of(updater().erase(1)), "wrong_image_state") << "it runs";
  EXPECT_EQ(code_of(updater().erase(Updater::kUploadSlot)), "wrong_image_state");
  EXPECT_EQ(code_of(device_.upload(maker_.image({.version = {3, 0, 0, 0}}))), "wrong_image_state");
  EXPECT_EQ(code_of(updater().confirm(digest_of(first_))), "wrong_image_state");
  ASSERT_TRUE(updater().confirm({}));
  EXPECT_TRUE(updater().erase(0));
  EXPECT_TRUE(is_blank(device_.flash().contents().subspan(kTestLayout.slot(0), kTestLayout.slot_size)));
  EXPECT_TRUE(updater().erase(0)) << "again";
}

TEST_F(UpdateTest, RepeatedWishesWriteNothing) {
  ASSERT_TRUE(device_.upload(second_));
  ASSERT_TRUE(updater().test(digest_of(second_)));
  const std::uint32_t before = updater().state().sequence;
  ASSERT_TRUE(updater().test(digest_of(second_)));
  ASSERT_TRUE(device_.upload(second_));
  EXPECT_EQ(updater().state().sequence, before);
  ASSERT_TRUE(device_.power_cycle());
  ASSERT_TRUE(updater().confirm({}));
  const std::uint32_t confirmed = updater().state().sequence;
  ASSERT_TRUE(updater().confirm({}));
  ASSERT_TRUE(device_.power_cycle());
  EXPECT_EQ(updater().state().sequence, confirmed);
}

TEST_F(UpdateTest, ASectorWearsOnlyWhereItWasUsed) {
  ASSERT_TRUE(device_.upload(second_));
  const std::size_t last = kTestLayout.slot(1) + kTestLayout.slot_size - kTestLayout.sector;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(updater().erase(1));
    ASSERT_TRUE(device_.upload(second_));
  }
  EXPECT_EQ(device_.flash().erases(kTestLayout.slot(1)), 3U);
  EXPECT_EQ(device_.flash().erases(last), 0U);
  // Four records to a sector, and two sectors.
  EXPECT_LE(device_.flash().erases(0), updater().state().sequence / 8 + 1);
}

TEST_F(UpdateTest, AStateThatCannotBeReadStartsNothing) {
  for (std::size_t i = 0; i < 2 * kTestLayout.sector; ++i) device_.flash().memory[i] = 0;
  EXPECT_FALSE(device_.power_cycle());
  EXPECT_EQ(device_.error, ErrorCode::storage_corrupt);
  EXPECT_EQ(code_of(updater().confirm({})), "storage_failure");
}

TEST(UpdateState, EveryDamagedBitIsNoticed) {
  State state;
  state.sequence = 7;
  state.pending = 1;
  state.slots[0] = {Content::whole, 4711, 231};
  state.list = {1, 100, 5, 20, 68, 0x12345678};
  std::array<std::uint8_t, kRecordSize> record{};
  Writer out(record);
  encode(state, out);
  ASSERT_EQ(out.size(), kRecordSize);
  State read;
  ASSERT_TRUE(decode(record, read));
  EXPECT_EQ(read.slots[0].size, 4711U);
  EXPECT_EQ(read.list.entries_size, 68U);
  for (std::size_t bit = 0; bit < 8 * kRecordSize; ++bit) {
    record[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    EXPECT_FALSE(decode(record, read)) << bit;
    record[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
  }
}

}  // namespace
}  // namespace pedigree::update
