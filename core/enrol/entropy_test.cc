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
  // 2.25.n in base 128 is one octet for 2.25 and the digits of n.
  EXPECT_EQ(kEntropyAttribute[0], 2 * 40 + 25);
  unsigned __int128 n = 0;
  for (const std::uint8_t octet : Bytes(kEntropyAttribute).subspan(1)) n = n << 7U | (octet & 0x7fU);
  std::string decimal;
  for (; n > 0; n /= 10) decimal.insert(decimal.begin(), static_cast<char>('0' + static_cast<int>(n % 10)));
  EXPECT_EQ(decimal, "332802081772271437496810611261126933901");
}

}  // namespace
}  // namespace pedigree::enrol
