// SPDX-License-Identifier: Apache-2.0
// Chains and receipts.
#include "core/cose/cose.h"
#include "core/x509/certificate.h"
#include "device/scenarios/stage.h"
#include "psa/internal_trusted_storage.h"

namespace pedigree::scenarios {
namespace {

using enrol::Purpose;
using enrol::SlotState;

SlotState state_of(const pedigree_slot_info_t& slot) noexcept {
  return static_cast<SlotState>(slot.state);
}

void expect_receipt(Stage& stage, Bytes receipt, Bytes spki, std::uint32_t slot,
                    std::uint8_t nonce) noexcept {
  const auto message = cose::Sign1::parse(receipt);
  PEDIGREE_REQUIRE(stage, message.has_value() && message->payload());
  const auto key = x509::parse_spki(spki);
  PEDIGREE_REQUIRE(stage, key && key->key);
  std::array<std::uint8_t, 512> scratch{};
  PEDIGREE_EXPECT(stage, message->verify(stage.crypto, *key->key, {}, scratch).has_value());
  const auto content = enrol::decode<enrol::Receipt>(*message->payload());
  PEDIGREE_REQUIRE(stage, content.has_value());
  PEDIGREE_EXPECT(stage, content->slot == slot);
  PEDIGREE_EXPECT(stage,
                  std::ranges::all_of(content->nonce, [=](std::uint8_t octet) { return octet == nonce; }));
  PEDIGREE_EXPECT(stage, equal(content->device_id, stage.port.platform().device_id));
  PEDIGREE_EXPECT(stage, equal(content->chain_sha256, stage.slot(slot).chain_sha256));
}

void provisions_from_begin_to_receipt(Stage& stage) noexcept {
  const Key key = stage.begin(0, Purpose::iak);
  PEDIGREE_REQUIRE(stage, key.status == 0);
  PEDIGREE_EXPECT(stage, state_of(stage.slot(1)) == SlotState::pending);
  const Bytes sent = stage.issuer.chain_for(key.spki(), {.with_root = true}, stage.chain);
  PEDIGREE_REQUIRE(stage, stage.write_chain(1, sent) == 0);
  const auto receipt = stage.commit(1, 0x33);
  PEDIGREE_REQUIRE(stage, receipt.status == 0);
  PEDIGREE_EXPECT(stage, state_of(stage.slot(1)) == SlotState::active);
  expect_receipt(stage, receipt.view(), key.spki(), 1, 0x33);
  PEDIGREE_EXPECT(stage, stage.info().root_pinned == 1);
  const auto kept = stage.read_chain(1);
  PEDIGREE_REQUIRE(stage, kept.status == 0 && kept.size > 1 && kept.size < sent.size());
  PEDIGREE_EXPECT(stage, equal(kept.view().subspan(1), sent.subspan(1, kept.size - 1)));
  stage.port.boot();
  PEDIGREE_EXPECT(stage, equal(stage.read_chain(1).view(), kept.view()));
  expect_receipt(stage, stage.commit(1, 0x34).view(), key.spki(), 1, 0x34);
}

void a_transfer_goes_on_after_a_boot(Stage& stage) noexcept {
  const Key key = stage.begin(1, Purpose::tls);
  const Bytes sent = stage.issuer.chain_for(key.spki(), {.with_root = true}, stage.chain);
  std::uint32_t next = 0;
  PEDIGREE_REQUIRE(stage, stage.write_part(1, sent, 0, 300, next) == 0 && next == 300);
  PEDIGREE_EXPECT(stage, stage.commit(1).status == status(ErrorCode::chain_incomplete));
  PEDIGREE_EXPECT(stage, stage.write_part(1, sent, 500, 10, next) == 0 && next == 300);
  stage.port.boot();
  PEDIGREE_EXPECT(stage, stage.write_chain(1, sent, 64) == 0);
  PEDIGREE_EXPECT(stage, stage.commit(1).status == 0);
}

void what_does_not_belong_is_refused(Stage& stage) noexcept {
  const Key key = stage.begin(1, Purpose::tls);
  const Key other = stage.begin(2, Purpose::data);
  const auto commits = [&](Bytes chain) {
    const psa_status_t written = stage.write_chain(1, chain);
    return written != 0 ? written : stage.commit(1).status;
  };
  const auto chain = [&](Bytes spki, const ChainWish& wish) {
    return stage.issuer.chain_for(spki, wish, stage.chain);
  };
  PEDIGREE_EXPECT(stage, commits(chain(key.spki(), {})) == status(ErrorCode::root_required));
  PEDIGREE_EXPECT(stage,
                  commits(chain(other.spki(), {.with_root = true})) == status(ErrorCode::chain_key_mismatch));
  PEDIGREE_EXPECT(stage, commits(chain(key.spki(), {.with_root = true, .leaf_is_ca = true})) != 0);
  PEDIGREE_EXPECT(stage, commits(chain(key.spki(), {.with_root = true, .break_signature = true})) ==
                             status(ErrorCode::invalid_signature));
  PEDIGREE_EXPECT(stage, stage.info().root_pinned == 0);
  PEDIGREE_EXPECT(stage, state_of(stage.slot(1)) == SlotState::pending);
  PEDIGREE_EXPECT(stage, commits(chain(key.spki(), {.with_root = true})) == 0);
}

void another_root_is_refused(Stage& stage) noexcept {
  PEDIGREE_REQUIRE(stage, stage.provision(1, stage.begin(1, Purpose::tls).spki()) == 0);
  const Issuer stranger("Other root");
  PEDIGREE_REQUIRE(stage, stranger.ok());
  const Key key = stage.begin(2, Purpose::tls);
  for (const bool with_root : {false, true}) {
    const Bytes chain = stranger.chain_for(key.spki(), {.with_root = with_root}, stage.chain);
    PEDIGREE_REQUIRE(stage, stage.write_chain(2, chain) == 0);
    PEDIGREE_EXPECT(stage, stage.commit(2).status == status(ErrorCode::chain_root_mismatch));
  }
  PEDIGREE_EXPECT(stage, stage.provision(2, key.spki()) == 0);
}

void every_eighth_flipped_octet_is_refused(Stage& stage) noexcept {
  PEDIGREE_REQUIRE(stage, stage.provision(1, stage.begin(1, Purpose::iak).spki()) == 0);
  const Key key = stage.begin(2, Purpose::tls);
  const Bytes chain = stage.issuer.chain_for(key.spki(), {}, stage.chain);
  PEDIGREE_REQUIRE(stage, !chain.empty());
  for (std::size_t at = 1; at < chain.size(); at += 8) {
    stage.chain[at] ^= 0x10U;
    if (stage.write_chain(2, chain, 1024) == 0) PEDIGREE_EXPECT(stage, stage.commit(2).status > 0);
    stage.chain[at] ^= 0x10U;
  }
  PEDIGREE_EXPECT(stage, stage.write_chain(2, chain) == 0);
  PEDIGREE_EXPECT(stage, stage.commit(2).status == 0);
}

void the_old_key_serves_until_the_new_one_is_committed(Stage& stage) noexcept {
  const std::array<std::uint8_t, 32> digest{9};
  const Key old_key = stage.begin(1, Purpose::tls);
  PEDIGREE_REQUIRE(stage, stage.provision(1, old_key.spki()) == 0);
  const auto before = stage.sign_hash(1, digest);
  const Key new_key = stage.begin(1, Purpose::tls, enrol::Origin::generate, {}, true);
  PEDIGREE_REQUIRE(stage, new_key.status == 0);
  PEDIGREE_EXPECT(stage, !equal(new_key.spki(), old_key.spki()));
  stage.port.boot();
  PEDIGREE_EXPECT(stage, state_of(stage.slot(1)) == SlotState::replacing);
  PEDIGREE_EXPECT(stage, equal(stage.sign_hash(1, digest).view(), before.view()));
  PEDIGREE_REQUIRE(stage, stage.provision(1, new_key.spki()) == 0);
  PEDIGREE_EXPECT(stage, state_of(stage.slot(1)) == SlotState::active);
  PEDIGREE_EXPECT(stage, !equal(stage.sign_hash(1, digest).view(), before.view()));
}

void a_damaged_record_is_noticed_and_the_others_go_on(Stage& stage) noexcept {
  PEDIGREE_REQUIRE(stage, stage.provision(1, stage.begin(1, Purpose::tls).spki()) == 0);
  PEDIGREE_REQUIRE(stage, stage.begin(2, Purpose::data).status == 0);
  const psa_storage_uid_t record = stage.port.platform().storage_base + 0x11;
  std::array<std::uint8_t, 512> octets{};
  std::size_t size = 0;
  PEDIGREE_REQUIRE(stage, psa_its_get(record, 0, octets.size(), octets.data(), &size) == 0);
  octets[size / 2] ^= 4U;
  PEDIGREE_REQUIRE(stage, psa_its_set(record, static_cast<std::uint32_t>(size), octets.data(), 0) == 0);
  stage.port.boot();
  PEDIGREE_EXPECT(stage, stage.commit(1).status == status(ErrorCode::storage_corrupt));
  PEDIGREE_EXPECT(stage, stage.begin(1, Purpose::tls).status == status(ErrorCode::storage_corrupt));
  PEDIGREE_EXPECT(stage, stage.csr(2, 1).status == 0);
  PEDIGREE_EXPECT(stage, pedigree_destroy(stage.port.handle(), 1) == 0);
  PEDIGREE_EXPECT(stage, stage.begin(1, Purpose::tls).status == 0);
}

constexpr Scenario kScenarios[] = {
    {"ProvisionsFromBeginToReceipt", provisions_from_begin_to_receipt},
    {"ATransferGoesOnAfterABoot", a_transfer_goes_on_after_a_boot},
    {"WhatDoesNotBelongIsRefused", what_does_not_belong_is_refused},
    {"AnotherRootIsRefused", another_root_is_refused},
    {"EveryEighthFlippedOctetIsRefused", every_eighth_flipped_octet_is_refused},
    {"TheOldKeyServesUntilTheNewOneIsCommitted", the_old_key_serves_until_the_new_one_is_committed},
    {"ADamagedRecordIsNoticedAndTheOthersGoOn", a_damaged_record_is_noticed_and_the_others_go_on}};

}  // namespace

std::span<const Scenario> chain_scenarios() noexcept {
  return kScenarios;
}

}  // namespace pedigree::scenarios
