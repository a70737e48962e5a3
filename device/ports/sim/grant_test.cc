// SPDX-License-Identifier: Apache-2.0
// A secured device does what a grant permits, and nothing else: the service's rule 3.
#include "device/ports/sim/grant_fixture.h"

namespace pedigree::sim {
namespace {

TEST_F(GrantTest, WithoutOneNothingIsMadeOrDestroyed) {
  const auto required = fail(ErrorCode::grant_required);
  const auto before = device_->storage().assets();
  EXPECT_EQ(client_.begin({.slot = 3}), required);
  EXPECT_EQ(client_.begin({}), required);
  EXPECT_EQ(client_.begin({.slot = kTls, .replace = true}), required);
  EXPECT_EQ(client_.begin({.slot = 3, .origin = enrol::Origin::import, .import_key = Octets(32, 5)}),
            required);
  EXPECT_EQ(client_.destroy(kTls), required);
  EXPECT_EQ(device_->storage().assets(), before);
}

TEST_F(GrantTest, BeginMakesTheKeyThatWasGrantedAndNoSecondOne) {
  ASSERT_TRUE(give(wanted(Operation::begin)).has_value());
  const auto begun = client_.begin({.slot = 3});
  ASSERT_TRUE(begun.has_value());
  EXPECT_FALSE(begun->reused);
  EXPECT_EQ(client_.begin({.slot = 4}), fail(ErrorCode::grant_required)) << "it was for one key";
  const auto again = client_.begin({.slot = 3});
  ASSERT_TRUE(again.has_value()) << "an answer that was lost";
  EXPECT_TRUE(again->reused && again->spki == begun->spki);
  ASSERT_TRUE(client_.write_chain(3, authority().chain_for(begun->spki)).has_value());
  EXPECT_TRUE(client_.commit(3).has_value());
}

TEST_F(GrantTest, TheDeviceMayAssignTheGrantedSlot) {
  ASSERT_TRUE(give(wanted(Operation::begin)).has_value());
  EXPECT_EQ(client_.begin({.slot = 0})->slot, 3U) << "the first that is empty";
}

TEST_F(GrantTest, ReplaceMakesAKeyBesideTheActiveOne) {
  ASSERT_TRUE(give(wanted(Operation::replace, kTls)).has_value());
  const auto begun = client_.begin({.slot = kTls, .replace = true});
  ASSERT_TRUE(begun.has_value() && !begun->reused);
  EXPECT_TRUE(client_.sign_hash(kTls, Octets(32, 1)).has_value()) << "the old one serves until commit";
  ASSERT_TRUE(client_.write_chain(kTls, authority().chain_for(begun->spki)).has_value());
  ASSERT_TRUE(client_.commit(kTls).has_value());
  EXPECT_EQ(client_.public_key(kTls), begun->spki);
  EXPECT_EQ(client_.begin({.slot = kTls, .replace = true}), fail(ErrorCode::grant_required));
}

TEST_F(GrantTest, DestroyWipesTheGrantedSlotOnce) {
  ASSERT_TRUE(give(wanted(Operation::destroy, kTls)).has_value());
  ASSERT_TRUE(client_.destroy(kTls).has_value());
  EXPECT_EQ(client_.slots().size(), 1U);
  EXPECT_EQ(client_.destroy(1), fail(ErrorCode::grant_required));
}

TEST_F(GrantTest, WhatWasGrantedIsJustThat) {
  const auto other_operation = fail(ErrorCode::grant_other_operation);
  const auto other_slot = fail(ErrorCode::grant_other_slot);
  const auto other_key = fail(ErrorCode::grant_other_key);
  ASSERT_TRUE(give(wanted(Operation::begin)).has_value());
  EXPECT_EQ(client_.begin({.slot = 4}), other_slot);
  EXPECT_EQ(client_.begin({.slot = 3, .purpose = Purpose::data}), other_key);
  EXPECT_EQ(client_.begin({.slot = 3, .type = crypto::KeyType::p384}), other_key);
  EXPECT_EQ(client_.begin({.slot = kTls, .replace = true}), other_operation);
  EXPECT_EQ(client_.begin({.slot = 3, .origin = enrol::Origin::import, .import_key = Octets(32, 5)}),
            fail(ErrorCode::lifecycle_forbids))
      << "a key from outside is for the factory alone";
  EXPECT_EQ(client_.destroy(3), other_operation);
  EXPECT_EQ(client_.destroy(0x103), other_operation);
  EXPECT_TRUE(client_.begin({.slot = 3}).has_value()) << "refusals use nothing up";

  ASSERT_TRUE(give(wanted(Operation::destroy, kTls)).has_value());
  EXPECT_EQ(client_.destroy(1), other_slot);
  EXPECT_EQ(client_.destroy(0x102), other_slot);
  EXPECT_EQ(client_.begin({.slot = 4}), other_operation);
  // The next grant takes the place of one that was not used.
  ASSERT_TRUE(give(wanted(Operation::begin, 4)).has_value());
  EXPECT_EQ(client_.destroy(kTls), other_operation);
  device_->reboot();
  device_->platform().lifecycle = Lifecycle::secured;
  EXPECT_EQ(client_.begin({.slot = 4}), fail(ErrorCode::grant_required)) << "not after a reset";
}

TEST_F(GrantTest, AnotherDevicesGrantIsRefused) {
  const auto other = make();
  Grant grant = wanted(Operation::decommission);
  const Octets other_id(other->id().begin(), other->id().end());
  grant.device_id = other_id;
  EXPECT_EQ(give(grant), fail(ErrorCode::grant_other_device));
  // A grant that the other device would take.
  EXPECT_EQ(client_.grant(signer().sign(wanted_of(*other, Operation::decommission))),
            fail(ErrorCode::grant_other_device));
  EXPECT_EQ(client_.slots().size(), 2U);
}

TEST_F(GrantTest, AGrantIsTakenOnce) {
  const Octets message = signer().sign(wanted(Operation::destroy, kTls));
  ASSERT_TRUE(client_.grant(message).has_value());
  EXPECT_EQ(client_.grant(message), fail(ErrorCode::grant_nonce));
  ASSERT_TRUE(client_.destroy(kTls).has_value()) << "a refused grant takes nothing back";
  EXPECT_EQ(client_.grant(message), fail(ErrorCode::grant_nonce));
  ASSERT_TRUE(client_.challenge().has_value());
  EXPECT_EQ(client_.grant(message), fail(ErrorCode::grant_nonce)) << "another nonce";
  device_->reboot();
  device_->platform().lifecycle = Lifecycle::secured;
  EXPECT_EQ(client_.grant(message), fail(ErrorCode::grant_nonce));
}

TEST_F(GrantTest, ANonceIsForOneTry) {
  const Grant grant = wanted(Operation::destroy, kTls);
  const Octets message = signer().sign(grant);
  Octets forged = message;
  forged.back() ^= 1;
  EXPECT_EQ(client_.challenge()->nonce, Octets(grant.nonce.begin(), grant.nonce.end()))
      << "until it is tried";
  EXPECT_EQ(client_.grant(forged), fail(ErrorCode::invalid_signature));
  EXPECT_EQ(client_.grant(message), fail(ErrorCode::grant_nonce));
  EXPECT_EQ(client_.destroy(kTls), fail(ErrorCode::grant_required));
}

TEST_F(GrantTest, AGrantThatNobodyAskedForIsRefused) {
  Grant grant = wanted(Operation::destroy, kTls);
  device_->reboot();
  device_->platform().lifecycle = Lifecycle::secured;
  EXPECT_EQ(give(grant), fail(ErrorCode::grant_nonce)) << "the challenge went with the reset";
  const Octets zeros(32);
  grant.nonce = zeros;
  EXPECT_EQ(give(grant), fail(ErrorCode::grant_nonce));
}

TEST_F(GrantTest, WhoMaySign) {
  const auto refused = [&](const GrantSigner& by) { return by.sign(wanted(Operation::decommission)); };
  EXPECT_EQ(client_.grant(refused(GrantSigner(other_authority(), {}))), fail(ErrorCode::grant_signer_refused))
      << "another root's delegate";
  EXPECT_EQ(client_.grant(refused(GrantSigner(authority(), {.for_grants = false}))),
            fail(ErrorCode::grant_signer_refused))
      << "a certificate that is not for grants";
  EXPECT_EQ(client_.grant(refused(GrantSigner(authority(), {.not_after = GrantSigner::kNow - 1}))),
            fail(ErrorCode::grant_expired));
  EXPECT_EQ(client_.info().lifecycle, static_cast<std::uint8_t>(Lifecycle::secured));
  EXPECT_EQ(client_.slots().size(), 2U);
}

TEST_F(GrantTest, ANewDelegateEndsTheOldOne) {
  ASSERT_TRUE(give(wanted(Operation::destroy, kTls)).has_value());
  const GrantSigner newer(authority(), {.not_before = GrantSigner::kNow - 50});
  ASSERT_TRUE(client_.grant(newer.sign(wanted(Operation::begin))).has_value());
  EXPECT_EQ(give(wanted(Operation::begin)), fail(ErrorCode::grant_signer_refused));
  device_->reboot();
  device_->platform().lifecycle = Lifecycle::secured;
  EXPECT_EQ(give(wanted(Operation::begin)), fail(ErrorCode::grant_signer_refused)) << "for ever";
  EXPECT_TRUE(client_.grant(newer.sign(wanted(Operation::begin))).has_value());
}

TEST_F(GrantTest, TheTimeThatWasSeenIsKept) {
  Grant later = wanted(Operation::begin);
  later.issued_at += 5000;
  later.expires_at += 5000;
  ASSERT_TRUE(give(later).has_value());
  device_->reboot();
  device_->platform().lifecycle = Lifecycle::secured;
  EXPECT_EQ(give(wanted(Operation::begin)), fail(ErrorCode::grant_expired));
}

TEST_F(GrantTest, UploadsOfOtherSizesAreRefused) {
  const Octets message = signer().sign(wanted(Operation::destroy, kTls));
  const auto size = static_cast<std::uint32_t>(message.size());
  const std::uint32_t most = client_.challenge()->max_size;
  EXPECT_EQ(most, grant::kMaxSize);
  EXPECT_EQ(client_.grant_part(message, 0, 10, 0), fail(ErrorCode::missing_field));
  EXPECT_EQ(client_.grant_part(message, 0, 10, most + 1), fail(ErrorCode::too_long));
  EXPECT_EQ(client_.grant_part(message, 0, 10, 9), fail(ErrorCode::too_long));
  EXPECT_EQ(client_.grant_part(message, 0, 10, size), Result<std::uint32_t>(10U));
  EXPECT_EQ(client_.grant_part(message, 20, 10, size), Result<std::uint32_t>(10U)) << "where to go on";
  EXPECT_EQ(client_.grant_part(message, 0, 10, size), Result<std::uint32_t>(10U)) << "from the start again";
  // Cut short, it is a grant that is tried, and uses the nonce up.
  EXPECT_EQ(client_.grant_part(message, 0, size - 1, size - 1), fail(ErrorCode::grant_malformed));
  EXPECT_EQ(client_.grant(message), fail(ErrorCode::grant_nonce));
  Octets longer = signer().sign(wanted(Operation::destroy, kTls));
  longer.push_back(0);
  EXPECT_EQ(client_.grant(longer), fail(ErrorCode::grant_malformed));
  longer.resize(most);
  EXPECT_EQ(client_.grant(longer), fail(ErrorCode::grant_malformed));
  EXPECT_EQ(client_.destroy(kTls), fail(ErrorCode::grant_required));
}

TEST_F(GrantTest, TheLastPartMayComeTwice) {
  const Octets message = signer().sign(wanted(Operation::destroy, kTls));
  const auto size = static_cast<std::uint32_t>(message.size());
  ASSERT_EQ(client_.grant_part(message, 0, 500, size), Result<std::uint32_t>(500U));
  ASSERT_EQ(client_.grant_part(message, 500, size, size), Result<std::uint32_t>(size));
  EXPECT_EQ(client_.grant_part(message, 500, size, size), Result<std::uint32_t>(size))
      << "the answer was lost";
  EXPECT_EQ(client_.grant_part(message, size, 1, size), Result<std::uint32_t>(size));
  EXPECT_TRUE(client_.destroy(kTls).has_value());
  EXPECT_EQ(client_.grant(message), fail(ErrorCode::grant_nonce)) << "which is not the whole once more";
}

TEST_F(GrantTest, AnUploadThatAnotherOperationDisturbsStartsAgain) {
  const Octets message = signer().sign(wanted(Operation::destroy, kTls));
  const auto size = static_cast<std::uint32_t>(message.size());
  ASSERT_EQ(client_.grant_part(message, 0, 100, size), Result<std::uint32_t>(100U));
  ASSERT_TRUE(client_.attest(Octets(32, 7), false).has_value()) << "needs the workspace";
  EXPECT_EQ(client_.grant_part(message, 100, 100, size), Result<std::uint32_t>(0U));
  EXPECT_TRUE(client_.grant(message).has_value()) << "nothing was tried yet";
}

TEST_F(GrantTest, AnotherRootIsPinnedInOneStep) {
  ASSERT_TRUE(give(wanted(Operation::repin)).has_value());
  const Sha256 root = other_authority().root_spki_sha256();
  EXPECT_TRUE(equal(client_.info().pinned_root, root));
  EXPECT_TRUE(client_.sign_hash(kTls, Octets(32, 1)).has_value()) << "keys stay, with their chains";
  EXPECT_EQ(give(wanted(Operation::replace, kTls)), fail(ErrorCode::grant_signer_refused))
      << "the old root's delegate says nothing any more";

  const GrantSigner other(other_authority(), {});
  ASSERT_TRUE(client_.grant(other.sign(wanted(Operation::replace, kTls))).has_value());
  const auto begun = client_.begin({.slot = kTls, .replace = true});
  ASSERT_TRUE(begun.has_value());
  ASSERT_TRUE(client_.write_chain(kTls, authority().chain_for(begun->spki, {.with_root = true})).has_value());
  EXPECT_EQ(client_.commit(kTls), fail(ErrorCode::chain_root_mismatch));
  ASSERT_TRUE(client_.write_chain(kTls, other_authority().chain_for(begun->spki)).has_value());
  EXPECT_EQ(client_.commit(kTls), fail(ErrorCode::root_required)) << "its key is not known yet";
  ASSERT_TRUE(
      client_.write_chain(kTls, other_authority().chain_for(begun->spki, {.with_root = true})).has_value());
  ASSERT_TRUE(client_.commit(kTls).has_value());
  EXPECT_TRUE(equal(client_.info().pinned_root, root));
  // From now on the root need not be sent.
  ASSERT_TRUE(client_.grant(other.sign(wanted(Operation::begin))).has_value());
  const auto next = client_.begin({.slot = 3});
  ASSERT_TRUE(client_.write_chain(3, other_authority().chain_for(next->spki)).has_value());
  EXPECT_TRUE(client_.commit(3).has_value());
}

TEST_F(GrantTest, ADecommissionedDeviceKeepsNothingAndSaysWhoItWas) {
  ASSERT_TRUE(give(wanted(Operation::decommission)).has_value());
  const auto forbidden = fail(ErrorCode::lifecycle_forbids);
  for (const bool rebooted : {false, true}) {
    if (rebooted) device_->reboot();
    // Whatever the platform says that it is.
    device_->platform().lifecycle = rebooted ? Lifecycle::assembly_and_test : Lifecycle::secured;
    const pedigree_info_t info = client_.info();
    EXPECT_EQ(info.lifecycle, static_cast<std::uint8_t>(Lifecycle::decommissioned));
    EXPECT_TRUE(equal(info.device_id, device_->id()));
    EXPECT_EQ(info.slots_used, 0U);
    EXPECT_EQ(client_.begin({.slot = 3}), forbidden);
    EXPECT_EQ(client_.sign_hash(kTls, Octets(32, 1)), forbidden);
    EXPECT_EQ(client_.attest(Octets(32, 7), false), forbidden);
    EXPECT_FALSE(client_.challenge().has_value());
  }
}

TEST_F(GrantTest, NothingIsGrantedBeforeARootIsPinned) {
  const auto device = open_in_memory(Lifecycle::secured);
  const Client client(device->service_handle());
  EXPECT_EQ(client.grant(signer().sign(wanted_of(*device, Operation::begin))), fail(ErrorCode::not_found));
  EXPECT_EQ(client.begin({}), fail(ErrorCode::grant_required));
}

TEST_F(GrantTest, ADamagedRecordIsNamedAndGrantsNothing) {
  ASSERT_TRUE(give(wanted(Operation::begin)).has_value());
  auto& record = device_->storage().assets()[local_uid(storage_uid(0, 1))];
  ASSERT_FALSE(record.empty());
  record[5] = static_cast<std::uint8_t>(record[5] ^ 1);
  EXPECT_EQ(give(wanted(Operation::destroy, kTls)), fail(ErrorCode::storage_corrupt));
  EXPECT_EQ(client_.destroy(kTls), fail(ErrorCode::grant_other_operation));
}

TEST_F(GrantTest, ARecordFromBeforeThereWereGrantsIsRead) {
  auto& record = device_->storage().assets()[local_uid(storage_uid(0, 1))];
  ASSERT_EQ(record.size(), device::kMaxRootRecord);
  record.resize(4 + 4 + 32);
  const std::uint32_t crc = device::crc32(record);
  for (int shift = 24; shift >= 0; shift -= 8) record.push_back(static_cast<std::uint8_t>(crc >> shift));
  device_->reboot();
  device_->platform().lifecycle = Lifecycle::secured;
  EXPECT_TRUE(equal(client_.info().pinned_root, authority().root_spki_sha256()));
  EXPECT_TRUE(give(wanted(Operation::destroy, kTls)).has_value());
}

}  // namespace
}  // namespace pedigree::sim
