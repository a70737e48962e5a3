// SPDX-License-Identifier: Apache-2.0
// Appraisals over HTTPS: what a relying party asks and is told, for each standing of device and certificate.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/cbor/cbor.h"
#include "core/cose/cose.h"
#include "testing/authority/authority.h"
#include "testing/support/octets.h"

namespace pedigree::testing {
namespace {

using ::testing::HasSubstr;

std::string text(const boost::json::value& json, const char* key) {
  return std::string(json.at(key).as_string());
}

class Verify : public ::testing::Test {
 protected:
  /// A unit that holds an attestation certificate.
  struct Enrolled {
    explicit Enrolled(std::uint64_t number) : unit(number) {}
    Unit unit;
    std::string serial;
    std::vector<Octets> chain;
  };
  Enrolled enrolled(std::uint64_t number, const std::string& profile = "iak") {
    Enrolled one(number);
    const Answer answer = enrol(*station_, one.unit, profile);
    if (answer.status != 200) throw std::runtime_error(answer.body);
    one.serial = answer.json().at("serial").as_string();
    one.chain = chain_of(answer);
    return one;
  }
  static boost::json::object item(const Enrolled& one, const std::string& nonce, TokenWish wish = {}) {
    wish.chain = &one.chain;
    return {{"token", base64(one.unit.token(unhex(nonce), wish))}, {"nonce", nonce}};
  }
  Answer verify(const boost::json::value& body, const std::string& query = "?report=short") {
    return relying_->post("/v1/verify" + query, body);
  }
  /// The name of the error that decided; "trusted" for none.
  std::string reason(const boost::json::value& body) {
    const Answer answer = verify(body);
    if (answer.status != 200) return answer.body;
    const auto json = answer.json();
    if (json.at("reason").is_null()) return text(json, "verdict");
    return text(json.at("reason"), "check") + " " + text(json.at("reason"), "code");
  }
  std::string issued_nonce() { return text(relying_->post("/v1/verify/nonce", {}).json(), "nonce"); }
  void set_state(const Unit& unit, const char* state) {
    const Answer answer =
        operator_->post("/v1/devices/" + unit.id() + "/state", {{"state", state}, {"why", "a test"}});
    ASSERT_EQ(answer.status, 200U) << answer.body;
  }
  void revoke(const std::string& serial, const char* why) {
    const Answer answer = operator_->post("/v1/revoke", {{"serial", serial}, {"reason", why}});
    ASSERT_EQ(answer.status, 200U) << answer.body;
  }

