// SPDX-License-Identifier: Apache-2.0
#include "core/enrol/entropy.h"

#include <gtest/gtest.h>

#include "testing/support/support.h"

namespace pedigree::enrol {
namespace {

using testing::Octets;

constexpr std::array kEvery{Entropy::unknown, Entropy::platform, Entropy::seed, Entropy::fixed};

TEST(EntropyAttribute, EveryValueComesBack) {
  for (const Entropy entropy : kEvery) {
    const auto value = entropy_value(entropy);
    const auto read = read_entropy(value);
    ASSERT_TRUE(read) << name(entropy);
    EXPECT_EQ(*read, entropy) << name(entropy);
  }
}

TEST(EntropyAttribute, ItsAbsenceSaysNothing) {
  EXPECT_EQ(read_entropy({}), Entropy::unknown);
}

TEST(EntropyAttribute, EverythingElseIsRefused) {
  // All values of up to three octets: four of them mean something.
  std::size_t accepted = 0;
  for (std::uint32_t n = 0; n < (1U << 24U); ++n) {
    const Octets value{static_cast<std::uint8_t>(n >> 16U), static_cast<std::uint8_t>(n >> 8U),
                       static_cast<std::uint8_t>(n)};
    accepted += read_entropy(value) ? 1 : 0;
    if (n < 256) {
      EXPECT_FALSE(read_entropy(Bytes(value).last(1)));
    }
    if (n < 65536) {
      EXPECT_FALSE(read_entropy(Bytes(value).last(2)));
    }
  }
  EXPECT_EQ(accepted, kEvery.size());
  EXPECT_EQ(read_entropy(Octets{0x0a, 0x02, 0x00, 0x03}).error().code, ErrorCode::bad_attribute);
  EXPECT_EQ(read_entropy(Octets{0x0a, 0x01, 0x03, 0x00}).error().code, ErrorCode::bad_attribute);
  EXPECT_EQ(read_entropy(Octets{0x0a, 0x01, 0x04}).error().code, ErrorCode::bad_attribute);
}

TEST(EntropyAttribute, HasTheOidThatIsDocumented) {
  std::vector<std::uint64_t> arcs;
  std::uint64_t arc = 0;
  for (const std::uint8_t octet : kEntropyAttribute) {
    arc = arc << 7U | (octet & 0x7fU);
    if (octet < 0x80) arcs.push_back(std::exchange(arc, 0));
  }
  EXPECT_EQ(arcs, (std::vector<std::uint64_t>{1 * 40 + 2, 840, 113556, 1, 8000, 2554, 2662, 6633, 45584,
                                              16962, 42441, 885523, 9894, 3}));
}

}  // namespace
}  // namespace pedigree::enrol
