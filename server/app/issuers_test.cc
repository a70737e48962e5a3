// SPDX-License-Identifier: Apache-2.0
// States of intermediates: on standby, active, retired; of every server on the registry, at once.
#include <thread>

#include "server/app/audit.h"
#include "testing/authority/configured.h"

namespace pedigree::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class IssuersTest : public ProtocolTest {
 protected:
  Answer order(const std::string& name, const std::string& state, const std::string& retires = {}) {
    boost::json::object body{{"state", state}, {"why", "a test"}};
    if (!retires.empty()) body["retires"] = retires;
    return authority_.client("operator")->post("/v1/issuers/" + name + "/state", body);
  }
  std::string state_of(const std::string& name) {
    const Answer answer = authority_.client("operator")->get("/v1/issuers");
    const auto json = answer.json();
    for (const auto& one : json.at("issuers").as_array()) {
      if (one.at("name").as_string() == name) return std::string(one.at("state").as_string());
    }
    return {};
  }
  Answer enrol_by(std::uint64_t number, const std::string& issuer = {}) {
    const auto station = authority_.client("station");
    const Unit unit(number);
    auto body = enrol_body(unit, nonce_for(*station, unit));
    if (!issuer.empty()) body["issuer"] = issuer;
    return station->post("/v1/enrol", body);
  }
  /// Who signed the certificate of this answer, as the registry has it.
  std::string issuer_of(const Answer& answer) {
    EXPECT_EQ(answer.status, 200U) << answer.body;
    if (answer.status != 200) return {};
    const std::string serial(answer.json().at("serial").as_string());
    return std::string(
        authority_.client("operator")->get("/v1/certificates/" + serial).json().at("issuer").as_string());
  }
  std::vector<std::string> findings() {
    const auto key = app::read_log_key(authority_.layout());
    const auto report = app::verify_log(authority_.layout(), *key, {}, {});
    EXPECT_TRUE(report);
    return report ? report->findings : std::vector<std::string>{"none"};
  }
};

TEST_F(IssuersTest, OneIssuesInThePlaceOfAnotherAtOnce) {
  EXPECT_EQ(issuer_of(enrol_by(1)), "vendor");
  ASSERT_EQ(order("acme", "standby").status, 200U);
  EXPECT_EQ(state_of("acme"), "standby");
  EXPECT_EQ(enrol_by(2, "acme").error(), "unknown_issuer");
  const Answer rotated = order("acme", "active", "vendor");
  ASSERT_EQ(rotated.status, 200U) << rotated.body;
  EXPECT_EQ(state_of("acme"), "active");
  EXPECT_EQ(state_of("vendor"), "retired");
  EXPECT_EQ(issuer_of(enrol_by(3)), "acme");
  const Answer refused = enrol_by(4, "vendor");
  EXPECT_EQ(refused.error(), "unknown_issuer");
  EXPECT_THAT(refused.body, HasSubstr("intermediate vendor is retired"));
  // What it issued is as good as before.
  EXPECT_EQ(ok("c -o list -w '%{http_code}' $URL/v1/crl/vendor"), "200");
  EXPECT_EQ(authority_.sql("SELECT count(*) FROM event WHERE what = 'issuer_state'"), "3");
  authority_.restart();
  EXPECT_EQ(state_of("vendor"), "retired") << "the registry knows it, not the process";
  EXPECT_EQ(issuer_of(enrol_by(5)), "acme");
  EXPECT_THAT(findings(), IsEmpty());
}

TEST_F(IssuersTest, EveryServerOnTheRegistryLearnsOfIt) {
  app::ServeOptions options;
  options.directory = authority_.path();
  options.port = 0;
  const auto other = app::App::start(options, app::SecretText{std::string(kPassphrase)});
  ASSERT_TRUE(other) << other.error().detail;
  ASSERT_EQ(order("acme", "active", "vendor").status, 200U);
  // Before it has, the registry takes nothing of the retired one.
  std::string issuer;
  for (std::uint64_t number = 1; issuer.empty() && number < 1000; ++number) {
    Client station((*other)->port(), authority_.identity("station"));
    const Unit unit(number);
    const Answer answer = station.post("/v1/enrol", enrol_body(unit, nonce_for(station, unit)));
    if (answer.status == 200) {
      issuer = issuer_of(answer);
    } else {
      EXPECT_EQ(answer.status, 503U) << answer.body;
      EXPECT_EQ(answer.error(), "unknown_issuer");
    }
  }
  EXPECT_EQ(issuer, "acme");
  EXPECT_EQ(authority_.sql("SELECT count(*) FROM certificate WHERE issuer = 'vendor'"), "0");
}

