// SPDX-License-Identifier: Apache-2.0
// Tokens of real devices, certified by a real authority, before a verifier that asks that authority's
// registry: each reason to refuse one.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <ctime>

#include "core/x509/oids.h"
#include "server/app/app.h"
#include "server/app/files.h"
#include "server/store/registry_status.h"
#include "testing/authority/authority.h"
#include "testing/station/plant.h"
#include "testing/verifier/fleet.h"
#include "verifier/replay_guard.h"
#include "verifier/verifier.h"

namespace pedigree::testing {
namespace {

namespace json = boost::json;
using verifier::Appraisal;
using verifier::CheckKind;
using verifier::Level;
using verifier::Policy;
using verifier::Verifier;

constexpr der::UnixTime kDay = 86400;

/// Devices by what becomes of them. The last is certified by "acme", which is revoked; the others by
/// "vendor".
enum Device : unsigned { kGood, kSuspended, kRevoked, kUnderRevoked, kDevices };

der::UnixTime now() {
  return std::time(nullptr);
}

class VerifiedDevice : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    plant_ = new Plant();
    plant_->start_authority();
    plant_->start_devices(kDevices);
    for (unsigned device = 0; device < kDevices; ++device) {
      succeed(plant_->provision(
          device, {"--profile", "iak", "--issuer", device == kUnderRevoked ? "acme" : "vendor"}));
    }
    plant_->start_devices(kDevices, {"--lifecycle", "secured"});
    post("/v1/devices/" + plant_->id(kSuspended) + "/state", {{"state", "suspended"}, {"why", "a test"}});
    post("/v1/revoke", {{"serial", plant_->registered(plant_->id(kRevoked)).certificates.at(0).serial},
                        {"reason", "keyCompromise"},
                        {"why", "a test"}});
    post("/v1/issuers/acme/revoke", {{"reason", "cACompromise"}, {"why", "a test"}});
  }
  static void TearDownTestSuite() { delete plant_; }

  static void succeed(const std::vector<std::string>& command) {
    const CommandResult result = run(command);
    if (result.status != 0) throw std::runtime_error(result.output);
  }
  static void post(const std::string& target, const json::object& body) {
    const auto authority = app::LocalAuthority::open(plant_->path("ca"));
    if (!authority) throw std::runtime_error(authority.error().detail);
    const auto answer = (*authority)->call(http::Method::post, target, json::serialize(body), "operator");
    if (answer.status != 200) throw std::runtime_error(answer.body);
  }

  /// What the device answers to this nonce.
  static Octets token(unsigned device, const Octets& nonce, bool chain = true) {
    const std::string file = plant_->path("token");
    std::vector<std::string> command{program(), "attest",   "--udp", plant_->address(device),
                                     "--nonce", hex(nonce), "--out", file};
    if (!chain) command.emplace_back("--no-chain");
    succeed(command);
    return read_file(file);
  }
  static app::Layout layout() { return {plant_->path("ca")}; }
  static std::unique_ptr<store::RegistryStatus> registry(const std::filesystem::path& database) {
    std::vector<store::StatusIssuer> issuers;
    for (const char* name : {"vendor", "acme"}) {
      issuers.push_back({name, app::read_certificate(layout().issuer_certificate(name)).value()});
    }
    return store::RegistryStatus::open({.file = database}, issuers).value();
  }
  static Policy policy() {
    Policy made;
    made.roots = {app::read_certificate(layout().root_certificate()).value()};
    return made;
  }
  static std::string outcome(const Appraisal& appraisal) {
    const verifier::Check* reason = appraisal.reason();
    std::string text(name(appraisal.verdict));
    if (reason != nullptr) {
      text += ": " + std::string(reason->code ? pedigree::name(*reason->code) : "no code") + " in " +
              std::string(name(reason->kind));
    }
    return text;
  }
  /// Asks the device and appraises what it answers.
  std::string asked(unsigned device, const Policy& accepted, der::UnixTime at = now()) const {
    const Octets answer = token(device, nonce_);
    const Verifier verifier(Fleet::crypto(), accepted, {registry_.get()});
    return outcome(verifier.appraise({.token = answer, .nonce = nonce_}, at));
  }

