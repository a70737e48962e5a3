// SPDX-License-Identifier: Apache-2.0
#include "device/ports/tfm/token_facts.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/cbor/cbor.h"

namespace pedigree::tfm {
namespace {

std::vector<std::uint8_t> some_token(std::int64_t id_number, std::size_t id_size,
                                     std::int64_t lifecycle_number, std::uint64_t lifecycle, bool tagged) {
  std::array<std::uint8_t, 128> claims{};
  Writer inner(claims);
  cbor::Encoder map(inner);
  map.map(3);
  map.integer(-75008);
  map.bstr(std::array<std::uint8_t, 8>{});
  map.integer(lifecycle_number);
  map.uint(lifecycle);
  map.integer(id_number);
  std::vector<std::uint8_t> id(id_size, 0x5a);
  if (!id.empty()) id[0] = 1;
  map.bstr(id);
  std::array<std::uint8_t, 256> buffer{};
  Writer outer(buffer);
  cbor::Encoder token(outer);
  if (tagged) token.tag(18);
  token.array(4);
  token.bstr({});
  token.map(0);
  token.bstr(inner.written());
  token.bstr(std::array<std::uint8_t, 64>{});
  return {outer.written().begin(), outer.written().end()};
}

TEST(TokenFacts, AreReadInEveryProfile) {
  for (const bool tagged : {true, false}) {
    const auto now = read_token_facts(some_token(256, 33, 2395, 0x3000, tagged));
    ASSERT_TRUE(now.has_value());
    EXPECT_EQ(now->lifecycle, enrol::Lifecycle::secured);
    EXPECT_EQ(now->instance_id[0], 1);
    EXPECT_EQ(now->instance_id[32], 0x5a);
    const auto before = read_token_facts(some_token(-75009, 33, -75002, 0x10ff, tagged));
    ASSERT_TRUE(before.has_value());
    EXPECT_EQ(before->lifecycle, enrol::Lifecycle::assembly_and_test);
  }
}

TEST(TokenFacts, ALifecycleThatIsNotKnownIsUnknown) {
  const auto lifecycle = [](std::uint64_t claim) {
    return read_token_facts(some_token(256, 33, 2395, claim, true))->lifecycle;
  };
  EXPECT_EQ(lifecycle(0), enrol::Lifecycle::unknown);
  EXPECT_EQ(lifecycle(0x2000), enrol::Lifecycle::rot_provisioning);
  EXPECT_EQ(lifecycle(0x4000), enrol::Lifecycle::debug);
  EXPECT_EQ(lifecycle(0x5000), enrol::Lifecycle::debug);
  EXPECT_EQ(lifecycle(0x6000), enrol::Lifecycle::decommissioned);
  EXPECT_EQ(lifecycle(0x7000), enrol::Lifecycle::unknown);
  EXPECT_EQ(lifecycle(0x100003000), enrol::Lifecycle::unknown);
}

TEST(TokenFacts, WithoutAnIdentityThereAreNone) {
  EXPECT_EQ(read_token_facts(some_token(257, 33, 2395, 0x3000, true)).error().code, ErrorCode::missing_field);
  EXPECT_EQ(read_token_facts(some_token(256, 32, 2395, 0x3000, true)).error().code, ErrorCode::bad_value);
  const auto whole = some_token(256, 33, 2395, 0x3000, true);
  for (std::size_t size = 0; size + 66 < whole.size(); ++size) {
    EXPECT_FALSE(read_token_facts(Bytes(whole).first(size)).has_value()) << size;
  }
}

}  // namespace
}  // namespace pedigree::tfm
