// SPDX-License-Identifier: Apache-2.0
// Real devices and a profile that demands evidence; and their tokens before a relying party.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/evidence/evidence.h"
#include "testing/evidence/fixture.h"

namespace pedigree::testing {
namespace {

using ::testing::HasSubstr;

/// As stock TF-M is: the attestation key signs tokens only.
sim::DeviceOptions stock() {
  sim::DeviceOptions options;
  options.stock_iak = true;
  return options;
}

TEST_F(Evidence, ADeviceWithACertifiedAttestationKeyGetsItsOtherCertificates) {
  SimUnit unit;
  const Answer early = provision(authority_, *station_, unit, "tls-client", enrol::Purpose::tls, false);
  EXPECT_EQ(early.status, 422U);
  EXPECT_EQ(early.error(), "evidence_required");
  EXPECT_EQ(provision_iak(unit).status, 200U);
  EXPECT_EQ(
      station_->post("/v1/nonce", {{"device", unit.id()}, {"profile", "tls-client"}}).json().at("evidence"),
      "required");
  EXPECT_EQ(station_->post("/v1/nonce", {{"device", unit.id()}, {"profile", "iak"}}).json().at("evidence"),
            "none");
  const Answer issued = provision(authority_, *station_, unit, "tls-client", enrol::Purpose::tls, true);
  EXPECT_EQ(issued.status, 200U) << issued.body;
  EXPECT_EQ(authority_.sql("SELECT count(*) FROM certificate WHERE state = 2"), "2");
}

TEST_F(Evidence, AnAttestationKeyThatIsNotCertifiedVouchesForNothing) {
  SimUnit unit;
  const Answer refused = provision(authority_, *station_, unit, "tls-client", enrol::Purpose::tls, true);
  EXPECT_EQ(refused.error(), "evidence_refused") << refused.body;
  EXPECT_THAT(refused.body, HasSubstr("provision that first"));
}

TEST_F(Evidence, ADeviceWhoseAttestationKeySignsTokensOnlyIsCertified) {
  SimUnit unit(stock());
  const auto key = unit.begin(enrol::Purpose::iak, enrol::Origin::builtin);
  const std::string nonce = nonce_for(*station_, unit.id(), "iak");
  const Octets request = unit.request(key.slot, nonce);
  ASSERT_TRUE(evidence::is_token_request(request));
  const Answer issued = provision_iak(unit);
  EXPECT_EQ(issued.status, 200U) << issued.body;
  EXPECT_EQ(authority_.sql("SELECT count(*) FROM certificate WHERE state = 2"), "1")
      << "and its receipt, a token, was taken";
  EXPECT_EQ(provision(authority_, *station_, unit, "tls-client", enrol::Purpose::tls, true).status, 200U);
}

TEST_F(Evidence, ATokenRequestIsForOneNonceOneKeyAndAttestationOnly) {
  SimUnit unit(stock());
  const auto key = unit.begin(enrol::Purpose::iak, enrol::Origin::builtin);
  const std::string nonce = nonce_for(*station_, unit.id(), "iak");
  const Octets request = unit.request(key.slot, nonce);
  const auto parsed = evidence::TokenRequest::parse(request).value();
  const auto post = [&](const std::string& profile, const std::string& of, Bytes body) {
    return station_->post("/v1/enrol", enrol_body(unit.id(), profile, of, body)).error();
  };
  const std::string later = std::string(nonce_for(*station_, SimUnit().id(), "iak"));
  EXPECT_EQ(post("iak", later, request), "bad_nonce");
  EXPECT_EQ(post("idevid", nonce_for(*station_, unit.id(), "idevid"), request), "token_request_refused");
  const Unit outside(1);
  const Octets spki = outside.spki();
  Octets swapped(2048);
  Writer out(swapped);
  evidence::write_token_request({spki, parsed.token}, out);
  EXPECT_EQ(post("iak", nonce, out.written()), "token_request_refused") << "a key that did not sign it";
  Octets spoilt = request;
  spoilt.back() ^= 1U;
  EXPECT_EQ(post("iak", nonce, spoilt), "token_request_refused");
  // Anybody may have the key sign a token, but not over this challenge.
  const auto free_token = unit.attest(Octets(32, 0x11), false);
  ASSERT_TRUE(free_token);
  Octets relayed(2048);
  Writer again(relayed);
  evidence::write_token_request({parsed.spki, *free_token}, again);
  EXPECT_EQ(post("iak", nonce, again.written()), "token_request_refused");
  EXPECT_EQ(authority_.sql("SELECT count(*) FROM certificate"), "0");
  EXPECT_EQ(post("iak", nonce, request), "");
}

/// What a relying party is told of one real device, as its life goes on.
class RelyingParty : public Evidence {
 protected:
  void SetUp() override {
    issued_ = provision_iak(unit_);
    ASSERT_EQ(issued_.status, 200U) << issued_.body;
  }
  std::string issued_nonce() {
    return std::string(relying_->post("/v1/verify/nonce", {}).json().at("nonce").as_string());
  }
  boost::json::object item(const std::string& nonce, bool chain = true) {
    const auto token = unit_.attest(unhex(nonce), chain);
    if (!token) throw std::runtime_error("no token");
    return {{"token", base64(*token)}, {"nonce", nonce}};
  }
  /// "check error" of what decided, or the verdict.
  std::string told(const boost::json::object& body) {
    const Answer answer = relying_->post("/v1/verify?report=short", body);
    if (answer.status != 200) return answer.body;
    const auto json = answer.json();
    if (json.at("reason").is_null()) return std::string(json.at("verdict").as_string());
    const auto& reason = json.at("reason").as_object();
    return std::string(reason.at("check").as_string()) + " " + std::string(reason.at("code").as_string());
  }
  std::string told() { return told(item(issued_nonce())); }
  void order(const std::string& path, const boost::json::object& body) {
    const Answer answer = authority_.client("operator")->post(path, body);
    ASSERT_EQ(answer.status, 200U) << answer.body;
  }
  void set_state(const char* state) {
    order("/v1/devices/" + unit_.id() + "/state", {{"state", state}, {"why", "a test"}});
  }
  void secure() { unit_.move_to(enrol::Lifecycle::secured); }

