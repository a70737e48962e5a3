// SPDX-License-Identifier: Apache-2.0
// The appraisal over tokens made here: every check, each way to fail, and what is remembered.
#include "verifier/verifier.h"

#include <gtest/gtest.h>

#include "core/x509/oids.h"
#include "testing/verifier/fleet.h"
#include "verifier/replay_guard.h"
#include "verifier/status.h"

namespace pedigree::verifier {
namespace {

using testing::Fleet;
using testing::FleetDevice;
using testing::HolderSpec;
using testing::kFleetNow;
using testing::Octets;

const Octets kNonce(32, 0x4e);

const Fleet& fleet() {
  static const Fleet made;
  return made;
}

Octets attestation() {
  return {x509::oid::kAttestationKey.begin(), x509::oid::kAttestationKey.end()};
}

HolderSpec leaf(der::UnixTime not_before = kFleetNow - 86400,
                der::UnixTime not_after = der::kNoWellDefinedExpiration) {
  HolderSpec spec;
  spec.not_before = not_before;
  spec.not_after = not_after;
  spec.purpose = attestation();
  return spec;
}

/// Trusts the fleet's root and asks nobody.
Policy policy() {
  Policy made;
  made.roots = {fleet().root().certificate};
  made.unknown_revocation = Level::ignore;
  return made;
}

/// Answers as it is told, and counts how often it was asked.
class TestSource final : public StatusSource {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "registry"; }
  [[nodiscard]] std::uint64_t generation() const noexcept override { return number; }
  [[nodiscard]] CertificateStatus certificate(const x509::Certificate& certificate, const x509::Certificate&,
                                              der::UnixTime) const override {
    ++asked;
    if (equal(certificate.der(), revoked)) {
      return {CertificateStatus::State::revoked, Revocation{kFleetNow - 60, 1}};
    }
    return {state, {}, fresh_until};
  }
  [[nodiscard]] DeviceStatus device(Bytes, der::UnixTime) const override { return standing; }

