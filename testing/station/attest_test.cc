// SPDX-License-Identifier: Apache-2.0
// Tokens of real devices, simulated and emulated, fetched by the program from a device that the program
// provisioned; and the two ways in which tokens serve enrolment.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "testing/station/plant.h"

namespace pedigree::testing {
namespace {

namespace json = boost::json;

constexpr int kOk = 0;
constexpr int kUsage = 2;
constexpr int kDeviceRefused = 4;
const std::string kNonce(96, 'a');

class AttestTest : public ::testing::TestWithParam<bool> {
 protected:
  void start(std::vector<std::string> options = {}) {
    if (GetParam()) options.emplace_back("--qemu");
    plant_.start_authority();
    plant_.start_devices(1, options);
  }
  void provision(const std::string& profile) {
    Process station(plant_.provision(0, {"--profile", profile, "--issuer", "acme"}));
    ASSERT_EQ(station.wait(), kOk) << station.errors();
    EXPECT_NE(station.output().find("1 provisioned"), std::string::npos) << station.output();
  }
  CommandResult attest(std::vector<std::string> options) const {
    options.insert(options.begin(),
                   {program(), "attest", GetParam() ? "--serial" : "--udp", plant_.address()});
    return run(options);
  }
  json::object attest_json(std::vector<std::string> options) const {
    options.insert(options.end(), {"--json", "--nonce", kNonce});
    const CommandResult result = attest(options);
    if (result.status != kOk) throw std::runtime_error(result.output);
    return json::parse(result.output).at("devices").at(0).as_object();
  }

  Plant plant_;
};

TEST_P(AttestTest, AProvisionedDeviceAttestsWithItsChain) {
  start();
  ASSERT_NO_FATAL_FAILURE(provision("iak"));
  EXPECT_EQ(plant_.standing().slots.at(0).origin, enrol::Origin::builtin);
  EXPECT_EQ(fault_in(plant_.standing(), enrol::Purpose::iak, "iak"), "");
  const std::string file = plant_.path("token.cbor");
  const json::object device = attest_json({"--out", file});
  EXPECT_EQ(device.at("device").as_string(), plant_.id());
  EXPECT_EQ(hex(read_file(file)), hex(unbase64(device.at("token").as_string())));
  const json::object& report = device.at("report").as_object();
  EXPECT_EQ(report.at("kind").as_string(), "attestation token");
  EXPECT_TRUE(report.at("verified").as_bool());
  EXPECT_EQ(report.at("nonce").as_string(), kNonce);
  EXPECT_EQ(report.at("instance_id").as_string(), plant_.id());
  EXPECT_EQ(report.at("lifecycle").as_string(), "assembly and test");
  EXPECT_GT(report.at("client_id").to_number<std::int64_t>(), 0);
  EXPECT_EQ(report.at("x5chain").as_array().size(), 3U);
  const json::object bare = attest_json({"--no-chain"});
  EXPECT_FALSE(bare.at("report").as_object().contains("x5chain"));
}

TEST_P(AttestTest, WithoutAChainTheDeviceSaysSo) {
  start();
  const CommandResult refused = attest({"--nonce", kNonce});
  EXPECT_EQ(refused.status, kDeviceRefused) << refused.output;
  EXPECT_NE(refused.output.find("--no-chain"), std::string::npos) << refused.output;
  EXPECT_EQ(attest({"--no-chain"}).status, kOk);
  EXPECT_EQ(attest({"--nonce", "abcd"}).status, kUsage);
  // The service's own statements cannot be had.
  const std::string reserved = hex(as_bytes("Pedigree evidence")) + std::string(128 - 34, '0');
  EXPECT_EQ(attest({"--no-chain", "--nonce", reserved}).status, kDeviceRefused);
}

/// Has a profile of the authority demand evidence, before it starts.
void demand_evidence(const Plant& plant, const std::string& profile) {
  const std::string file = plant.path("ca/authority.toml");
  std::string text = read_text(file);
  const std::string none = "evidence = \"none\"";
  const std::size_t at = text.find(none, text.find("[profile." + profile + "]"));
  ASSERT_NE(at, std::string::npos) << text;
  text.replace(at, none.size(), "evidence = \"required\"");
  write_file(file, text);
}

TEST_P(AttestTest, AProfileThatWantsEvidenceGetsIt) {
  ASSERT_NO_FATAL_FAILURE(demand_evidence(plant_, "tls-client"));
  start();
  Process early(plant_.provision(0, {"--profile", "tls-client", "--issuer", "acme"}));
  EXPECT_NE(early.wait(), kOk) << "no attestation key is certified yet";
  ASSERT_NO_FATAL_FAILURE(provision("iak"));
  ASSERT_NO_FATAL_FAILURE(provision("tls-client"));
  EXPECT_EQ(fault_in(plant_.standing(), enrol::Purpose::tls, "tls-client"), "");
}

TEST(StockAttestTest, AKeyThatSignsTokensOnlyIsCertifiedByATokenRequest) {
  Plant plant;
  plant.start_authority();
  plant.start_devices(1, {"--stock-iak"});
  Process station(plant.provision(0, {"--profile", "iak", "--issuer", "acme"}));
  ASSERT_EQ(station.wait(), kOk) << station.errors();
  EXPECT_EQ(fault_in(plant.standing(), enrol::Purpose::iak, "iak"), "");
}

INSTANTIATE_TEST_SUITE_P(Devices, AttestTest, ::testing::Values(false, true),
                         [](const auto& kind) { return kind.param ? "Emulated" : "Simulated"; });

}  // namespace
}  // namespace pedigree::testing