  ServedAuthority authority_;
  std::unique_ptr<Client> station_ = authority_.client("station");
  std::unique_ptr<Client> operator_ = authority_.client("operator");
  std::unique_ptr<Client> relying_ = authority_.client("relying-party");
  const std::string own_nonce_ = std::string(64, '5');
};

TEST_F(Verify, TrustsADeviceWithItsChainInsideAndBeside) {
  const Enrolled one = enrolled(1);
  const Answer answer = verify(item(one, own_nonce_));
  ASSERT_EQ(answer.status, 200U) << answer.body;
  EXPECT_EQ(text(answer.json(), "verdict"), "trusted") << answer.body;
  EXPECT_EQ(text(answer.json().at("device"), "id"), one.unit.id());
  EXPECT_TRUE(answer.json().at("reason").is_null()) << answer.body;

  boost::json::object beside{{"token", base64(one.unit.token(unhex(own_nonce_)))}, {"nonce", own_nonce_}};
  EXPECT_EQ(reason(beside), "signature unknown_key");
  for (const Octets& der : one.chain) {
    if (!beside.contains("chain")) beside["chain"].emplace_array();
    beside["chain"].as_array().emplace_back(base64(der));
  }
  EXPECT_EQ(reason(beside), "trusted");
}

TEST_F(Verify, EachWayOfNotBeingTrustedHasItsReason) {
  const Enrolled one = enrolled(1);
  EXPECT_EQ(reason({{"token", base64(one.unit.token(unhex(own_nonce_), {.chain = &one.chain}))}}),
            "freshness nonce_missing");
  auto wrong = item(one, own_nonce_);
  wrong["nonce"] = std::string(64, '6');
  EXPECT_EQ(reason(wrong), "freshness wrong_nonce");
  EXPECT_EQ(reason(item(one, own_nonce_, {.instance_id = Unit(2).id()})), "identity wrong_instance_id");
  EXPECT_EQ(reason(item(one, own_nonce_, {.lifecycle = 0x4000})), "lifecycle lifecycle_refused");
  EXPECT_EQ(reason(item(one, own_nonce_, {.lifecycle = 0x1000})), "lifecycle lifecycle_refused")
      << "a device that is not secured yet is refused unless verifier.toml says otherwise";

  set_state(one.unit, "suspended");
  EXPECT_EQ(reason(item(one, own_nonce_)), "registry device_suspended");
  set_state(one.unit, "active");
  EXPECT_EQ(reason(item(one, own_nonce_)), "trusted");
  revoke(one.serial, "superseded");
  const Answer revoked = verify(item(one, own_nonce_));
  EXPECT_EQ(text(revoked.json().at("reason"), "code"), "revoked") << revoked.body;
  EXPECT_THAT(text(revoked.json().at("reason"), "sentence"), HasSubstr("superseded"));

  const Enrolled taken_out = enrolled(2);
  revoke(taken_out.serial, "keyCompromise");
  EXPECT_EQ(text(verify(item(taken_out, own_nonce_)).json(), "verdict"), "rejected");
  const Enrolled retired = enrolled(3);
  set_state(retired.unit, "retired");
  EXPECT_EQ(reason(item(retired, own_nonce_)), "registry retired");
}

TEST_F(Verify, ADeviceThatTheRegistryDoesNotKnowIsRefused) {
  const Enrolled one = enrolled(1);
  ASSERT_EQ(authority_.sql("DELETE FROM certificate; DELETE FROM device"), "");
  const Answer answer = verify(item(one, own_nonce_));
  EXPECT_EQ(text(answer.json(), "verdict"), "rejected") << answer.body;
  const Answer full = verify(item(one, own_nonce_), "");
  EXPECT_THAT(full.body, HasSubstr("unknown_device"));
}

TEST_F(Verify, ARevokedIntermediateTakesItsDevicesAlong) {
  const Enrolled before = enrolled(1);
  EXPECT_EQ(reason(item(before, own_nonce_)), "trusted");
  const Answer answer =
      operator_->post("/v1/issuers/vendor/revoke", {{"reason", "cACompromise"}, {"why", "a test"}});
  ASSERT_EQ(answer.status, 200U) << answer.body;
  const Answer refused = verify(item(before, own_nonce_));
  EXPECT_EQ(text(refused.json().at("reason"), "code"), "issuer_revoked") << refused.body;
  EXPECT_THAT(text(refused.json().at("reason"), "sentence"), HasSubstr("cACompromise"));
  EXPECT_EQ(enrol(*station_, Unit(2)).error(), "issuer_revoked");
  EXPECT_EQ(enrol(*station_, before.unit).error(), "issuer_revoked") << "what was issued is not given again";
  boost::json::object below = enrol_body(Unit(3), nonce_for(*station_, Unit(3)));
  below["issuer"] = "acme";
  EXPECT_EQ(station_->post("/v1/enrol", below).error(), "issuer_revoked") << "nor does one below it issue";
}

TEST_F(Verify, AnotherKeyOfTheDeviceSignsNoTokens) {
  const Enrolled tls = enrolled(1, "tls-client");
  const Answer answer = verify(item(tls, own_nonce_));
  EXPECT_EQ(text(answer.json(), "verdict"), "rejected")
      << "a TLS key signs what the non-secure side chose: " << answer.body;
}

TEST_F(Verify, AnIssuedNonceIsForOneTokenAndOneRelyingParty) {
  const Enrolled one = enrolled(1);
  const std::string nonce = issued_nonce();
  EXPECT_NE(nonce, issued_nonce());
  auto wrong = item(one, own_nonce_);
  wrong["nonce"] = nonce;
  EXPECT_EQ(reason(wrong), "freshness wrong_nonce") << "and leaves the nonce to the token that answers it";
  EXPECT_EQ(reason(item(one, nonce)), "trusted");
  EXPECT_EQ(reason(item(one, nonce)), "freshness replayed");
  EXPECT_EQ(reason(item(enrolled(2), nonce)), "freshness replayed") << "whichever device answers it";
  // One that was given before a restart cannot be known as unused.
  const std::string old = issued_nonce();
  station_.reset();
  operator_.reset();
  relying_.reset();
  authority_.restart();
  relying_ = authority_.client("relying-party");
  EXPECT_EQ(reason(item(one, old)), "freshness bad_nonce");
}

TEST_F(Verify, OnlyIssuedNoncesWhereThePolicySaysSo) {
  const Enrolled one = enrolled(1);
  station_.reset();
  operator_.reset();
  relying_.reset();
  authority_.stop();
  std::string config = read_text(authority_.layout().config());
  config.replace(config.find("nonces = \"any\""), 14, "nonces = \"issued\"");
  write_file(authority_.layout().config(), config);
  authority_.restart();
  relying_ = authority_.client("relying-party");
  EXPECT_EQ(reason(item(one, own_nonce_)), "freshness bad_nonce");
  EXPECT_EQ(reason(item(one, issued_nonce())), "trusted");
}

TEST_F(Verify, ABatchAnswersEachItemInItsPlace) {
  std::vector<Enrolled> units;
  for (std::uint64_t number = 1; number <= 4; ++number) units.push_back(enrolled(number));
  set_state(units[2].unit, "suspended");
  boost::json::array batch;
  for (const Enrolled& one : units) batch.push_back(item(one, own_nonce_));
  batch.insert(batch.begin() + 1, boost::json::object{{"token", "no base64"}});
  const Answer answer = relying_->post("/v1/verify/batch", batch);
  ASSERT_EQ(answer.status, 200U) << answer.body;
  const auto results = boost::json::parse(answer.body).as_array();
  ASSERT_EQ(results.size(), 5U);
  EXPECT_EQ(text(results[1], "error"), "bad_request");
  const std::size_t places[] = {0, 2, 3, 4};
  for (std::size_t i = 0; i < units.size(); ++i) {
    const auto& result = results[places[i]];
    EXPECT_EQ(text(result.at("device"), "id"), units[i].unit.id());
    EXPECT_EQ(text(result, "verdict"), i == 2 ? "rejected" : "trusted") << answer.body;
  }
  EXPECT_EQ(relying_->post("/v1/verify/batch", boost::json::array{}).status, 400U);
  EXPECT_EQ(relying_->post("/v1/verify/batch", boost::json::array(257, boost::json::value(nullptr))).status,
            400U);
}

TEST_F(Verify, SpeaksCborToo) {
  const Enrolled one = enrolled(1);
  const Octets token = one.unit.token(unhex(own_nonce_), {.chain = &one.chain});
  const auto encode = [&](Writer& writer) {
    cbor::Encoder out(writer);
    out.array(1);
    out.map(2);
    out.tstr("token");
    out.bstr(token);
    out.tstr("nonce");
    out.bstr(unhex(own_nonce_));
  };
  const Octets body = written(encode);
  const Answer answer =
      relying_->call("POST", "/v1/verify/batch", std::string(as_text(body)), "application/cbor");
  ASSERT_EQ(answer.status, 200U) << answer.body;
  EXPECT_EQ(answer.type, "application/cbor");
  Reader in(as_bytes(answer.body));
  EXPECT_EQ(cbor::read_array(in).value(), 1U);
  EXPECT_EQ(cbor::read_map(in).value(), 3U);
  EXPECT_EQ(cbor::read_tstr(in).value(), "verdict");
  EXPECT_EQ(cbor::read_tstr(in).value(), "trusted");
  EXPECT_EQ(relying_->call("POST", "/v1/verify", "\xff", "application/cbor").error(), "bad_request");
  EXPECT_EQ(station_->call("POST", "/v1/nonce", "\xa0", "application/cbor").status, 415U)
      << "other calls speak JSON";
}

TEST_F(Verify, SignsTheResultForOthers) {
  const Enrolled one = enrolled(1);
  const auto key = authority_.client("relying-party")->get("/v1/verify/key").json();
  auto asked = item(one, own_nonce_);
  asked["ear"] = "cwt";
  const auto cwt_answer = verify(asked).json();
  EXPECT_EQ(text(cwt_answer, "verdict"), "trusted");
  const Octets cwt = unbase64(text(cwt_answer, "ear"));
  const auto message = cose::Sign1::parse(cwt);
  ASSERT_TRUE(message);
  const Octets spki = unbase64(text(key, "spki"));
  const auto parsed = x509::parse_spki(spki);
  ASSERT_TRUE(parsed && parsed->key);
  Octets scratch(8192);
  EXPECT_TRUE(message->verify(host_crypto(), *parsed->key, {}, scratch));
  EXPECT_EQ(hex(host_crypto().sha256(spki).value()), text(key, "kid"));

  asked["ear"] = "jwt";
  const std::string jwt = text(verify(asked).json(), "ear");
  EXPECT_EQ(std::ranges::count(jwt, '.'), 2) << jwt;
  station_.reset();
  operator_.reset();
  relying_.reset();
  authority_.stop();
  std::filesystem::remove(authority_.layout().verifier_key());
  authority_.restart();
  relying_ = authority_.client("relying-party");
  EXPECT_EQ(relying_->get("/v1/verify/key").status, 404U);
  EXPECT_THAT(verify(asked).body, HasSubstr("key_not_found"));
}

TEST_F(Verify, IsForRelyingPartiesAndOperators) {
  for (const char* path : {"/v1/verify", "/v1/verify/batch", "/v1/verify/nonce"}) {
    EXPECT_EQ(station_->post(path, {}).status, 403U) << path;
    EXPECT_EQ(authority_.client("")->post(path, {}).status, 403U) << path;
    EXPECT_NE(operator_->post(path, {}).status, 403U) << path;
  }
  EXPECT_EQ(relying_->post("/v1/verify?report=long", boost::json::object{}).status, 400U);
}

TEST_F(Verify, ThePolicyOfTheDirectoryDecides) {
  const Enrolled one = enrolled(1);
  station_.reset();
  operator_.reset();
  relying_.reset();
  authority_.stop();
  write_file(authority_.layout().verifier_policy(),
             std::string_view("lifecycles = [\"secured\", \"assembly-and-test\"]\n"));
  authority_.restart();
  relying_ = authority_.client("relying-party");
  EXPECT_EQ(reason(item(one, own_nonce_, {.lifecycle = 0x1000})), "trusted");
  EXPECT_EQ(reason(item(one, own_nonce_, {.lifecycle = 0x4000})), "lifecycle lifecycle_refused");
  relying_.reset();
  authority_.stop();
  write_file(authority_.layout().verifier_policy(), std::string_view("lifecycle = 1\n"));
  EXPECT_THROW(authority_.restart(), std::runtime_error) << "a mistake in the policy is no default";
}

}  // namespace
}  // namespace pedigree::testing
