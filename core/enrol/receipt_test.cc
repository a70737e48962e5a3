// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "core/enrol/messages.h"
#include "testing/support/octets.h"

namespace pedigree::enrol {
namespace {

using testing::Octets;
using testing::outcome;
using testing::unhex;

const std::string kChain = "02 5820 c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2";
const std::string kNonce = "03 5820 d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3";
const std::string kId = "04 5821 01e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4";
const std::string kSlot = "01 1a00010001";

Result<Receipt> receipt(const std::string& hex) {
  static Octets octets;
  octets = unhex(hex);
  return decode<Receipt>(octets);
}

TEST(Receipt, RoundTrips) {
  const auto decoded = receipt("a4" + kSlot + kChain + kNonce + kId);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->slot, 0x10001U);
  EXPECT_EQ(decoded->chain_sha256[0], 0xc2);
  EXPECT_EQ(decoded->nonce[31], 0xd3);
  EXPECT_EQ(decoded->device_id.size(), kDeviceIdSize);
  EXPECT_EQ(testing::written([&](Writer& out) { encode(*decoded, out); }),
            unhex("a4" + kSlot + kChain + kNonce + kId));
}

TEST(Receipt, HasOneEncodingOnly) {
  const auto error = [](const std::string& hex) { return outcome(receipt(hex)); };
  EXPECT_EQ(error("a4" + kChain + kSlot + kNonce + kId), "wrong_order at 1");
  EXPECT_EQ(error("a4" + kSlot + kChain + kId + kNonce), "wrong_order at 42");
  EXPECT_EQ(error("a4" + kSlot + kChain + kNonce + kNonce), "duplicate at 77");
  EXPECT_EQ(error("a3" + kSlot + kChain + kNonce), "missing_field at 0");
  EXPECT_EQ(error("a5" + kSlot + kChain + kNonce + kId + "0500"), "unknown_field at 0");
  EXPECT_EQ(error("a4" + kSlot + kChain + kNonce + "05" + kId.substr(2)), "unknown_field at 77");
  EXPECT_EQ(error("a4" + kSlot + kChain + kNonce + kId + "00"), "trailing_data at 113");
  EXPECT_EQ(error("a4 01 1b0000000100000000" + kChain + kNonce + kId), "bad_value at 2");
  EXPECT_EQ(error("a4 01 1801" + kChain + kNonce + kId), "non_minimal at 2");
  EXPECT_EQ(error("a4 01 20" + kChain + kNonce + kId), "bad_tag at 2");
  EXPECT_EQ(error("a4" + kSlot + "02 41aa" + kNonce + kId), "bad_value at 8");
  EXPECT_EQ(error("bf" + kSlot + kChain + kNonce + kId + "ff"), "indefinite_length at 0");
  std::string other_id = kId;
  other_id[9] = '2';
  EXPECT_EQ(error("a4" + kSlot + kChain + kNonce + other_id), "bad_value at 80");
}

TEST(Receipt, RefusesTruncationAtEveryLength) {
  const Octets data = unhex("a4" + kSlot + kChain + kNonce + kId);
  for (std::size_t size = 0; size < data.size(); ++size) {
    // An exact copy, so that AddressSanitizer sees a read past the end.
    const Octets cut(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(size));
    const auto result = decode<Receipt>(cut);
    ASSERT_FALSE(result.has_value()) << size;
    EXPECT_EQ(result.error().code, ErrorCode::truncated) << size;
    EXPECT_LE(result.error().offset, size);
  }
}

}  // namespace
}  // namespace pedigree::enrol
