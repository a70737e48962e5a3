// SPDX-License-Identifier: Apache-2.0
// Whose slot is whose: the non-secure side provisions a secure partition's slot and can do nothing else with
// it, and neither can another partition.
#include <gtest/gtest.h>

#include "device/ports/sim/test_unit.h"

namespace pedigree::sim {
namespace {

constexpr std::int32_t kNonSecure = -1;
constexpr std::int32_t kOtherNonSecure = -7;
constexpr std::int32_t kPartition = 0x101;
constexpr std::int32_t kOtherPartition = 0x102;
constexpr std::uint32_t kSlot = 3;

class OwnerTest : public ::testing::Test {
 protected:
  OwnerTest() {
    device_->set_client(kPartition);
    spki_ = client_.begin({.slot = kSlot, .purpose = enrol::Purpose::data})->spki;
  }
  void refuse_all_but_provisioning() {
    const auto before = device_->storage().assets();
    const auto refused = fail(ErrorCode::not_owner);
    EXPECT_EQ(client_.sign_hash(kSlot, Octets(32, 1)), refused);
    EXPECT_EQ(client_.destroy(kSlot), refused);
    if (client_.slot(kSlot).state != static_cast<std::uint8_t>(enrol::SlotState::active)) {
      EXPECT_EQ(client_.begin({.slot = kSlot, .purpose = enrol::Purpose::tls}), fail(ErrorCode::slot_busy));
      EXPECT_EQ(client_.abort(kSlot), refused);
    } else {
      EXPECT_EQ(client_.begin({.slot = kSlot, .purpose = enrol::Purpose::tls}), fail(ErrorCode::wrong_state));
      EXPECT_EQ(client_.begin({.slot = kSlot, .purpose = enrol::Purpose::data, .replace = true}), refused);
    }
    EXPECT_EQ(device_->storage().assets(), before);
  }

  std::unique_ptr<Device> device_ = open_in_memory();
  Client client_{device_->service_handle()};
  TestAuthority authority_;
  Octets spki_;
};

TEST_F(OwnerTest, OthersProvisionASlotAndCannotUseOrEndIt) {
  for (const std::int32_t other : {kNonSecure, kOtherPartition}) {
    device_->set_client(other);
    refuse_all_but_provisioning();
  }
  device_->set_client(kNonSecure);
  const auto begun = client_.begin({.slot = kSlot, .purpose = enrol::Purpose::data});
  ASSERT_TRUE(begun.has_value()) << "what a station asks first";
  EXPECT_TRUE(begun->reused);
  EXPECT_EQ(begun->spki, spki_);
  EXPECT_TRUE(client_.csr(kSlot, 1).has_value());
  ASSERT_TRUE(client_.write_chain(kSlot, authority_.chain_for(spki_, {.with_root = true})).has_value());
  ASSERT_TRUE(client_.commit(kSlot).has_value());
  for (const std::int32_t other : {kNonSecure, kOtherPartition}) {
    device_->set_client(other);
    refuse_all_but_provisioning();
    device_->reboot();
    refuse_all_but_provisioning();
  }
  device_->set_client(kPartition);
  EXPECT_TRUE(client_.sign_hash(kSlot, Octets(32, 1)).has_value());
  EXPECT_TRUE(client_.begin({.slot = kSlot, .purpose = enrol::Purpose::data, .replace = true}).has_value());
  EXPECT_TRUE(client_.abort(kSlot).has_value());
  EXPECT_TRUE(client_.destroy(kSlot).has_value());
  device_->set_client(kNonSecure);
  EXPECT_TRUE(client_.begin({.slot = kSlot}).has_value()) << "an empty slot belongs to nobody";
}

TEST_F(OwnerTest, ASlotThatTheDeviceAssignsIsNeverAnothersPendingOne) {
  device_->set_client(kNonSecure);
  const auto mine = client_.begin({.purpose = enrol::Purpose::data});
  ASSERT_TRUE(mine.has_value());
  EXPECT_NE(mine->slot, kSlot);
  device_->set_client(kPartition);
  EXPECT_EQ(client_.begin({.purpose = enrol::Purpose::data})->slot, kSlot);
}

TEST_F(OwnerTest, TheNonSecureSideIsOneOwner) {
  device_->set_client(kNonSecure);
  const std::uint32_t slot = client_.provision(authority_, {});
  device_->set_client(kOtherNonSecure);
  EXPECT_TRUE(client_.sign_hash(slot, Octets(32, 1)).has_value());
  device_->set_client(kPartition);
  EXPECT_EQ(client_.sign_hash(slot, Octets(32, 1)), fail(ErrorCode::not_owner));
  EXPECT_EQ(client_.destroy(slot), fail(ErrorCode::not_owner));
}

}  // namespace
}  // namespace pedigree::sim
