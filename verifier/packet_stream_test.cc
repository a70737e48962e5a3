// SPDX-License-Identifier: Apache-2.0
#include "verifier/packet_stream.h"

#include <gtest/gtest.h>

#include "testing/support/support.h"

namespace pedigree::verifier {
namespace {

using testing::Octets;

/// Gives `content` in parts of `part` octets.
PacketStream::Read from(const Octets& content, std::size_t part, std::size_t& taken) {
  return [&content, part, &taken](MutableBytes out) -> Result<std::size_t> {
    const std::size_t count = std::min({part, out.size(), content.size() - taken});
    std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(taken), count, out.begin());
    taken += count;
    return count;
  };
}

/// The packets as hex, with what ended the stream.
std::string all(const Octets& content, std::size_t part, std::size_t limit = 100) {
  std::size_t taken = 0;
  PacketStream stream(from(content, part, taken), limit);
  std::string out;
  while (true) {
    const auto packet = stream.next();
    if (!packet) {
      return out + std::string(name(packet.error().code)) + " at " + std::to_string(packet.error().offset);
    }
    if (!*packet) return out + "end at " + std::to_string(stream.offset());
    out += testing::hex(**packet) + " ";
  }
}

TEST(PacketStream, TakesPacketsFromAnyParts) {
  const Octets content = testing::unhex("01 820203 d284f6f6f6f6 43aabbcc");
  for (std::size_t part = 1; part <= content.size(); ++part) {
    EXPECT_EQ(all(content, part), "01 820203 d284f6f6f6f6 43aabbcc end at 14") << part;
  }
  EXPECT_EQ(all({}, 1), "end at 0");
}

TEST(PacketStream, EndsAtWhatIsNoPacket) {
  EXPECT_EQ(all(testing::unhex("01 8202"), 1), "01 truncated at 1");
  EXPECT_EQ(all(testing::unhex("01 5f"), 1), "01 indefinite_length at 1");
  EXPECT_EQ(all(testing::unhex("0102 1805"), 3), "01 02 non_minimal at 2");
}

TEST(PacketStream, RefusesAPacketAboveTheLimit) {
  Octets content = testing::unhex("01 5864");
  content.resize(content.size() + 100);
  EXPECT_EQ(all(content, 7, 101), "01 packet_too_large at 1");
  EXPECT_TRUE(all(content, 7, 102).ends_with(" end at 103"));
  // One that says it is huge is refused once more than the limit has come.
  Octets huge = testing::unhex("5a7fffffff");
  huge.resize(50000);
  EXPECT_EQ(all(huge, 10, 100), "packet_too_large at 0");
}

TEST(PacketStream, ReadsNoFurtherThanItMust) {
  const Octets content(100000, 0x01);
  std::size_t taken = 0;
  PacketStream stream(from(content, 1000, taken), 100);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(stream.next());
  EXPECT_EQ(taken, 1000U);
  ASSERT_TRUE(stream.next());
  EXPECT_EQ(taken, 2000U);
}

}  // namespace
}  // namespace pedigree::verifier