TEST_F(IssuersTest, WhatMakesNoSenseIsRefused) {
  EXPECT_EQ(order("nobody", "active").status, 404U);
  EXPECT_EQ(order("acme", "active", "nobody").status, 404U);
  EXPECT_EQ(order("acme", "revoked").status, 400U) << "that is for ever, and another call";
  EXPECT_EQ(order("acme", "active", "acme").status, 400U);
  EXPECT_EQ(order("acme", "standby", "vendor").status, 400U);
  const Answer nobody =
      authority_.client("station")->post("/v1/issuers/acme/state", {{"state", "retired"}, {"why", "a test"}});
  EXPECT_EQ(nobody.status, 403U);
  EXPECT_EQ(state_of("acme"), "active");
  ASSERT_EQ(authority_.client("operator")
                ->post("/v1/issuers/acme/revoke", {{"reason", "cACompromise"}, {"why", "a test"}})
                .status,
            200U);
  EXPECT_EQ(order("acme", "active").error(), "issuer_revoked");
  EXPECT_EQ(order("acme", "active", "vendor").error(), "issuer_revoked");
  EXPECT_EQ(state_of("vendor"), "active") << "both or none";
}

TEST_F(IssuersTest, TheConfigurationMayRetireForGoodAndLimitTimes) {
  authority_.stop();
  std::string config = read_text(authority_.layout().config());
  const auto set = [&](const std::string& name, const std::string& from, const std::string& to) {
    const std::size_t at = config.find(from, config.find("name = \"" + name + "\""));
    ASSERT_NE(at, std::string::npos);
    config.replace(at, from.size(), to);
  };
  set("vendor", "state = \"active\"", "state = \"active\"\nuntil = 2026-01-01T00:00:00Z");
  set("acme", "state = \"active\"", "state = \"retired\"");
  write_file(authority_.layout().config(), std::string_view(config));
  authority_.restart();
  EXPECT_THAT(order("acme", "active").body,
              HasSubstr("authority.toml says that intermediate acme is retired"));
  EXPECT_THAT(order("vendor", "active").body, HasSubstr("issues nothing after 2026-01-01"));
  EXPECT_THAT(enrol_by(1, "vendor").body, HasSubstr("until 2026-01-01T00:00:00Z"));
  EXPECT_EQ(enrol_by(1).error(), "unknown_issuer");
}

TEST_F(IssuersTest, OneOfAFactoryIssuesToWhoNamesIt) {
  authority_.stop();
  std::string config = read_text(authority_.layout().config());
  const std::string line = "name = \"vendor\"\n";
  config.replace(config.find(line), line.size(), line + "factory = \"taipei\"\n");
  write_file(authority_.layout().config(), std::string_view(config));
  authority_.restart();
  EXPECT_EQ(issuer_of(enrol_by(1)), "acme") << "not the first, which is of a factory";
  EXPECT_EQ(issuer_of(enrol_by(2, "vendor")), "vendor");
}

TEST_F(IssuersTest, AStateThatWasChangedByHandIsFound) {
  ASSERT_EQ(order("acme", "retired").status, 200U);
  authority_.stop();
  EXPECT_EQ(authority_.sql("UPDATE issuer_order SET state = 2"), "");
  EXPECT_THAT(findings(), Contains(HasSubstr("an intermediate's state is not what was logged")));
  EXPECT_EQ(authority_.sql("DELETE FROM issuer_order"), "");
  EXPECT_THAT(findings(), Contains(HasSubstr("an intermediate's state that was logged is gone")));
}

}  // namespace
}  // namespace pedigree::testing
