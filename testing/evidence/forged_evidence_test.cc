// SPDX-License-Identifier: Apache-2.0
// A key that was made outside of the secure world tries to get a certificate of a profile that demands
// evidence. Everything that its owner may have is tried: the device's real requests and tokens, tokens that
// the device makes for anybody, and attestation keys of his own.
#include "core/evidence/evidence.h"
#include "testing/authority/evidence_fixture.h"
#include "testing/evidence/sim_unit.h"

namespace pedigree::testing {
namespace {

using ::testing::HasSubstr;

class ForgedEvidence : public OutsideKey {
 protected:
  void SetUp() override {
    ASSERT_EQ(provision(authority_, *station_, unit_, "iak", enrol::Purpose::iak).status, 200U);
    outside_.rename(unit_.id());
    key_ = unit_.begin(enrol::Purpose::tls);
  }
  std::string device_id() const override { return unit_.id(); }
  /// The token in the device's own request for its own key.
  Octets real_token(const std::string& of) {
    const Octets request = unit_.request(key_.slot, of, true);
    const auto parsed = csr::Request::parse(request).value();
    const Bytes token = evidence::find_token(parsed).value();
    return {token.begin(), token.end()};
  }

  SimUnit unit_;
  SimUnit::Key key_;
};

TEST_F(ForgedEvidence, WithoutAny) {
  const std::string of = nonce();
  expect_refused(of, outside_.request(of), "evidence_required", "secure world");
}

TEST_F(ForgedEvidence, StolenFromTheDevicesOwnRequest) {
  const std::string of = nonce();
  expect_refused_token(of, real_token(of), "nonce");
}

TEST_F(ForgedEvidence, OfAnOlderRequest) {
  const std::string old(64, '1');
  const Octets token = real_token(old);
  expect_refused_token(nonce(), token, "nonce");
  const Octets request = unit_.request(key_.slot, old, true);
  expect_refused(nonce(), request, "bad_nonce", "challengePassword");
}

TEST_F(ForgedEvidence, ByAnAttestationKeyOfOnesOwn) {
  const std::string of = nonce();
  Unit own(2);
  own.rename(unit_.id());
  const Octets challenge = challenge_for(evidence::Statement::evidence, of, outside_.spki());
  expect_refused_token(of, own.token(challenge), "not by the key of certificate 1");
  // With a chain of its own beside it: one that ends at another root, and one that another device has.
  const ServedAuthority elsewhere;
  const auto chain = chain_of(enrol(*elsewhere.client("station"), own));
  expect_refused_token(of, own.token(challenge, {.chain = &chain}), "not by the key of certificate 1");
  Unit stranger(4);
  const auto stranger_chain = chain_of(enrol(*station_, stranger));
  expect_refused_token(of, stranger.token(challenge, {.instance_id = unit_.id(), .chain = &stranger_chain}),
                       "not by the key of certificate 1");
}

TEST_F(ForgedEvidence, OfAnotherDevice) {
  const std::string of = nonce();
  SimUnit other;
  ASSERT_EQ(provision(authority_, *station_, other, "iak", enrol::Purpose::iak).status, 200U);
  const auto slot = other.begin(enrol::Purpose::tls).slot;
  const Octets request = other.request(slot, of, true);
  const auto parsed = csr::Request::parse(request).value();
  expect_refused_token(of, evidence::find_token(parsed).value(), "not by the key of certificate 1");
}

TEST_F(ForgedEvidence, MadeByTheDeviceForAnybodyWhoAsks) {
  const std::string of = nonce();
  const Octets challenge = challenge_for(evidence::Statement::evidence, of, outside_.spki());
  EXPECT_FALSE(unit_.attest(challenge)) << "the device makes no such token";
  const Sha256 digest = host_crypto().sha256(challenge).value();
  const auto token = unit_.attest(digest);
  ASSERT_TRUE(token);
  expect_refused_token(of, *token, "nonce");
}

TEST_F(ForgedEvidence, WithAnOctetChangedAnywhereNearTheChallenge) {
  const std::string of = nonce();
  const Octets token = real_token(of);
  const Octets good = challenge_for(evidence::Statement::evidence, of, key_.spki);
  const auto at = std::search(token.begin(), token.end(), good.begin(), good.end());
  ASSERT_NE(at, token.end());
  // The challenge that would be right for the outside key, under the device's signature over another one.
  Octets moved = token;
  const Octets wanted = challenge_for(evidence::Statement::evidence, of, outside_.spki());
  std::ranges::copy(wanted, moved.begin() + (at - token.begin()));
  expect_refused_token(of, moved, "not by the key of certificate 1");
  Octets cut = token;
  cut.pop_back();
  expect_refused_token(of, cut, "");
}

/// A device in software with a certified attestation key: what a real one would never sign, or only in a
/// state in which it should not get certificates.
TEST_F(ForgedEvidence, InAStateThatIsNotToBeTrusted) {
  Unit made_of_software(7);
  ASSERT_EQ(enrol(*station_, made_of_software).status, 200U);
  Unit tls(8);
  tls.rename(made_of_software.id());
  const std::string of = nonce_for(*station_, tls.id(), "tls-client");
  const Octets challenge = challenge_for(evidence::Statement::evidence, of, tls.spki());
  const auto post = [&](const TokenWish& wish) {
    const Octets request = tls.request_with_evidence(of, made_of_software.token(challenge, wish));
    return station_->post("/v1/enrol", enrol_body(tls.id(), "tls-client", of, request));
  };
  EXPECT_THAT(post({.lifecycle = 0x4000}).body, HasSubstr("lifecycle"));
  EXPECT_THAT(post({.lifecycle = 0x6000}).body, HasSubstr("lifecycle"));
  EXPECT_THAT(post({.client_id = -1}).body, HasSubstr("non-secure side"));
  EXPECT_THAT(post({.entropy = 3}).body, HasSubstr("seed"));
  EXPECT_EQ(post({.instance_id = unit_.id()}).error(), "evidence_refused");
  ASSERT_EQ(authority_.sql("SELECT count(*) FROM certificate WHERE profile = 'tls-client'"), "0");
  EXPECT_EQ(post({}).status, 200U) << "the same with nothing wrong";
}

}  // namespace
}  // namespace pedigree::testing
