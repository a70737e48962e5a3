// SPDX-License-Identifier: Apache-2.0
// Payloads of revocation lists. Signed ones: testing/images/revocation_test.cc.
#include "core/firmware_image/revocation_list.h"

#include <gtest/gtest.h>

#include "testing/support/octets.h"

namespace pedigree::image {
namespace {

using testing::Octets;
using testing::unhex;

Sha256 key(std::uint8_t octet) {
  Sha256 hash{};
  hash.fill(octet);
  return hash;
}

std::string entry(const char* octet) {
  std::string hex = "5820";
  for (int i = 0; i < 32; ++i) hex += octet;
  return hex;
}

TEST(RevocationPayload, RoundTrips) {
  std::vector<Sha256> keys;
  for (std::size_t i = 0; i < kMaxRevocations; ++i) keys.push_back(key(static_cast<std::uint8_t>(i)));
  for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{24}, kMaxRevocations}) {
    const Octets octets = testing::written(
        [&](Writer& out) { write_revocations(1ULL << 40U, 1800000000, std::span(keys).first(count), out); });
    const auto list = parse_revocations(octets);
    ASSERT_TRUE(list);
    EXPECT_EQ(list->number, 1ULL << 40U);
    EXPECT_EQ(list->issued_at, 1800000000);
    ASSERT_EQ(list->size(), count);
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_TRUE(equal((*list)[i], keys[i]));
      EXPECT_TRUE(list->contains(keys[i]));
    }
    EXPECT_FALSE(list->contains(key(0xee)));
  }
}

TEST(RevocationPayload, HasOneForm) {
  const auto refusal = [](const std::string& hex) {
    const auto list = parse_revocations(unhex(hex));
    EXPECT_TRUE(list || list.error().code == ErrorCode::list_refused);
    return list ? std::string("accepted") : std::to_string(list.error().offset);
  };
  const std::string a = entry("aa");
  const std::string b = entry("bb");
  EXPECT_EQ(refusal("a3 01 01 02 00 03 82" + a + b), "accepted");
  EXPECT_EQ(refusal("a3 01 01 02 00 03 80"), "accepted") << "nobody is revoked yet, or any more";
  EXPECT_EQ(refusal("a3 01 00 02 00 03 80"), "3") << "number 0 is what a device without list has";
  EXPECT_EQ(refusal("a3 01 01 02 00 03 82" + b + a), "41") << "not ascending";
  EXPECT_EQ(refusal("a3 01 01 02 00 03 82" + a + a), "41") << "twice";
  EXPECT_EQ(refusal("a3 01 01 02 20 03 80"), "5") << "before 1970";
  EXPECT_EQ(refusal("a3 02 00 01 01 03 80"), "1") << "keys in another order";
  EXPECT_EQ(refusal("a2 01 01 02 00"), "0");
  EXPECT_EQ(refusal("a4 01 01 02 00 03 80 04 00"), "0") << "an unknown key";
  EXPECT_EQ(refusal("a3 01 01 02 00 03 80 00"), "7") << "more after it";
  EXPECT_EQ(refusal("a3 01 01 02 00 03 81 41 aa"), "7") << "a hash of another length";
  std::string many = "a3 01 01 02 00 03 98 81";
  for (int i = 0; i < 129; ++i) many += a;
  EXPECT_EQ(refusal(many), "8") << "129 keys";
}

TEST(RevocationList, OnlyALaterOneReplacesAnother) {
  const Octets older = unhex("01");
  const Octets newer = unhex("02");
  RevocationList kept;
  kept.number = 7;
  RevocationList offered;
  offered.number = 8;
  EXPECT_EQ(replaces(offered, newer, kept, older), true);
  offered.number = 7;
  EXPECT_EQ(replaces(offered, older, kept, older), false) << "the same again";
  EXPECT_EQ(replaces(offered, newer, kept, older).error().code, ErrorCode::list_rolled_back);
  offered.number = 6;
  EXPECT_EQ(replaces(offered, newer, kept, older).error().code, ErrorCode::list_rolled_back);
}

}  // namespace
}  // namespace pedigree::image
