// SPDX-License-Identifier: Apache-2.0
#include "crypto/shares/shares.h"

#include <gtest/gtest.h>

namespace pedigree::shares {
namespace {

using Secret = std::array<std::uint8_t, kSecretSize>;

Secret secret() {
  Secret made{};
  for (std::size_t i = 0; i < made.size(); ++i) made.at(i) = static_cast<std::uint8_t>(7 * i);
  return made;
}

TEST(Shares, AnyThreeOfFiveGiveItBack) {
  const auto made = split(secret(), 3, 5);
  ASSERT_TRUE(made);
  for (unsigned chosen = 0; chosen < 32; ++chosen) {
    std::vector<Share> some;
    for (unsigned i = 0; i < 5; ++i) {
      if ((chosen >> i & 1U) != 0) some.insert(some.begin(), made->at(i));  // backwards: order is nothing
    }
    Secret joined{};
    const auto done = join(some, joined);
    EXPECT_EQ(done.has_value(), some.size() >= 3) << chosen;
    EXPECT_EQ(joined == secret(), some.size() >= 3) << chosen;
  }
}

// Fewer tell nothing even to who does not keep to the threshold that they state.
TEST(Shares, TwoOfThreeAreNotEnough) {
  auto made = split(secret(), 3, 5);
  ASSERT_TRUE(made);
  for (Share& share : *made) share.threshold = 2;
  Secret joined{};
  ASSERT_TRUE(join(std::span(*made).first(2), joined));
  EXPECT_NE(joined, secret());
}

TEST(Shares, SplitsDiffer) {
  const auto one = split(secret(), 2, 2);
  const auto other = split(secret(), 2, 2);
  ASSERT_TRUE(one && other);
  EXPECT_NE(one->at(0).octets, other->at(0).octets);
  const std::array<Share, 2> mixed{one->at(0), other->at(1)};
  Secret joined{};
  const auto refused = join(mixed, joined);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), (Error{ErrorCode::key_mismatch, 1})) << "the wrong one is named";
  const std::array<Share, 2> twice{one->at(0), one->at(0)};
  EXPECT_EQ(join(twice, joined).error(), (Error{ErrorCode::bad_value, 1}));
}

TEST(Shares, NumbersOutOfRangeAreRefused) {
  for (const auto& [threshold, count] :
       {std::pair<std::uint8_t, std::uint8_t>{1, 5}, {6, 5}, {2, 17}, {0, 0}}) {
    EXPECT_EQ(split(secret(), threshold, count).error().code, ErrorCode::bad_value);
  }
  EXPECT_TRUE(split(secret(), 16, 16));
}

TEST(Shares, InAFileAShareNeedsItsPassphraseAndEachOfItsBits) {
  const auto made = split(secret(), 2, 3);
  ASSERT_TRUE(made);
  const auto sealed = seal(made->at(1), "one of three");
  ASSERT_TRUE(sealed);
  const auto opened = open(*sealed, "one of three");
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->octets, made->at(1).octets);
  EXPECT_EQ(opened->set, made->at(1).set);
  EXPECT_EQ(opened->index, 2);
  EXPECT_EQ(open(*sealed, "another").error().code, ErrorCode::wrong_passphrase);
  EXPECT_EQ(seal(made->at(1), "").error().code, ErrorCode::bad_value);
  EXPECT_EQ(open(Bytes(*sealed).first(sealed->size() - 1), "one of three").error().code,
            ErrorCode::bad_value);
  // A bit of each part: magic, set, threshold, index, salt, nonce, octets, tag.
  for (const std::size_t at : {0U, 4U, 20U, 21U, 22U, 38U, 50U, 82U}) {
    auto changed = *sealed;
    changed.at(at) ^= 4U;
    EXPECT_FALSE(open(changed, "one of three")) << at;
  }
}

}  // namespace
}  // namespace pedigree::shares
