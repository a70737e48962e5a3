// SPDX-License-Identifier: Apache-2.0
// The service's own tests that also run on a target (device/scenarios), on the simulated device.
#include <gtest/gtest.h>

#include "device/ports/sim/test_unit.h"
#include "device/scenarios/stage.h"

namespace pedigree::sim {
namespace {

class SimulatedPort final : public scenarios::Port {
 public:
  [[nodiscard]] psa_handle_t handle() const noexcept override { return device_->service_handle(); }
  void make_new() noexcept override {
    device_.reset();
    device_ = open_in_memory();
  }
  void boot() noexcept override { device_->reboot(); }
  void act_as(std::int32_t client) noexcept override { device_->set_client(client); }
  [[nodiscard]] device::Platform& platform() noexcept override { return device_->platform(); }
  void failed(std::string_view check, int line) noexcept override {
    ADD_FAILURE() << "line " << line << ": " << check;
    ++failures_;
  }
  [[nodiscard]] int failures() const noexcept { return failures_; }

 private:
  std::unique_ptr<Device> device_ = open_in_memory();
  int failures_ = 0;
};

class ScenarioTest : public ::testing::TestWithParam<scenarios::Scenario> {};

TEST_P(ScenarioTest, Holds) {
  SimulatedPort port;
  scenarios::Stage stage(port);
  ASSERT_TRUE(stage.issuer.ok());
  GetParam().run(stage);
}

TEST(Scenarios, AreAsManyAsTheTargetRuns) {
  // testing/mps2/service_test.cc counts them too.
  EXPECT_EQ(scenarios::key_scenarios().size() + scenarios::chain_scenarios().size(), 16U);
}

std::string name_of(const ::testing::TestParamInfo<scenarios::Scenario>& info) {
  return std::string(info.param.name);
}
const auto kKeys = scenarios::key_scenarios();
const auto kChains = scenarios::chain_scenarios();
INSTANTIATE_TEST_SUITE_P(Keys, ScenarioTest, ::testing::ValuesIn(kKeys.begin(), kKeys.end()), name_of);
INSTANTIATE_TEST_SUITE_P(Chains, ScenarioTest, ::testing::ValuesIn(kChains.begin(), kChains.end()), name_of);

}  // namespace
}  // namespace pedigree::sim
