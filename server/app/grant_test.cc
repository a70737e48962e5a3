// SPDX-License-Identifier: Apache-2.0
// Grants of an authority, read as a device reads them: with the root's hash and no more.
#include "authority/grant.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <future>

#include "crypto/openssl/openssl_crypto.h"
#include "server/http/json.h"
#include "testing/authority/authority.h"

namespace pedigree::testing {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;

const std::string kDevice = "01" + std::string(64, 'a');
const std::string kNonce(64, 'b');

class Grants : public ::testing::Test {
 protected:
  void SetUp() override {
    const json::object list{{"devices", json::array{json::object{{"device", kDevice}}}}};
    ASSERT_EQ(operator_->post("/v1/devices", list).status, 200U);
  }
  static json::object wanted(const std::string& operation) {
    json::object question{
        {"device", kDevice}, {"nonce", kNonce}, {"operation", operation}, {"why", "a test"}};
    if (operation == "begin" || operation == "replace") {
      question["purpose"] = "tls";
      question["algorithm"] = "P-256";
    }
    if (operation != "repin" && operation != "decommission") question["slot"] = 3;
    if (operation == "repin") question["root"] = std::string(64, 'c');
    return question;
  }
  /// As the device does.
  Result<grant::Grant> verify(const Answer& answer) {
    message_ = http::from_base64(answer.json().at("grant").as_string()).value();
    const auto root = app::read_certificate(authority_.layout().root_certificate()).value();
    const Sha256 hash = *crypto_.sha256(x509::Certificate::parse(root)->spki().whole);
    return grant::verify(crypto_, message_, hash, seen_, scratch_);
  }

  crypto::OpenSslCrypto crypto_;
  ServedAuthority authority_;
  std::unique_ptr<Client> station_ = authority_.client("station");
  std::unique_ptr<Client> operator_ = authority_.client("operator");
  grant::Seen seen_;
  Octets message_;
  std::array<std::uint8_t, grant::kScratch> scratch_{};
};

TEST_F(Grants, AnOperatorHasThemSignedForADevice) {
  for (const std::string operation : {"begin", "replace", "destroy", "repin", "decommission"}) {
    SCOPED_TRACE(operation);
    const Answer answer = operator_->post("/v1/grants", wanted(operation));
    ASSERT_EQ(answer.status, 200U) << answer.body;
    const auto content = verify(answer);
    ASSERT_TRUE(content.has_value()) << name(content.error().code);
    EXPECT_EQ(grant::name(content->operation), operation);
    EXPECT_EQ(registry::hex(content->device_id), kDevice);
    EXPECT_EQ(registry::hex(content->nonce), kNonce);
  }
}

TEST_F(Grants, EachIsInTheAuditLogWithItsDigest) {
  const Answer answer = operator_->post("/v1/grants", wanted("destroy"));
  ASSERT_TRUE(verify(answer).has_value());
  const json::value device = operator_->get("/v1/devices/" + kDevice).json();
  const json::object& event = device.at("events").as_array().back().as_object();
  EXPECT_EQ(event.at("what"), "granted");
  EXPECT_EQ(event.at("why"), "destroy slot 3: a test");
  const std::string digest = registry::hex(*crypto_.sha256(message_));
  EXPECT_EQ(authority_.sql("SELECT count(*) FROM event WHERE what = 'granted' AND hex(digest) = upper('" +
                           digest + "')"),
            "1");
}

TEST_F(Grants, WhatEndsADeviceRetiresItFirst) {
  const Answer answer = operator_->post("/v1/grants", wanted("decommission"));
  ASSERT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.json().at("state"), "retired");
  EXPECT_EQ(operator_->get("/v1/devices/" + kDevice).json().at("state"), "retired");
  EXPECT_EQ(operator_->post("/v1/grants", wanted("begin")).error(), "retired");
  EXPECT_EQ(operator_->post("/v1/grants", wanted("decommission")).status, 200U) << "the answer was lost";
  EXPECT_EQ(operator_->post("/v1/grants", wanted("destroy")).status, 200U) << "it may still be emptied";
}

TEST_F(Grants, ASuspendedDeviceGetsNoKeys) {
  ASSERT_EQ(
      operator_->post("/v1/devices/" + kDevice + "/state", {{"state", "suspended"}, {"why", "x"}}).status,
      200U);
  EXPECT_EQ(operator_->post("/v1/grants", wanted("begin")).error(), "device_suspended");
  EXPECT_EQ(operator_->post("/v1/grants", wanted("replace")).error(), "device_suspended");
  EXPECT_EQ(operator_->post("/v1/grants", wanted("destroy")).status, 200U);
}

TEST_F(Grants, StationsAndStrangersGetNone) {
  EXPECT_EQ(station_->post("/v1/grants", wanted("begin")).error(), "not_authorised");
  EXPECT_EQ(authority_.client("relying-party")->post("/v1/grants", wanted("begin")).error(),
            "not_authorised");
  json::object unknown = wanted("begin");
  unknown["device"] = "01" + std::string(64, 'd');
  EXPECT_EQ(operator_->post("/v1/grants", unknown).error(), "unknown_device");
}