  static Plant* plant_;
  const Octets nonce_ = Octets(32, 0x2a);
  std::unique_ptr<store::RegistryStatus> registry_ = registry(layout().database());
};
Plant* VerifiedDevice::plant_ = nullptr;

TEST_F(VerifiedDevice, IsTrusted) {
  const Octets answer = token(kGood, nonce_);
  const Verifier verifier(Fleet::crypto(), policy(), {registry_.get()});
  const Appraisal appraisal = verifier.appraise({.token = answer, .nonce = nonce_}, now());
  EXPECT_EQ(outcome(appraisal), "trusted");
  EXPECT_EQ(hex(*appraisal.device_id), plant_->id(kGood));
  EXPECT_EQ(appraisal.device_state, "active");
  EXPECT_EQ(appraisal.check(CheckKind::revocation).outcome, verifier::Outcome::ok);
  EXPECT_EQ(outcome(verifier.appraise({.token = answer, .nonce = nonce_}, now())), "trusted") << "again";
}

TEST_F(VerifiedDevice, OutOfTime) {
  EXPECT_EQ(asked(kGood, policy(), now() + 30 * 365 * kDay), "rejected: expired in validity");
  EXPECT_EQ(asked(kGood, policy(), now() - 30 * kDay), "rejected: not_yet_valid in validity");
}

TEST_F(VerifiedDevice, Revoked) {
  EXPECT_EQ(asked(kRevoked, policy()), "rejected: revoked in revocation");
  EXPECT_EQ(asked(kUnderRevoked, policy()), "rejected: issuer_revoked in revocation");
}

TEST_F(VerifiedDevice, UnknownOrSuspended) {
  EXPECT_EQ(asked(kSuspended, policy()), "rejected: device_suspended in registry");
  const AuthorityFolder other;
  const auto opened = app::LocalAuthority::open(other.path());
  ASSERT_TRUE(opened);
  const auto stranger = registry(other.layout().database());
  Policy lenient = policy();
  lenient.unknown_revocation = Level::ignore;
  const Octets answer = token(kGood, nonce_);
  const Verifier verifier(Fleet::crypto(), lenient, {stranger.get()});
  EXPECT_EQ(outcome(verifier.appraise({.token = answer, .nonce = nonce_}, now())),
            "rejected: unknown_device in registry");
}

TEST_F(VerifiedDevice, OldOrForeignAnswers) {
  const Verifier verifier(Fleet::crypto(), policy(), {registry_.get()});
  const Octets answer = token(kGood, nonce_);
  const Octets other(32, 0x2b);
  EXPECT_EQ(outcome(verifier.appraise({.token = answer, .nonce = other}, now())),
            "rejected: wrong_nonce in freshness");
  verifier::ReplayGuard guard(100, 60);
  const verifier::Evidence evidence{.token = answer, .nonce = nonce_, .replay = &guard};
  EXPECT_EQ(outcome(verifier.appraise(evidence, now())), "trusted");
  EXPECT_EQ(outcome(verifier.appraise(evidence, now())), "rejected: replayed in freshness");
}

TEST_F(VerifiedDevice, UnderAnotherName) {
  // A careless authority certifies the device's own key for another device.
  const Octets chained = token(kGood, nonce_);
  const Verifier trusting(Fleet::crypto(), policy(), {});
  const Appraisal honest = trusting.appraise({.token = chained, .nonce = nonce_}, now());
  ASSERT_FALSE(honest.attested_key.empty());
  const Fleet careless;
  const FleetDevice victim = careless.device(7);
  Holder subject = Fleet::holder(victim.holder().name);
  subject.spki = honest.attested_key;
  HolderSpec spec;
  spec.purpose.assign(x509::oid::kAttestationKey.begin(), x509::oid::kAttestationKey.end());
  Fleet::certify(subject, careless.oem(), spec);
  const std::vector<Bytes> chain{subject.certificate, careless.oem().certificate,
                                 careless.vendor().certificate};
  Policy accepted = policy();
  accepted.roots = {careless.root().certificate};
  accepted.unknown_revocation = Level::ignore;
  const Octets answer = token(kGood, nonce_, false);
  EXPECT_EQ(outcome(Verifier(Fleet::crypto(), accepted)
                        .appraise({.token = answer, .chain = chain, .nonce = nonce_}, kFleetNow)),
            "rejected: wrong_instance_id in identity");
}

