// SPDX-License-Identifier: Apache-2.0
// The partition on a host: the service's own tests through psa_msg_t, and what the port adds to the service.
#include <gtest/gtest.h>

#include "core/psa_token/psa_token.h"
#include "device/ports/tfm/check/framework.h"
#include "device/ports/tfm/partition.h"
#include "device/scenarios/stage.h"

namespace pedigree::tfm {
namespace {

class PartitionPort final : public scenarios::Port {
 public:
  [[nodiscard]] psa_handle_t handle() const noexcept override { return 0x40000106; }
  void make_new() noexcept override { manufacture(); }
  void boot() noexcept override { static_cast<void>(pedigree_partition_init()); }
  void act_as(std::int32_t client) noexcept override { framework().client = client; }
  [[nodiscard]] device::Platform& platform() noexcept override { return tfm::platform; }
  void failed(std::string_view check, int line) noexcept override {
    ADD_FAILURE() << "line " << line << ": " << check;
  }
};

class PartitionTest : public ::testing::Test {
 protected:
  PartitionTest() { manufacture(); }
  ~PartitionTest() override { EXPECT_EQ(framework().faults, std::vector<std::string>{}); }

  void boot_as(enrol::Lifecycle lifecycle) {
    framework().lifecycle = lifecycle;
    port_.boot();
  }
  /// begin, chain, commit. 0, or the first status that is not.
  [[nodiscard]] psa_status_t provision(enrol::Purpose purpose, enrol::Origin origin) {
    const scenarios::Key key = stage_.begin(0, purpose, origin);
    return key.status != 0 ? key.status : stage_.provision(key.response.slot, key.spki());
  }

  PartitionPort port_;
  scenarios::Stage stage_{port_};
};

class ScenarioTest : public PartitionTest, public ::testing::WithParamInterface<scenarios::Scenario> {};

TEST_P(ScenarioTest, HoldsThroughMessages) {
  ASSERT_TRUE(stage_.issuer.ok());
  GetParam().run(stage_);
}

std::string name_of(const ::testing::TestParamInfo<scenarios::Scenario>& info) {
  return std::string(info.param.name);
}
const auto kKeys = scenarios::key_scenarios();
const auto kChains = scenarios::chain_scenarios();
INSTANTIATE_TEST_SUITE_P(Keys, ScenarioTest, ::testing::ValuesIn(kKeys.begin(), kKeys.end()), name_of);
INSTANTIATE_TEST_SUITE_P(Chains, ScenarioTest, ::testing::ValuesIn(kChains.begin(), kChains.end()), name_of);

TEST_F(PartitionTest, SaysWhatTheTokenAndTheBuildSay) {
  boot_as(enrol::Lifecycle::rot_provisioning);
  const pedigree_info_t info = stage_.info();
  EXPECT_EQ(info.device_id[0], 1);
  EXPECT_TRUE(equal(info.device_id, platform.device_id));
  EXPECT_EQ(info.lifecycle, static_cast<std::uint8_t>(enrol::Lifecycle::rot_provisioning));
  // TF-M's dummy provisioning gives every device the same seed.
  EXPECT_EQ(info.entropy, static_cast<std::uint8_t>(enrol::Entropy::fixed));
  EXPECT_STREQ(info.world, "TF-M");
}

TEST_F(PartitionTest, ReadsEachInputOnce) {
  const scenarios::Key key = stage_.begin(0, enrol::Purpose::tls);
  ASSERT_EQ(key.status, 0);
  EXPECT_LE(framework().reads, 2U);
  EXPECT_EQ(stage_.provision(key.response.slot, key.spki()), 0);
}

TEST_F(PartitionTest, WithoutATokenEveryCallIsAnswered) {
  framework().attestation = -132;
  port_.boot();
  pedigree_info_t info{};
  EXPECT_EQ(pedigree_info(port_.handle(), &info), scenarios::status(ErrorCode::attestation_failure));
  EXPECT_EQ(stage_.begin(0, enrol::Purpose::tls).status, scenarios::status(ErrorCode::attestation_failure));
  framework().attestation = 0;
  port_.boot();
  EXPECT_EQ(pedigree_info(port_.handle(), &info), 0);
}

TEST_F(PartitionTest, ASecuredDeviceIsOpenUntilItsFirstBootWithARoot) {
  boot_as(enrol::Lifecycle::secured);
  ASSERT_EQ(provision(enrol::Purpose::iak, enrol::Origin::builtin), 0);
  EXPECT_EQ(stage_.info().root_pinned, 1);
  ASSERT_EQ(provision(enrol::Purpose::tls, enrol::Origin::generate), 0);
  port_.boot();
  EXPECT_EQ(stage_.begin(0, enrol::Purpose::data).status, scenarios::status(ErrorCode::grant_required));
  EXPECT_EQ(pedigree_destroy(port_.handle(), 1), scenarios::status(ErrorCode::grant_required));
}

TEST_F(PartitionTest, ASecuredDeviceThatIsNotToOpenDoesNot) {
  platform.open_until_pinned = false;
  boot_as(enrol::Lifecycle::secured);
  EXPECT_EQ(stage_.begin(0, enrol::Purpose::tls).status, scenarios::status(ErrorCode::grant_required));
  platform.open_until_pinned = true;
  boot_as(enrol::Lifecycle::debug);
  EXPECT_EQ(stage_.begin(0, enrol::Purpose::tls).status, scenarios::status(ErrorCode::grant_required));
}

TEST_F(PartitionTest, TheAttestationKeyIsCertifiedByATokenAndItsChainGoesWithTokens) {
  ASSERT_EQ(provision(enrol::Purpose::iak, enrol::Origin::builtin), 0);
  const scenarios::Output<512> request = stage_.csr(1, 1);
  EXPECT_EQ(request.status, scenarios::status(ErrorCode::wrong_state));  // it is active already
  pedigree_attest_request_t wanted{};
  wanted.chain = 1;
  wanted.challenge_size = 32;
  std::array<std::uint8_t, 2048> token{};
  std::size_t size = 0;
  std::uint32_t total = 0;
  ASSERT_EQ(pedigree_attest(port_.handle(), &wanted, token.data(), token.size(), &size, &total), 0);
  EXPECT_EQ(size, total);
  const auto parsed = cose::Sign1::parse(Bytes(token).first(size));
  ASSERT_TRUE(parsed.has_value());
  ASSERT_TRUE(parsed->x5chain().has_value());
  const auto claims = psa_token::Claims::parse(*parsed->payload());
  ASSERT_TRUE(claims.has_value());
  EXPECT_EQ(claims->client_id, 1280);
}

TEST_F(PartitionTest, HasAsManySlotsAsItWasBuiltWith) {
  platform.slots = 2;
  port_.boot();
  EXPECT_EQ(stage_.info().slots_total, 2U);
  ASSERT_EQ(stage_.begin(0, enrol::Purpose::tls).response.slot, 1U);
  ASSERT_EQ(stage_.begin(2, enrol::Purpose::data).status, 0);
  EXPECT_EQ(stage_.begin(3, enrol::Purpose::data).status, scenarios::status(ErrorCode::slot_not_found));
  EXPECT_EQ(stage_.begin(0, enrol::Purpose::data, enrol::Origin::derive, "x").status,
            scenarios::status(ErrorCode::slots_full));
  platform.slots = enrol::kMaxSlots;
}

}  // namespace
}  // namespace pedigree::tfm
