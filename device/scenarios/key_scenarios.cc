// SPDX-License-Identifier: Apache-2.0
// Keys, requests, and who may do what with them.
#include "core/csr/csr.h"
#include "core/enrol/entropy.h"
#include "core/x509/oids.h"
#include "device/scenarios/stage.h"

namespace pedigree::scenarios {
namespace {

using enrol::Origin;
using enrol::Purpose;
using enrol::SlotState;

constexpr std::array<std::uint8_t, 32> kDigest{1, 2, 3, 4, 5, 6, 7, 8};

SlotState state_of(const pedigree_slot_info_t& slot) noexcept {
  return static_cast<SlotState>(slot.state);
}

void a_new_device_has_an_identity_and_nothing_else(Stage& stage) noexcept {
  const pedigree_info_t info = stage.info();
  PEDIGREE_EXPECT(stage, info.device_id[0] == 1);
  PEDIGREE_EXPECT(stage, equal(info.device_id, stage.port.platform().device_id));
  PEDIGREE_EXPECT(stage, info.slots_used == 0);
  PEDIGREE_EXPECT(stage, info.root_pinned == 0);
  PEDIGREE_EXPECT(stage, info.entropy == static_cast<std::uint8_t>(stage.port.platform().entropy));
}

void a_pending_key_is_returned_never_made_again(Stage& stage) noexcept {
  const Key first = stage.begin(0, Purpose::tls);
  PEDIGREE_REQUIRE(stage, first.status == 0);
  PEDIGREE_EXPECT(stage, first.response.reused == 0);
  const Key again = stage.begin(0, Purpose::tls);
  PEDIGREE_EXPECT(stage, again.response.reused == 1);
  PEDIGREE_EXPECT(stage, equal(again.spki(), first.spki()));
  stage.port.boot();
  const Key later = stage.begin(first.response.slot, Purpose::tls);
  PEDIGREE_EXPECT(stage, equal(later.spki(), first.spki()));
  PEDIGREE_EXPECT(stage,
                  stage.begin(first.response.slot, Purpose::data).status == status(ErrorCode::slot_busy));
}

void every_slot_gets_a_key_of_its_own(Stage& stage) noexcept {
  std::array<Key, 3> keys{};
  for (std::uint32_t i = 0; i < keys.size(); ++i) {
    keys[i] = stage.begin(i + 1, Purpose::data);
    PEDIGREE_REQUIRE(stage, keys[i].status == 0);
    for (std::uint32_t j = 0; j < i; ++j) PEDIGREE_EXPECT(stage, !equal(keys[j].spki(), keys[i].spki()));
  }
  PEDIGREE_EXPECT(stage, stage.info().slots_used == 3);
  PEDIGREE_EXPECT(stage, pedigree_destroy(stage.port.handle(), 2) == 0);
  PEDIGREE_EXPECT(stage, stage.info().slots_used == 2);
  PEDIGREE_EXPECT(stage, !equal(stage.begin(2, Purpose::data).spki(), keys[1].spki()));
}

void the_request_is_what_the_authority_needs(Stage& stage) noexcept {
  const Key key = stage.begin(1, Purpose::iak);
  PEDIGREE_REQUIRE(stage, key.status == 0);
  const auto der = stage.csr(1, 0xa5);
  PEDIGREE_REQUIRE(stage, der.status == 0);
  const auto request = csr::Request::parse(der.view());
  PEDIGREE_REQUIRE(stage, request.has_value());
  PEDIGREE_EXPECT(stage, request->verify(stage.crypto).has_value());
  PEDIGREE_EXPECT(stage, equal(request->spki().whole, key.spki()));
  PEDIGREE_EXPECT(stage, request->challenge_password().size() == 64);
  PEDIGREE_EXPECT(stage, std::ranges::all_of(as_text(request->challenge_password()).substr(0, 2),
                                             [](char c) { return c == 'a' || c == '5'; }));
  const Bytes serial = x509::find_attribute(request->subject(), x509::oid::kSerialNumber);
  PEDIGREE_EXPECT(stage, serial.size() == 66 && serial[0] == '0' && serial[1] == '1');
  const auto entropy = enrol::read_entropy(request->find_attribute(enrol::kEntropyAttribute));
  PEDIGREE_EXPECT(stage, entropy && *entropy == stage.port.platform().entropy);
  PEDIGREE_EXPECT(stage, equal(stage.csr(1, 0xa5).view(), der.view()));
  stage.port.boot();
  PEDIGREE_EXPECT(stage, equal(stage.csr(1, 0xa5).view(), der.view()));
  PEDIGREE_EXPECT(stage, !equal(stage.csr(1, 0xa6).view(), der.view()));
}

void only_tls_and_data_keys_sign_digests(Stage& stage) noexcept {
  std::uint32_t slot = 0;
  for (const Purpose purpose : {Purpose::iak, Purpose::idevid, Purpose::tls, Purpose::data}) {
    const Key key = stage.begin(++slot, purpose);
    PEDIGREE_REQUIRE(stage, key.status == 0);
    PEDIGREE_EXPECT(stage, stage.sign_hash(slot, kDigest).status == status(ErrorCode::wrong_state));
    PEDIGREE_REQUIRE(stage, stage.provision(slot, key.spki()) == 0);
    const bool signs = purpose == Purpose::tls || purpose == Purpose::data;
    const auto signature = stage.sign_hash(slot, kDigest);
    PEDIGREE_EXPECT(stage, signature.status == (signs ? 0 : status(ErrorCode::purpose_forbids)));
    PEDIGREE_EXPECT(stage, signature.size == (signs ? 64 : 0));
    PEDIGREE_EXPECT(stage, stage.sign_hash(slot, Bytes(kDigest).first(31)).status ==
                               (signs ? status(ErrorCode::bad_value) : status(ErrorCode::purpose_forbids)));
  }
}

void a_derived_key_comes_back(Stage& stage) noexcept {
  const Key key = stage.begin(1, Purpose::data, Origin::derive, "label");
  PEDIGREE_REQUIRE(stage, key.status == 0);
  PEDIGREE_EXPECT(stage, !equal(stage.begin(2, Purpose::data, Origin::derive, "other").spki(), key.spki()));
  PEDIGREE_EXPECT(stage, pedigree_destroy(stage.port.handle(), 1) == 0);
  stage.port.boot();
  PEDIGREE_EXPECT(stage, equal(stage.begin(1, Purpose::data, Origin::derive, "label").spki(), key.spki()));
}

void the_builtin_key_is_for_attestation_only(Stage& stage) noexcept {
  for (const Purpose purpose : {Purpose::idevid, Purpose::tls, Purpose::data}) {
    PEDIGREE_EXPECT(stage,
                    stage.begin(1, purpose, Origin::builtin).status == status(ErrorCode::purpose_forbids));
  }
  const Key key = stage.begin(1, Purpose::iak, Origin::builtin);
  PEDIGREE_REQUIRE(stage, key.status == 0);
  PEDIGREE_REQUIRE(stage, stage.provision(1, key.spki()) == 0);
  PEDIGREE_EXPECT(stage, stage.sign_hash(1, kDigest).status == status(ErrorCode::purpose_forbids));
  PEDIGREE_EXPECT(stage, pedigree_destroy(stage.port.handle(), 1) == 0);
  PEDIGREE_EXPECT(stage, equal(stage.begin(1, Purpose::iak, Origin::builtin).spki(), key.spki()));
}

void a_secured_device_needs_a_grant(Stage& stage) noexcept {
  const Key key = stage.begin(1, Purpose::tls);
  PEDIGREE_REQUIRE(stage, stage.provision(1, key.spki()) == 0);
  stage.port.platform().lifecycle = enrol::Lifecycle::secured;
  PEDIGREE_EXPECT(stage, stage.begin(2, Purpose::tls).status == status(ErrorCode::grant_required));
  PEDIGREE_EXPECT(stage, pedigree_destroy(stage.port.handle(), 1) == status(ErrorCode::grant_required));
  PEDIGREE_EXPECT(stage, stage.sign_hash(1, kDigest).status == 0);
  stage.port.platform().lifecycle = enrol::Lifecycle::decommissioned;
  PEDIGREE_EXPECT(stage, stage.sign_hash(1, kDigest).status == status(ErrorCode::lifecycle_forbids));
  PEDIGREE_EXPECT(stage, stage.info().slots_used == 1);
}

void others_provision_a_slot_and_cannot_use_it(Stage& stage) noexcept {
  stage.port.act_as(0x101);
  const Key key = stage.begin(3, Purpose::data);
  PEDIGREE_REQUIRE(stage, key.status == 0);
  stage.port.act_as(kNonSecure);
  PEDIGREE_EXPECT(stage, stage.csr(3, 1).status == 0);
  PEDIGREE_REQUIRE(stage, stage.provision(3, key.spki()) == 0);
  for (const std::int32_t other : {kNonSecure, std::int32_t{0x102}}) {
    stage.port.act_as(other);
    PEDIGREE_EXPECT(stage, stage.sign_hash(3, kDigest).status == status(ErrorCode::not_owner));
    PEDIGREE_EXPECT(stage, pedigree_destroy(stage.port.handle(), 3) == status(ErrorCode::not_owner));
  }
  stage.port.boot();
  stage.port.act_as(0x101);
  PEDIGREE_EXPECT(stage, stage.sign_hash(3, kDigest).status == 0);
  PEDIGREE_EXPECT(stage, state_of(stage.slot(3)) == SlotState::active);
}

constexpr Scenario kScenarios[] = {
    {"ANewDeviceHasAnIdentityAndNothingElse", a_new_device_has_an_identity_and_nothing_else},
    {"APendingKeyIsReturnedNeverMadeAgain", a_pending_key_is_returned_never_made_again},
    {"EverySlotGetsAKeyOfItsOwn", every_slot_gets_a_key_of_its_own},
    {"TheRequestIsWhatTheAuthorityNeeds", the_request_is_what_the_authority_needs},
    {"OnlyTlsAndDataKeysSignDigests", only_tls_and_data_keys_sign_digests},
    {"ADerivedKeyComesBack", a_derived_key_comes_back},
    {"TheBuiltinKeyIsForAttestationOnly", the_builtin_key_is_for_attestation_only},
    {"ASecuredDeviceNeedsAGrant", a_secured_device_needs_a_grant},
    {"OthersProvisionASlotAndCannotUseIt", others_provision_a_slot_and_cannot_use_it}};

}  // namespace

std::span<const Scenario> key_scenarios() noexcept {
  return kScenarios;
}

}  // namespace pedigree::scenarios
