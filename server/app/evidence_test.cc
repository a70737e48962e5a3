// SPDX-License-Identifier: Apache-2.0
// A profile that demands evidence, and token requests, against a served authority. A key that was made
// outside of the secure world tries to get a certificate: with everything that its owner may have of a
// device, and with attestation keys of his own.
#include "core/evidence/evidence.h"
#include "testing/authority/evidence_fixture.h"
#include "testing/support/octets.h"

namespace pedigree::testing {
namespace {

using evidence::Statement;

Octets token_request(const Unit& unit, Bytes token) {
  const Octets spki = unit.spki();
  return written([&](Writer& out) { evidence::write_token_request({spki, token}, out); });
}

class Evidence : public OutsideKey {
 protected:
  Evidence() {
    tls_.rename(iak_.id());
    outside_.rename(iak_.id());
  }
  std::string device_id() const override { return iak_.id(); }
  void certify_iak() { ASSERT_EQ(enrol(*station_, iak_).status, 200U); }
  /// What the device's service states about a key: only ever its own.
  Octets statement(std::string_view of, const TokenWish& wish = {}) const {
    return iak_.token(challenge_for(Statement::evidence, of, tls_.spki()), wish);
  }

  const Unit iak_{1};  ///< the device's attestation key
  Unit tls_{2};        ///< a key that its service made
};

TEST_F(Evidence, AKeyThatTheSecureWorldVouchesForIsCertified) {
  const auto wants = [&](const char* profile) {
    const Answer answer = station_->post("/v1/nonce", {{"device", iak_.id()}, {"profile", profile}});
    return std::string(answer.json().at("evidence").as_string());
  };
  EXPECT_EQ(wants("iak"), "none");
  EXPECT_EQ(wants("tls-client"), "required");
  const std::string of = nonce();
  expect_refused(of, tls_.request_with_evidence(of, statement(of)), "evidence_refused",
                 "provision that first");
  certify_iak();
  const Answer issued = send(of, tls_.request_with_evidence(of, statement(of)));
  EXPECT_EQ(issued.status, 200U) << issued.body;
}

TEST_F(Evidence, NoneIsNotEnough) {
  certify_iak();
  const std::string of = nonce();
  expect_refused(of, outside_.request(of), "evidence_required", "secure world");
  expect_refused(of, outside_.request_with_evidence(of, Octets{0x00}), "evidence_refused", "evidence");
}

TEST_F(Evidence, StolenFromTheDevicesOwnRequestItFitsNoOtherKey) {
  certify_iak();
  const std::string of = nonce();
  expect_refused_token(of, statement(of), "nonce");
}

TEST_F(Evidence, OfAnOlderNonceItIsStale) {
  certify_iak();
  const std::string old(64, '1');
  const std::string of = nonce();
  expect_refused(of, tls_.request_with_evidence(of, statement(old)), "evidence_refused", "nonce");
  expect_refused(of, tls_.request_with_evidence(old, statement(old)), "bad_nonce", "challengePassword");
}

TEST_F(Evidence, ByAnAttestationKeyOfOnesOwnItIsForged) {
  certify_iak();
  const std::string of = nonce();
  const Octets challenge = challenge_for(Statement::evidence, of, outside_.spki());
  Unit own(4);
  own.rename(iak_.id());
  expect_refused_token(of, own.token(challenge), "not by the key of certificate 1");
  // With a chain inside: of another authority, of another device, and the device's own.
  const ServedAuthority elsewhere;
  const auto foreign = chain_of(enrol(*elsewhere.client("station"), own));
  expect_refused_token(of, own.token(challenge, {.chain = &foreign}), "not by the key of certificate 1");
  Unit stranger(5);
  const auto known = chain_of(enrol(*station_, stranger));
  expect_refused_token(of, stranger.token(challenge, {.instance_id = iak_.id(), .chain = &known}),
                       "not by the key of certificate 1");
  const auto real = chain_of(enrol(*station_, iak_));
  expect_refused_token(of, own.token(challenge, {.chain = &real}), "not by the key of certificate 1");
}

TEST_F(Evidence, OfAnotherDeviceItIsNotThisOnes) {
  certify_iak();
  const std::string of = nonce();
  Unit other(6);
  ASSERT_EQ(enrol(*station_, other).status, 200U);
  expect_refused_token(of, other.token(challenge_for(Statement::evidence, of, outside_.spki())),
                       "not by the key of certificate 1");
  expect_refused_token(
      of, iak_.token(challenge_for(Statement::evidence, of, outside_.spki()), {.instance_id = other.id()}),
      "its key is certified for");
}

TEST_F(Evidence, MadeByTheDeviceForAnybodyItSaysNothing) {
  certify_iak();
  const std::string of = nonce();
  const Octets right = challenge_for(Statement::evidence, of, outside_.spki());
  // `attest` refuses challenges of this form, so the nearest that anybody can have is another one.
  ASSERT_TRUE(evidence::is_reserved_challenge(right));
  const Sha256 digest = host_crypto().sha256(right).value();
  expect_refused_token(of, iak_.token(digest), "nonce");
  expect_refused_token(of, iak_.token(challenge_for(Statement::token_request, of, outside_.spki())), "nonce");
  // Where the platform's own service lets the non-secure side choose, its client id gives it away.
  expect_refused_token(of, iak_.token(right, {.client_id = -1}), "non-secure side");
}

TEST_F(Evidence, WithItsChallengeChangedItIsNotSigned) {
  certify_iak();
  const std::string of = nonce();
  Octets token = statement(of);
  const Octets said = challenge_for(Statement::evidence, of, tls_.spki());
  const auto at = std::search(token.begin(), token.end(), said.begin(), said.end());
  ASSERT_NE(at, token.end());
  std::ranges::copy(challenge_for(Statement::evidence, of, outside_.spki()), at);
  expect_refused_token(of, token, "not by the key of certificate 1");
  token.pop_back();
  expect_refused_token(of, token, "evidence was not accepted");
}

TEST_F(Evidence, InAStateThatIsNotToBeTrustedItIsRefused) {
  certify_iak();
  const std::string of = nonce();
  const auto with = [&](const TokenWish& wish) {
    return tls_.request_with_evidence(of, statement(of, wish));
  };
  constexpr std::uint16_t kRefused[] = {0x0000, 0x4000, 0x5000, 0x6000};
  for (const std::uint16_t lifecycle : kRefused) {
    expect_refused(of, with({.lifecycle = lifecycle}), "evidence_refused", "lifecycle");
  }
  expect_refused(of, with({.entropy = 3}), "evidence_refused", "seed");
  const Answer early = send(of, with({.lifecycle = 0x1000}));
  EXPECT_EQ(early.status, 200U) << "assembly and test is when certificates are given: " << early.body;
}

TEST_F(Evidence, ByARevokedOrSuspendedDeviceItIsRefused) {
  const Answer issued = enrol(*station_, iak_);
  ASSERT_EQ(issued.status, 200U);
  const std::string of = nonce();
  const auto operator_client = authority_.client("operator");
  const Answer revoked =
      operator_client->post("/v1/revoke", {{"serial", issued.json().at("serial")}, {"reason", "superseded"}});
  ASSERT_EQ(revoked.status, 200U) << revoked.body;
  expect_refused(of, tls_.request_with_evidence(of, statement(of)), "evidence_refused",
                 "provision that first");
}

TEST_F(Evidence, ATokenRequestCertifiesAnAttestationKeyThatSignsTokensOnly) {
  const std::string of = nonce("iak");
  const Octets token = iak_.token(challenge_for(Statement::token_request, of, iak_.spki()));
  const Octets request = token_request(iak_, token);
  const auto refused = [&](const std::string& profile, const std::string& with, Bytes body) {
    return send(with, body, profile).error();
  };
  EXPECT_EQ(refused("idevid", nonce("idevid"), request), "token_request_refused")
      << "it signs requests itself";
  EXPECT_EQ(refused("iak", of, token_request(outside_, token)), "token_request_refused") << "another key";
  EXPECT_EQ(refused("iak", of, token_request(iak_, iak_.token(Octets(32, 1)))), "token_request_refused");
  const Octets evidence = iak_.token(challenge_for(Statement::evidence, of, iak_.spki()));
  EXPECT_EQ(refused("iak", of, token_request(iak_, evidence)), "token_request_refused");
  const Octets debug =
      iak_.token(challenge_for(Statement::token_request, of, iak_.spki()), {.lifecycle = 0x4000});
  EXPECT_EQ(refused("iak", of, token_request(iak_, debug)), "token_request_refused");
  const Octets other =
      iak_.token(challenge_for(Statement::token_request, of, iak_.spki()), {.instance_id = Unit(9).id()});
  EXPECT_EQ(refused("iak", of, token_request(iak_, other)), "token_request_refused");
  Octets spoilt = request;
  spoilt.back() ^= 1U;
  EXPECT_EQ(refused("iak", of, spoilt), "token_request_refused");
  EXPECT_NE(refused("iak", of, Octets{0xa2, 0x01}), "");
  EXPECT_EQ(authority_.sql("SELECT count(*) FROM certificate"), "0");
  const Answer issued = send(of, request, "iak");
  EXPECT_EQ(issued.status, 200U) << issued.body;
}

}  // namespace
}  // namespace pedigree::testing