TEST(GrantStations, ARuleNamesThemAndTheRegistryMayDisableThem) {
  AuthorityFolder folder;
  std::ofstream(folder.layout().policy(), std::ios::app)
      << "\n[[grant]]\nrole = \"station\"\nname = \"*\"\noperations = [\"begin\"]\n";
  const app::SecretText passphrase{kPassphrase};
  const auto local = app::LocalAuthority::open(folder.path(), &passphrase).value();
  const auto note = [&](bool enabled) {
    registry::Station station;
    station.name = "Station";
    station.enabled = enabled;
    std::promise<bool> set;
    local->store().set_station({station, "a test", {"t", "t"}, 1},
                               [&](auto done) { set.set_value(done.has_value()); });
    EXPECT_TRUE(set.get_future().get());
    registry::GrantNote wish{
        *registry::parse_device_id(kDevice),      "begin slot 3", {}, false, {"Station", "t"}, 2,
        registry::StationClaim{.name = "Station"}};
    std::promise<ErrorCode> noted;
    local->store().note_grant(wish,
                              [&](auto done) { noted.set_value(done ? ErrorCode{} : done.error().code); });
    return noted.get_future().get();
  };
  EXPECT_EQ(note(true), ErrorCode::unknown_device);
  const json::object list{{"devices", json::array{json::object{{"device", kDevice}}}}};
  ASSERT_EQ(local->call(http::Method::post, "/v1/devices", json::serialize(list), "t").status, 200U);
  EXPECT_EQ(note(true), ErrorCode{});
  EXPECT_EQ(note(false), ErrorCode::not_authorised);
}

TEST_F(Grants, BadQuestionsAreNamed) {
  const auto with = [&](const std::string& operation, std::string_view key, const json::value& value) {
    json::object question = wanted(operation);
    question[key] = value;
    return operator_->post("/v1/grants", question);
  };
  EXPECT_THAT(with("begin", "operation", "open").body, HasSubstr("operation"));
  EXPECT_THAT(with("begin", "slot", 0).body, HasSubstr("slot"));
  EXPECT_THAT(with("begin", "slot", 9).body, HasSubstr("slot"));
  EXPECT_THAT(with("begin", "slot", "1").body, HasSubstr("slot"));
  EXPECT_THAT(with("begin", "nonce", "ab").body, HasSubstr("nonce"));
  EXPECT_THAT(with("begin", "purpose", "all").body, HasSubstr("purpose"));
  EXPECT_THAT(with("begin", "algorithm", "RSA-2048").body, HasSubstr("algorithm"));
  EXPECT_THAT(with("repin", "root", "").body, HasSubstr("root"));
  EXPECT_THAT(with("begin", "why", "").body, HasSubstr("why"));
  EXPECT_THAT(with("begin", "why", json::value_from(std::string(501, 'x'))).body, HasSubstr("why"));
}

TEST(GrantPolicy, SaysWhoMayHaveWhatGranted) {
  const authority::Config config = authority::default_config();
  const auto policy = authority::read_policy(
      "[[grant]]\nname = \"Repair*\"\noperations = [\"begin\", \"destroy\"]\ndevices = [\"01a*\"]\n"
      "[[grant]]\nrole = \"station\"\nname = \"Bench 1\"\noperations = [\"begin\"]\n",
      config);
  ASSERT_TRUE(policy.has_value()) << policy.error().detail;
  authority::GrantOrder order{.device = *registry::parse_device_id(kDevice),
                              .operation = grant::Operation::begin};
  const auto may = [&](bool is_operator, std::string_view client) {
    return authority::check_grant(*policy, is_operator, client, order).has_value();
  };
  EXPECT_TRUE(may(true, "Repair shop"));
  EXPECT_FALSE(may(true, "Anybody else"));
  EXPECT_TRUE(may(false, "Bench 1"));
  EXPECT_FALSE(may(false, "Repair shop")) << "a rule is for one role";
  order.operation = grant::Operation::decommission;
  EXPECT_FALSE(may(true, "Repair shop"));
  order.operation = grant::Operation::destroy;
  order.device = *registry::parse_device_id("01" + std::string(64, 'd'));
  EXPECT_FALSE(may(true, "Repair shop"));
  EXPECT_TRUE(authority::check_grant(authority::open_policy(), true, "Anybody", order).has_value());
  EXPECT_FALSE(authority::check_grant(authority::open_policy(), false, "Anybody", order).has_value());
  const auto again = authority::read_policy(authority::write_policy(*policy), config);
  ASSERT_TRUE(again.has_value()) << again.error().detail;
  EXPECT_EQ(authority::write_policy(*again), authority::write_policy(*policy));
  for (const std::string wrong :
       {"[[grant]]\nname = \"x\"", "[[grant]]\nname = \"x\"\noperations = []", "grant = 1",
        "[[grant]]\noperations = [\"begin\"]", "[[grant]]\nname = \"x\"\noperations = [\"open\"]",
        "[[grant]]\nname = \"x\"\noperations = [\"begin\"]\nrole = \"device\"",
        "[[grant]]\nname = \"x\"\noperations = [\"begin\"]\ndevices = [\"zz\"]"}) {
    EXPECT_FALSE(authority::read_policy(wrong, config).has_value()) << wrong;
  }
}

}  // namespace
}  // namespace pedigree::testing
