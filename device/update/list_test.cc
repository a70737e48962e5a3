// SPDX-License-Identifier: Apache-2.0
// The list of revoked signers: who may bring one, and what the boot stage makes of it.
#include <gtest/gtest.h>

#include "device/update/test_device.h"
#include "testing/images/revocations.h"

namespace pedigree::update {
namespace {

std::string code_of(const auto& result) {
  return result ? "" : std::string(name(result.error().code));
}

class ListTest : public ::testing::Test {
 protected:
  ListTest() : device_(maker_, maker_.image({.secure = true}, other_, maker_.pki), first_) {
    EXPECT_TRUE(device_.boot());
  }
  /// Writes a list in parts; the error's name, or "".
  std::string write(Bytes list) {
    std::uint32_t at = 0;
    while (true) {
      const Bytes rest = list.subspan(at);
      const auto next = device_.updater().write_list(at, static_cast<std::uint32_t>(list.size()),
                                                     rest.first(std::min<std::size_t>(rest.size(), 200)));
      if (!next) return code_of(next);
      at = *next;
      if (at == list.size()) return "";
    }
  }

  Maker maker_;
  testing::TestSigner other_ =
      maker_.with_root(maker_.pki.make_signer(crypto::KeyType::p256, {.name = "OEM B"}));
  testing::TestSigner revoker_ = testing::make_list_signer(maker_.pki);
  Sha256 signer_ = maker_.key_of(maker_.signer().chain[0]);
  Sha256 oem_ = maker_.key_of(maker_.signer().chain[1]);
  Octets first_ = maker_.image({});
  Octets second_ = maker_.image({.version = {2, 0, 0, 0}}, other_, maker_.pki);
  TestDevice device_;
};

TEST_F(ListTest, ARevokedSignersImageIsRefusedAtTheNextBoot) {
  for (const Sha256& key : {signer_, oem_}) {
    TestDevice device(maker_, maker_.image({.secure = true}, other_, maker_.pki), first_);
    ASSERT_TRUE(device.boot());
    ASSERT_TRUE(device.upload(second_));
    const Octets list = testing::make_list(maker_.pki, revoker_, 1, {key});
    ASSERT_TRUE(device.updater().write_list(0, static_cast<std::uint32_t>(list.size()), list));
    EXPECT_EQ(device.updater().state().list.number, 1U);
    EXPECT_EQ(device.updater().state().list.entries_size, image::RevocationList::kEntrySize);
    ASSERT_TRUE(device.power_cycle());
    // The image of another OEM takes its place, though nobody has asked for it.
    EXPECT_EQ(device.refusals, (std::vector<std::string>{"slot 0: signer_revoked"}));
    EXPECT_TRUE(device.runs(second_));
    EXPECT_EQ(device.updater().state().slots[0].refused,
              static_cast<std::uint16_t>(ErrorCode::signer_revoked));
  }
}

TEST_F(ListTest, WhoIsNotNamedIsNotConcerned) {
  ASSERT_EQ(write(testing::make_list(maker_.pki, revoker_, 1, {Sha256{1}, Sha256{2}})), "");
  ASSERT_TRUE(device_.power_cycle());
  EXPECT_TRUE(device_.runs(first_));
}

TEST_F(ListTest, ARevokedSignersSecureImageStartsNothing) {
  ASSERT_EQ(write(testing::make_list(maker_.pki, revoker_, 1, {maker_.key_of(other_.chain[0])})), "");
  EXPECT_FALSE(device_.power_cycle());
  EXPECT_EQ(device_.error, ErrorCode::signer_revoked);
}

TEST_F(ListTest, AnOlderListIsRefusedAndTheSameOneIsNot) {
  const Octets fifth = testing::make_list(maker_.pki, revoker_, 5, {signer_});
  ASSERT_EQ(write(fifth), "");
  EXPECT_EQ(write(testing::make_list(maker_.pki, revoker_, 4, {})), "list_rolled_back");
  EXPECT_EQ(write(testing::make_list(maker_.pki, revoker_, 5, {})), "list_rolled_back");
  const std::uint32_t before = device_.updater().state().sequence;
  EXPECT_EQ(write(fifth), "");
  EXPECT_EQ(device_.updater().state().sequence, before);
  EXPECT_EQ(write(testing::make_list(maker_.pki, revoker_, 6, {})), "");
  EXPECT_EQ(device_.updater().state().list.number, 6U);
}

TEST_F(ListTest, AListByAnybodyElseIsRefused) {
  EXPECT_EQ(write(testing::make_list(maker_.pki, other_, 1, {signer_})), "list_refused") << "an OEM's signer";
  const testing::ImagePki stranger;
  EXPECT_EQ(write(testing::make_list(stranger, testing::make_list_signer(stranger), 1, {signer_})),
            "list_refused");
  Octets changed = testing::make_list(maker_.pki, revoker_, 1, {signer_});
  std::ranges::search(changed, signer_).front() ^= 1U;
  EXPECT_EQ(write(changed), "list_refused");
  EXPECT_EQ(device_.updater().state().list.bank, kNoSlot);
  EXPECT_EQ(code_of(device_.updater().write_list(0, kTestLayout.list_size + 1, {})), "too_long");
  EXPECT_EQ(code_of(device_.updater().write_list(0, 0, {})), "bad_request");
}

TEST_F(ListTest, ADamagedListStartsNothing) {
  ASSERT_EQ(write(testing::make_list(maker_.pki, revoker_, 1, {Sha256{1}})), "");
  device_.flash().memory[kTestLayout.list(device_.updater().state().list.bank) + 20] ^= 1U;
  EXPECT_FALSE(device_.power_cycle());
  EXPECT_EQ(device_.error, ErrorCode::storage_corrupt);
}

}  // namespace
}  // namespace pedigree::update