  SimUnit unit_;
  Answer issued_;
  std::unique_ptr<Client> relying_ = authority_.client("relying-party");
};

TEST_F(RelyingParty, TrustsASecuredDevice) {
  EXPECT_EQ(told(), "lifecycle lifecycle_refused") << "it is still in assembly and test";
  secure();
  EXPECT_EQ(told(), "trusted");
}

TEST_F(RelyingParty, LearnsOfStaleAndRepeatedTokens) {
  secure();
  const std::string nonce = issued_nonce();
  auto other = item(issued_nonce());
  other["nonce"] = nonce;
  EXPECT_EQ(told(other), "freshness wrong_nonce");
  EXPECT_EQ(told(item(nonce)), "trusted");
  EXPECT_EQ(told(item(nonce)), "freshness replayed");
  EXPECT_EQ(told(item(issued_nonce(), false)), "signature unknown_key")
      << "no chain, and the key is nobody's";
}

TEST_F(RelyingParty, LearnsOfSuspensionAndRevocation) {
  secure();
  EXPECT_EQ(told(), "trusted");
  set_state("suspended");
  EXPECT_EQ(told(), "registry device_suspended");
  set_state("active");
  EXPECT_EQ(told(), "trusted");
  order("/v1/revoke", {{"serial", issued_.json().at("serial")}, {"reason", "superseded"}});
  EXPECT_EQ(told(), "revocation revoked");
}

TEST_F(RelyingParty, LearnsOfARevokedIntermediate) {
  secure();
  EXPECT_EQ(told(), "trusted");
  order("/v1/issuers/vendor/revoke", {{"reason", "cACompromise"}, {"why", "a test"}});
  EXPECT_EQ(told(), "revocation issuer_revoked");
}

TEST_F(RelyingParty, LearnsThatNobodyKnowsTheDevice) {
  secure();
  ASSERT_EQ(authority_.sql("PRAGMA foreign_keys = OFF; DELETE FROM device"), "");
  EXPECT_EQ(told(), "registry unknown_device");
}

TEST_F(RelyingParty, LearnsThatADebugDeviceIsOne) {
  unit_.move_to(enrol::Lifecycle::debug);
  EXPECT_EQ(told(), "lifecycle lifecycle_refused");
}

}  // namespace
}  // namespace pedigree::testing