  std::uint64_t number = 1;
  Octets revoked;
  CertificateStatus::State state = CertificateStatus::State::good;
  der::UnixTime fresh_until = der::kNoWellDefinedExpiration;
  DeviceStatus standing{DeviceStatus::State::known, "active", kFleetNow - 86400};
  mutable unsigned asked = 0;
};

/// Why an appraisal ends as it does: "rejected: wrong_nonce in freshness", or "trusted".
std::string outcome(const Appraisal& appraisal) {
  std::string text(name(appraisal.verdict));
  const Check* reason = appraisal.reason();
  if (reason == nullptr) return text;
  EXPECT_FALSE(sentence(appraisal, *reason).empty());
  text += ": " + std::string(reason->code ? pedigree::name(*reason->code) : "no code") + " in " +
          std::string(name(reason->kind));
  return reason->where == 0 ? text : text + " at " + std::to_string(reason->where);
}

std::string outcome_of_token(const Verifier& verifier, const FleetDevice& device,
                             const testing::TokenSpec& spec = {}, Bytes nonce = kNonce,
                             der::UnixTime now = kFleetNow) {
  const Octets token = device.token(spec);
  return outcome(verifier.appraise({.token = token, .nonce = nonce}, now));
}

const FleetDevice& device() {
  static const FleetDevice made = fleet().device(1);
  return made;
}

TEST(Verifier, TrustsAndSaysWhatItLookedAt) {
  const TestSource source;
  const Verifier verifier(Fleet::crypto(), policy(), {&source});
  const Octets token = device().token();
  const Appraisal appraisal = verifier.appraise({.token = token, .nonce = kNonce}, kFleetNow);
  EXPECT_EQ(outcome(appraisal), "trusted");
  for (const Check& check : appraisal.checks) {
    const bool asked = check.kind != CheckKind::reference;
    EXPECT_EQ(check.outcome, asked ? Outcome::ok : Outcome::skipped) << name(check.kind);
  }
  EXPECT_EQ(sentence(appraisal, appraisal.check(CheckKind::chain)),
            "Example Silicon Root CA > Example Silicon Device CA > Acme Devices CA > 0100..5a");
  EXPECT_EQ(sentence(appraisal, appraisal.check(CheckKind::signature)),
            "ES256 by the certified attestation key");
  EXPECT_EQ(sentence(appraisal, appraisal.check(CheckKind::registry)), "active since 2026-11-23T00:00:00Z");
  EXPECT_EQ(appraisal.key_source, KeySource::chain);
  EXPECT_TRUE(equal(appraisal.attested_key, device().holder().spki));
  ASSERT_TRUE(appraisal.device_id);
  EXPECT_TRUE(equal(*appraisal.device_id, device().id()));
}

TEST(Verifier, TakesTheChainBesideTheToken) {
  const Verifier verifier(Fleet::crypto(), policy());
  const Octets token = device().token({.with_chain = false});
  const auto chain = device().views();
  EXPECT_EQ(outcome(verifier.appraise({.token = token, .chain = chain, .nonce = kNonce}, kFleetNow)),
            "trusted");
  EXPECT_EQ(outcome(verifier.appraise({.token = token, .nonce = kNonce}, kFleetNow)),
            "rejected: unknown_key in signature");
}

TEST(Verifier, TakesARawKeyOfThePolicy) {
  Policy raw = policy();
  raw.raw_keys = {fleet().root().spki, device().holder().spki};
  const Verifier verifier(Fleet::crypto(), raw);
  EXPECT_EQ(outcome_of_token(verifier, device(), {.with_chain = false}), "trusted");
  EXPECT_EQ(outcome_of_token(verifier, fleet().device(2), {.with_chain = false}),
            "rejected: invalid_signature in signature");
}

TEST(Verifier, TrustsARootByItsKeyWhereTheChainHoldsIt) {
  Policy by_key = policy();
  by_key.roots.clear();
  by_key.root_spki_sha256 = {*Fleet::crypto().sha256(fleet().root().spki)};
  const Verifier verifier(Fleet::crypto(), by_key);
  const Octets token = device().token({.with_chain = false});
  auto chain = device().views();
  EXPECT_EQ(outcome(verifier.appraise({.token = token, .chain = chain, .nonce = kNonce}, kFleetNow)),
            "rejected: untrusted_root in chain at 2");
  chain.emplace_back(fleet().root().certificate);
  EXPECT_EQ(outcome(verifier.appraise({.token = token, .chain = chain, .nonce = kNonce}, kFleetNow)),
            "trusted");
}

TEST(Verifier, NamesTheCertificateThatIsOutOfTime) {
  const Verifier verifier(Fleet::crypto(), policy());
  const auto past = leaf(kFleetNow - 100, kFleetNow - 1);
  const auto future = leaf(kFleetNow + 1);
  EXPECT_EQ(outcome_of_token(verifier, fleet().device(3, past)), "rejected: expired in validity");
  EXPECT_EQ(outcome_of_token(verifier, fleet().device(3, future)), "rejected: not_yet_valid in validity");
  EXPECT_EQ(outcome_of_token(verifier, fleet().device_under(past, leaf())),
            "rejected: expired in validity at 1");
  EXPECT_EQ(outcome_of_token(verifier, fleet().device_under(future, leaf())),
            "rejected: not_yet_valid in validity at 1");
}

TEST(Verifier, AnExpiredChainIsNotRemembered) {
  const Verifier verifier(Fleet::crypto(), policy());
  const FleetDevice brief = fleet().device(4, leaf(kFleetNow - 100, kFleetNow + 100));
  EXPECT_EQ(outcome_of_token(verifier, brief), "trusted");
  EXPECT_EQ(outcome_of_token(verifier, brief, {}, kNonce, kFleetNow + 100), "trusted");
  EXPECT_EQ(outcome_of_token(verifier, brief, {}, kNonce, kFleetNow + 101), "rejected: expired in validity");
  EXPECT_EQ(outcome_of_token(verifier, brief, {}, kNonce, kFleetNow - 101),
            "rejected: not_yet_valid in validity");
  EXPECT_EQ(outcome_of_token(verifier, brief), "trusted");
}

TEST(Verifier, RevocationIsSeenOnceTheSourceChanges) {
  TestSource source;
  const Verifier verifier(Fleet::crypto(), policy(), {&source});
  EXPECT_EQ(outcome_of_token(verifier, device()), "trusted");
  EXPECT_EQ(source.asked, 3U);
  EXPECT_EQ(outcome_of_token(verifier, device()), "trusted");
  EXPECT_EQ(source.asked, 3U) << "a returning device asks nobody again";
  source.revoked = device().holder().certificate;
  ++source.number;
  EXPECT_EQ(outcome_of_token(verifier, device()), "rejected: revoked in revocation");
  source.revoked = fleet().oem().certificate;
  ++source.number;
  EXPECT_EQ(outcome_of_token(verifier, device()), "rejected: issuer_revoked in revocation at 1");
  source.revoked.clear();
  ++source.number;
  EXPECT_EQ(outcome_of_token(verifier, device()), "trusted");
}

TEST(Verifier, AnAnswerIsAskedAgainWhenItIsStale) {
  TestSource source;
  source.fresh_until = kFleetNow + 10;
  const Verifier verifier(Fleet::crypto(), policy(), {&source});
  EXPECT_EQ(outcome_of_token(verifier, device()), "trusted");
  source.state = CertificateStatus::State::stale;
  EXPECT_EQ(outcome_of_token(verifier, device(), {}, kNonce, kFleetNow + 10), "trusted");
  Policy strict = policy();
  strict.unknown_revocation = Level::reject;
  const Verifier other(Fleet::crypto(), strict, {&source});
  EXPECT_EQ(outcome_of_token(other, device()), "rejected: status_stale in revocation");
  source.state = CertificateStatus::State::unknown;
  EXPECT_EQ(outcome_of_token(other, device()), "rejected: status_unknown in revocation");
  source.state = CertificateStatus::State::good;
  EXPECT_EQ(outcome_of_token(other, device()), "trusted") << "not knowing is not remembered";
}

TEST(Verifier, WarnsWhereNobodyTellsOfRevocation) {
  Policy plain = policy();
  plain.unknown_revocation = Policy{}.unknown_revocation;
  const Verifier verifier(Fleet::crypto(), plain);
  EXPECT_EQ(outcome_of_token(verifier, device()), "warning: status_unknown in revocation");
}

TEST(Verifier, AsksForTheDevicesStanding) {
  TestSource source;
  const Verifier verifier(Fleet::crypto(), policy(), {&source});
  const auto with = [&](DeviceStatus::State state) {
    source.standing.state = state;
    ++source.number;
    return outcome_of_token(verifier, device());
  };
  EXPECT_EQ(with(DeviceStatus::State::unknown), "rejected: unknown_device in registry");
  EXPECT_EQ(with(DeviceStatus::State::suspended), "rejected: device_suspended in registry");
  EXPECT_EQ(with(DeviceStatus::State::revoked), "rejected: device_revoked in registry");
  EXPECT_EQ(with(DeviceStatus::State::retired), "rejected: retired in registry");
  EXPECT_EQ(with(DeviceStatus::State::known), "trusted");
  EXPECT_EQ(with(DeviceStatus::State::unknown), "rejected: unknown_device in registry");
  source.standing.state = DeviceStatus::State::known;
  EXPECT_EQ(outcome_of_token(verifier, device()), "trusted") << "not knowing is not remembered";
}

TEST(Verifier, ComparesTheNonce) {
  const Verifier verifier(Fleet::crypto(), policy());
  const Octets other(32, 0x4f);
  const Octets shorter(31, 0x4e);
  EXPECT_EQ(outcome_of_token(verifier, device(), {}, other), "rejected: wrong_nonce in freshness");
  EXPECT_EQ(outcome_of_token(verifier, device(), {}, shorter), "rejected: wrong_nonce in freshness");
  EXPECT_EQ(outcome_of_token(verifier, device(), {}, {}), "rejected: nonce_missing in freshness");
  Policy any = policy();
  any.nonce_required = false;
  const Verifier lenient(Fleet::crypto(), any);
  EXPECT_EQ(outcome_of_token(lenient, device(), {}, {}), "trusted");
}

TEST(Verifier, RefusesAReplay) {
  const Verifier verifier(Fleet::crypto(), policy());
  ReplayGuard guard(2, 60);
  const Octets token = device().token();
  const Octets unchained = device().token({.with_chain = false});
  const auto chain = device().views();
  const auto at = [&](der::UnixTime now) {
    return outcome(verifier.appraise({.token = token, .nonce = kNonce, .replay = &guard}, now));
  };
  EXPECT_EQ(at(kFleetNow), "trusted");
  EXPECT_EQ(at(kFleetNow + 60), "rejected: replayed in freshness");
  EXPECT_EQ(outcome(verifier.appraise({.token = unchained, .chain = chain, .nonce = kNonce, .replay = &guard},
                                      kFleetNow)),
            "rejected: replayed in freshness")
      << "the same claims in another message";
  EXPECT_EQ(at(kFleetNow + 61), "trusted") << "forgotten in time";
}

TEST(Verifier, ARejectedTokenMayBeShownAgain) {
  TestSource source;
  source.standing.state = DeviceStatus::State::suspended;
  const Verifier verifier(Fleet::crypto(), policy(), {&source});
  ReplayGuard guard(2, 60);
  const Octets token = device().token();
  const Evidence evidence{.token = token, .nonce = kNonce, .replay = &guard};
  EXPECT_EQ(outcome(verifier.appraise(evidence, kFleetNow)), "rejected: device_suspended in registry");
  source.standing.state = DeviceStatus::State::known;
  ++source.number;
  EXPECT_EQ(outcome(verifier.appraise(evidence, kFleetNow)), "trusted");
}

TEST(Verifier, ChecksWhatTheTokenSaysOfTheDevice) {
  const Verifier verifier(Fleet::crypto(), policy());
  EXPECT_EQ(outcome_of_token(verifier, device(), {.instance_id = fleet().device(9).id()}),
            "rejected: wrong_instance_id in identity");
  EXPECT_EQ(outcome_of_token(verifier, device(), {.lifecycle = 0x4000}),
            "rejected: lifecycle_refused in lifecycle at 16384");
  EXPECT_EQ(outcome_of_token(verifier, device(), {.lifecycle = 0x3001}), "trusted");
  EXPECT_EQ(outcome_of_token(verifier, device(), {.entropy = 3}), "rejected: fixed_entropy in test_key");
  EXPECT_EQ(outcome_of_token(verifier, device(), {.entropy = 2}), "trusted");
  Policy old = policy();
  old.profiles = {psa_token::Profile::psa_iot_1};
  EXPECT_EQ(outcome_of_token(Verifier(Fleet::crypto(), old), device()),
            "rejected: profile_refused in profile");
}

TEST(Verifier, RefusesForeignAndForgedChains) {
  const Verifier verifier(Fleet::crypto(), policy());
  EXPECT_EQ(outcome_of_token(verifier, Fleet("Another Root CA").device(1)),
            "rejected: untrusted_root in chain at 2");
  EXPECT_EQ(outcome_of_token(verifier, Fleet().device(1)), "rejected: key_identifier_mismatch in chain at 2")
      << "a root of the same name";
  const Octets token = device().token({.with_chain = false});
  std::vector<Octets> forged = device().chain();
  forged[1].back() ^= 1U;
  const std::vector<Bytes> chain(forged.begin(), forged.end());
  EXPECT_EQ(outcome(verifier.appraise({.token = token, .chain = chain, .nonce = kNonce}, kFleetNow)),
            "rejected: invalid_signature in chain at 1");
  const Octets cut(forged[2].begin(), forged[2].end() - 1);
  const std::vector<Bytes> malformed{chain[0], chain[1], cut};
  EXPECT_EQ(outcome(verifier.appraise({.token = token, .chain = malformed, .nonce = kNonce}, kFleetNow)),
            "rejected: truncated in chain at 2");
}

TEST(Verifier, RefusesAWrongSignature) {
  const Verifier verifier(Fleet::crypto(), policy());
  Octets token = device().token();
  token.back() ^= 1U;
  EXPECT_EQ(outcome(verifier.appraise({.token = token, .nonce = kNonce}, kFleetNow)),
            "rejected: invalid_signature in signature");
  const Octets honest = device().token({.with_chain = false});
  const auto others = fleet().device(8).chain();
  const std::vector<Bytes> chain(others.begin(), others.end());
  EXPECT_EQ(outcome(verifier.appraise({.token = honest, .chain = chain, .nonce = kNonce}, kFleetNow)),
            "rejected: invalid_signature in signature")
      << "another device's chain";
}

TEST(Verifier, NamesThePlaceWhereATokenIsMalformed) {
  const Verifier verifier(Fleet::crypto(), policy());
  const auto of = [&](const Octets& token) {
    const Appraisal appraisal = verifier.appraise({.token = token, .nonce = kNonce}, kFleetNow);
    for (std::size_t i = 1; i < kCheckKinds; ++i) EXPECT_EQ(appraisal.checks[i].outcome, Outcome::skipped);
    return outcome(appraisal);
  };
  EXPECT_EQ(of({}), "rejected: truncated in structure");
  EXPECT_EQ(of({0x01}), "rejected: bad_tag in structure");
  Octets longer = device().token();
  const auto size = std::to_string(longer.size());
  longer.push_back(0);
  EXPECT_EQ(of(longer), "rejected: trailing_data in structure at " + size);
  const Octets no_claims = device().sign(Octets{0xa0});
  EXPECT_TRUE(of(no_claims).starts_with("rejected: missing_field in structure at ")) << of(no_claims);
  EXPECT_EQ(of(Octets(kMaxEvidence + 1)), "rejected: too_long in structure");
}

TEST(Verifier, AKeyForOtherUsesAttestsNothing) {
  const Verifier verifier(Fleet::crypto(), policy());
  EXPECT_EQ(outcome_of_token(verifier, fleet().data_device(5)), "rejected: eku_forbids in chain");
  HolderSpec silent = leaf();
  silent.purpose.clear();
  EXPECT_EQ(outcome_of_token(verifier, fleet().device(5, silent)), "rejected: purpose_not_stated in chain");
  Policy lenient = policy();
  lenient.purpose_not_stated = Level::ignore;
  EXPECT_EQ(outcome_of_token(Verifier(Fleet::crypto(), lenient), fleet().device(5, silent)), "trusted");
}

TEST(Verifier, VerifiesSignedData) {
  const Verifier verifier(Fleet::crypto(), policy());
  const FleetDevice sensor = fleet().data_device(6);
  const Octets payload{'2', '1', '.', '5'};
  Octets packet = sensor.sign(payload);
  const Appraisal appraisal = verifier.verify_data({.message = packet}, kFleetNow);
  EXPECT_EQ(outcome(appraisal), "trusted");
  EXPECT_TRUE(equal(appraisal.payload, payload));
  EXPECT_TRUE(equal(*appraisal.device_id, sensor.id()));
  packet.back() ^= 1U;
  EXPECT_EQ(outcome(verifier.verify_data({.message = packet}, kFleetNow)),
            "rejected: invalid_signature in signature");
  const Octets token = device().token();
  EXPECT_EQ(outcome(verifier.verify_data({.message = token}, kFleetNow)), "rejected: eku_forbids in chain")
      << "an attestation key signs tokens, and no data";
}

TEST(Verifier, KnowsPublishedTestKeys) {
  Policy raw = policy();
  const auto vectors = testing::vectors_dir();
  if (!vectors) GTEST_SKIP() << "skipped: no vectors";
  const auto token = testing::read_file(*vectors / "psatoken/tf-m/psa-2_0_0_sign1.bin");
  const auto keys =
      testing::pem_ders(testing::read_text(*vectors / "psatoken/tf-m/public.pem"), "PUBLIC KEY");
  raw.raw_keys = keys;
  raw.nonce_required = false;
  const Verifier verifier(Fleet::crypto(), raw);
  EXPECT_EQ(outcome(verifier.appraise({.token = token}, kFleetNow)), "rejected: test_key in test_key");
}

}  // namespace
}  // namespace pedigree::verifier
