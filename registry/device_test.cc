// SPDX-License-Identifier: Apache-2.0
#include "registry/device.h"

#include <gtest/gtest.h>

namespace pedigree::registry {
namespace {

TEST(DeviceId, ReadsExactlySixtySixLowerCaseDigitsThatBeginWith01) {
  const std::string good = "01" + std::string(64, 'a');
  ASSERT_TRUE(parse_device_id(good));
  EXPECT_EQ(hex(*parse_device_id(good)), good);
  for (const std::string& bad : {std::string(), good.substr(1), good + "0", "02" + std::string(64, 'a'),
                                 "01" + std::string(64, 'A'), "01" + std::string(63, 'a') + "g"}) {
    EXPECT_FALSE(parse_device_id(bad)) << bad;
  }
}

TEST(SerialText, RefusesALeadingZeroOctet) {
  EXPECT_TRUE(parse_serial("01" + std::string(30, '0')));
  EXPECT_FALSE(parse_serial("00" + std::string(30, '1')));
  EXPECT_FALSE(parse_serial(std::string(31, '1')));
}

TEST(DeviceStates, NamesRoundTrip) {
  using enum DeviceState;
  for (const DeviceState state : {expected, pending, issued, active, suspended, revoked, retired}) {
    EXPECT_EQ(parse_device_state(name(state)), state);
  }
  EXPECT_FALSE(parse_device_state(""));
  EXPECT_FALSE(parse_device_state("Active"));
}

TEST(DeviceStates, ARetiredDeviceStaysRetiredAndNobodyIsRevokedByDecree) {
  using enum DeviceState;
  for (const DeviceState state : {expected, pending, issued, active, suspended, revoked, retired}) {
    EXPECT_FALSE(operator_may_change(retired, state));
    EXPECT_FALSE(operator_may_change(state, revoked)) << "revocation names a certificate and a reason";
    EXPECT_FALSE(operator_may_change(state, issued));
  }
  EXPECT_TRUE(operator_may_change(revoked, expected));
  EXPECT_TRUE(operator_may_change(suspended, active));
  EXPECT_FALSE(operator_may_change(revoked, active));
}

TEST(Reasons, HoldAndRemovalAreNotAccepted) {
  EXPECT_EQ(parse_reason("keyCompromise"), x509::RevocationReason::key_compromise);
  EXPECT_FALSE(parse_reason("certificateHold"));
  EXPECT_FALSE(parse_reason("removeFromCRL"));
  EXPECT_FALSE(parse_reason("because"));
  EXPECT_TRUE(revokes_device(x509::RevocationReason::key_compromise));
  EXPECT_FALSE(revokes_device(x509::RevocationReason::superseded));
}

}  // namespace
}  // namespace pedigree::registry