TEST_F(VerifiedDevice, ChainsAndKeysThatNobodyTrusts) {
  const Octets chained = token(kGood, nonce_);
  const Octets bare = token(kGood, nonce_, false);
  Policy foreign;
  foreign.roots = {Fleet("Another Root").root().certificate};
  EXPECT_EQ(outcome(Verifier(Fleet::crypto(), foreign).appraise({.token = chained, .nonce = nonce_}, now())),
            "rejected: untrusted_root in chain");
  const Verifier verifier(Fleet::crypto(), policy(), {registry_.get()});
  EXPECT_EQ(outcome(verifier.appraise({.token = bare, .nonce = nonce_}, now())),
            "rejected: unknown_key in signature");
  Octets forged = chained;
  forged.back() ^= 1U;
  EXPECT_EQ(outcome(verifier.appraise({.token = forged, .nonce = nonce_}, now())),
            "rejected: invalid_signature in signature");
  for (std::size_t size = 0; size < chained.size(); size += 37) {
    const Octets cut(chained.begin(), chained.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(outcome(verifier.appraise({.token = cut, .nonce = nonce_}, now())),
              "rejected: truncated in structure");
  }
}

TEST_F(VerifiedDevice, SoftwareThatIsNotAllowed) {
  const Octets answer = token(kGood, nonce_);
  const Verifier plain(Fleet::crypto(), policy(), {registry_.get()});
  const Appraisal appraisal = plain.appraise({.token = answer, .nonce = nonce_}, now());
  ASSERT_TRUE(appraisal.claims);
  Reader in(appraisal.claims->software_components);
  const auto component = psa_token::read_component(in);
  ASSERT_TRUE(component);
  verifier::ReferenceImplementation known;
  std::ranges::copy(appraisal.claims->implementation_id, known.implementation_id.begin());
  known.vendor = "Example Silicon";
  known.model = "simulated device";
  verifier::ReferenceComponent allowed;
  allowed.measurement_type = component->measurement_type;
  allowed.measurement_value.assign(component->measurement_value.begin(), component->measurement_value.end());
  const auto with = [&](const verifier::ReferenceComponent& reference) {
    auto implementation = known;
    implementation.components = {reference};
    Policy accepted = policy();
    accepted.reference.add(std::move(implementation));
    return outcome(Verifier(Fleet::crypto(), std::move(accepted), {registry_.get()})
                       .appraise({.token = answer, .nonce = nonce_}, now()));
  };
  EXPECT_EQ(with(allowed), "trusted");
  allowed.measurement_value[0] ^= 1U;
  EXPECT_EQ(with(allowed), "rejected: reference_mismatch in reference");
}

TEST_F(VerifiedDevice, BeingDebugged) {
  // Of its own plant: a lifecycle does not go back.
  Plant plant;
  plant.start_authority();
  plant.start_devices(1);
  succeed(plant.provision(0, {"--profile", "iak", "--issuer", "vendor"}));
  plant.start_devices(1, {"--lifecycle", "debug"});
  const std::string file = plant.path("token");
  succeed({program(), "attest", "--udp", plant.address(), "--nonce", hex(nonce_), "--out", file});
  Policy accepted;
  accepted.roots = {app::read_certificate(app::Layout{plant.path("ca")}.root_certificate()).value()};
  accepted.unknown_revocation = Level::ignore;
  const Octets answer = read_file(file);
  EXPECT_EQ(outcome(Verifier(Fleet::crypto(), accepted).appraise({.token = answer, .nonce = nonce_}, now())),
            "rejected: lifecycle_refused in lifecycle");
}

}  // namespace
}  // namespace pedigree::testing
