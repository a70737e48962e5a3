// SPDX-License-Identifier: Apache-2.0
// Shares of addresses: what one is, and that what ends is given back.
#include "server/http/connections.h"

#include <gtest/gtest.h>

namespace pedigree::http {
namespace {

boost::asio::ip::address at(const char* text) {
  return boost::asio::ip::make_address(text);
}

TEST(Connections, AnAddressHasItsShareAndOthersTheirs) {
  Connections connections({.all = 5, .per_address = 2});
  EXPECT_EQ(connections.take(at("192.0.2.1")), Admission::taken);
  EXPECT_EQ(connections.take(at("192.0.2.1")), Admission::taken);
  EXPECT_EQ(connections.take(at("192.0.2.1")), Admission::address_has_its_share);
  EXPECT_EQ(connections.take(at("::ffff:192.0.2.1")), Admission::address_has_its_share);
  EXPECT_EQ(connections.take(at("192.0.2.2")), Admission::taken);
  EXPECT_EQ(connections.size(), 3U);
  connections.give_back(at("::ffff:192.0.2.1"));
  EXPECT_EQ(connections.take(at("192.0.2.1")), Admission::taken);
}

TEST(Connections, AHostFillsOnePrefixOfIpv6AndNoMore) {
  Connections connections({.all = 5, .per_address = 1});
  EXPECT_EQ(connections.take(at("2001:db8:0:1::1")), Admission::taken);
  EXPECT_EQ(connections.take(at("2001:db8:0:1:ffff:ffff:ffff:ffff")), Admission::address_has_its_share);
  EXPECT_EQ(connections.take(at("2001:db8:0:2::1")), Admission::taken);
  EXPECT_EQ(connections.take(at("::1")), Admission::taken);
  EXPECT_EQ(connections.take(at("0.0.0.0")), Admission::taken) << "not the prefix of ::1";
}

TEST(Connections, AllTogetherHaveALimitToo) {
  Connections connections({.all = 2, .per_address = 2});
  EXPECT_EQ(connections.take(at("192.0.2.1")), Admission::taken);
  EXPECT_EQ(connections.take(at("192.0.2.2")), Admission::taken);
  EXPECT_EQ(connections.take(at("192.0.2.3")), Admission::all_are_taken);
  connections.give_back(at("192.0.2.2"));
  EXPECT_EQ(connections.take(at("192.0.2.3")), Admission::taken);
}

TEST(Connections, LowerLimitsAreForThoseThatCome) {
  Connections connections({.all = 4, .per_address = 4});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(connections.take(at("::1")), Admission::taken);
  connections.set_limits({.all = 4, .per_address = 2});
  EXPECT_EQ(connections.take(at("::1")), Admission::address_has_its_share);
  connections.give_back(at("::1"));
  EXPECT_EQ(connections.take(at("::1")), Admission::address_has_its_share);
  connections.give_back(at("::1"));
  EXPECT_EQ(connections.take(at("::1")), Admission::taken);
}

TEST(Connections, FewerFilesLeaveTheSharesInProportion) {
  const ConnectionLimits wanted{.all = 4096, .per_address = 1024};
  EXPECT_EQ(scale(wanted, 10'000).per_address, 1024U);
  EXPECT_EQ(scale(wanted, 960).all, 960U);
  EXPECT_EQ(scale(wanted, 960).per_address, 240U);
  EXPECT_EQ(scale(wanted, 1).per_address, 1U);
  EXPECT_EQ(scale(wanted, 0).all, 1U);
}

TEST(Connections, AShareHasAName) {
  EXPECT_EQ(share_name(at("::ffff:192.0.2.1")), "192.0.2.1");
  EXPECT_EQ(share_name(at("2001:db8:0:1::5")), "2001:db8:0:1::/64");
}

}  // namespace
}  // namespace pedigree::http
