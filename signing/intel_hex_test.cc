// SPDX-License-Identifier: Apache-2.0
#include "signing/intel_hex.h"

#include <gtest/gtest.h>

namespace pedigree::signing {
namespace {

TEST(IntelHex, RoundTrips) {
  Octets octets(70000);
  for (std::size_t i = 0; i < octets.size(); ++i) octets[i] = static_cast<std::uint8_t>(i * 31);
  std::string text;
  append_intel_hex(0xfffffff0U - 70000U, octets, text);
  append_intel_hex_end(text);
  const auto read = read_intel_hex(text, 0, 1 << 20);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->address, 0xfffffff0U - 70000U);
  EXPECT_EQ(read->octets, octets);
}

TEST(IntelHex, RefusesWhatIsMalformed) {
  const auto outcome = [](std::string_view text) {
    const auto read = read_intel_hex(text, 0xff, 4096);
    return read ? "read"
                : std::string(name(read.error().code)) + " at " + std::to_string(read.error().offset);
  };
  const std::string end = ":00000001FF\n";
  EXPECT_EQ(outcome(":0100000001FE\n" + end), "read");
  EXPECT_EQ(outcome("\r\n:0100000001FE\r\n" + end + "what follows is not looked at"), "read");
  EXPECT_EQ(outcome(":0100000001FE\n"), "truncated at 14");
  EXPECT_EQ(outcome(end), "missing_field at 0");
  EXPECT_EQ(outcome(":0100000001FF\n" + end), "bad_checksum at 0");
  EXPECT_EQ(outcome(":0100000001FE\n:02000000010FD\n" + end), "bad_value at 14");
  EXPECT_EQ(outcome(":0100000001FE\n:0100000001FE\n" + end), "duplicate at 14");
  EXPECT_EQ(outcome(":020000000102FB\n:0100010001FD\n" + end), "duplicate at 0") << "overlapping";
  EXPECT_EQ(outcome(":0100000001FE\n:020000042000DA\n:0100000001FE\n" + end), "too_long at 0");
  EXPECT_EQ(outcome(":01000006 01F8\n" + end), "bad_value at 0");
  EXPECT_EQ(outcome(":0000000600\n" + end), "bad_checksum at 0");
  EXPECT_EQ(outcome("code\n" + end), "bad_value at 0");
}

}  // namespace
}  // namespace pedigree::signing
