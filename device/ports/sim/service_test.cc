// SPDX-License-Identifier: Apache-2.0
// What the service promises, asked through its client interface: keys, requests, chains, receipts.
#include <gtest/gtest.h>

#include <set>

#include "core/cose/cose.h"
#include "core/csr/csr.h"
#include "core/enrol/entropy.h"
#include "core/x509/name.h"
#include "core/x509/oids.h"
#include "device/ports/sim/test_unit.h"
#include "testing/support/support.h"

namespace pedigree::sim {
namespace {

using enrol::Lifecycle;
using enrol::Origin;
using enrol::Purpose;
using enrol::SlotState;

class ServiceTest : public ::testing::Test {
 protected:
  void boot() { device_->reboot(); }
  [[nodiscard]] Begun begin(const BeginWish& wish = {}) const {
    const auto begun = client_.begin(wish);
    EXPECT_TRUE(begun.has_value()) << (begun ? "" : name(begun.error().code));
    return begun.value_or(Begun{});
  }
  [[nodiscard]] static SlotState state_of(const pedigree_slot_info_t& slot) {
    return static_cast<SlotState>(slot.state);
  }
  /// Checks that the receipt is by this key and says what it must.
  void expect_receipt(const Octets& receipt, Bytes spki, std::uint32_t slot, std::uint8_t nonce) const;

  std::unique_ptr<Device> device_ = open_in_memory();
  Client client_{device_->service_handle()};
  TestAuthority authority_;
};

void ServiceTest::expect_receipt(const Octets& receipt, Bytes spki, std::uint32_t slot,
                                 std::uint8_t nonce) const {
  const auto message = cose::Sign1::parse(receipt);
  ASSERT_TRUE(message.has_value());
  const auto key = x509::parse_spki(spki);
  ASSERT_TRUE(key && key->key);
  Octets scratch(1024);
  EXPECT_TRUE(message->verify(authority_.crypto(), *key->key, {}, scratch).has_value());
  const auto content = enrol::decode<enrol::Receipt>(*message->payload());
  ASSERT_TRUE(content.has_value());
  EXPECT_EQ(content->slot, slot);
  EXPECT_TRUE(equal(content->nonce, Octets(32, nonce)));
  EXPECT_TRUE(equal(content->device_id, device_->id()));
  EXPECT_TRUE(equal(content->chain_sha256, client_.slot(slot).chain_sha256));
}

TEST_F(ServiceTest, ANewDeviceHasAnIdentityAndNothingElse) {
  const pedigree_info_t info = client_.info();
  EXPECT_EQ(info.device_id[0], 1);
  EXPECT_EQ(info.lifecycle, static_cast<std::uint8_t>(Lifecycle::assembly_and_test));
  EXPECT_EQ(info.slots_used, 0U);
  EXPECT_EQ(info.slots_total, 8U);
  EXPECT_EQ(info.root_pinned, 0);
  EXPECT_EQ(info.dummy_key, 0);
  EXPECT_EQ(info.entropy, static_cast<std::uint8_t>(enrol::Entropy::platform));
  EXPECT_EQ(info.algorithms, 0b110U);
  EXPECT_EQ(info.origins, 0b11110U);
  EXPECT_STREQ(info.world, "simulated");
  EXPECT_EQ(info.max_chain, 8192U);
  EXPECT_TRUE(client_.slots().empty());
}

TEST_F(ServiceTest, ProvisionsFromBeginToReceipt) {
  const Begun begun = begin({.purpose = Purpose::iak});
  EXPECT_EQ(begun.slot, 1U);
  EXPECT_FALSE(begun.reused);
  EXPECT_EQ(state_of(client_.slot(1)), SlotState::pending);
  ASSERT_TRUE(client_.csr(1, 7).has_value());
  const Octets sent = authority_.chain_for(begun.spki, {.with_root = true});
  ASSERT_TRUE(client_.write_chain(1, sent).has_value());
  EXPECT_EQ(client_.slot(1).staged, sent.size());
  const auto receipt = client_.commit(1, 9);
  ASSERT_TRUE(receipt.has_value()) << name(receipt.error().code);
  expect_receipt(*receipt, begun.spki, 1, 9);

  const pedigree_slot_info_t slot = client_.slot(1);
  EXPECT_EQ(state_of(slot), SlotState::active);
  EXPECT_TRUE(equal(slot.spki_sha256, *authority_.crypto().sha256(begun.spki)));
  const auto stored = client_.read_chain(1);
  ASSERT_TRUE(stored.has_value());
  const auto certificates = cose::read_chain(*stored);
  ASSERT_TRUE(certificates.has_value());
  EXPECT_EQ(certificates->count, 2U) << "the root is pinned, not stored";
  EXPECT_EQ(slot.chain_size, stored->size());
  EXPECT_TRUE(equal(slot.chain_sha256, *authority_.crypto().sha256(*stored)));
  const auto digest = client_.chain_digest(1);
  ASSERT_TRUE(digest.has_value());
  EXPECT_EQ(digest->size, stored->size());
  EXPECT_TRUE(equal(digest->sha256, slot.chain_sha256));
  EXPECT_EQ(client_.info().root_pinned, 1);
  EXPECT_TRUE(equal(client_.info().pinned_root, authority_.root_spki_sha256()));
}

TEST_F(ServiceTest, CommitOfAnActiveSlotGivesAFreshReceipt) {
  const std::uint32_t slot = client_.provision(authority_, {});
  const Octets spki = *client_.public_key(slot);
  const auto again = client_.commit(slot, 33);
  ASSERT_TRUE(again.has_value());
  expect_receipt(*again, spki, slot, 33);
}

TEST_F(ServiceTest, APendingKeyIsReturnedNeverMadeAgain) {
  for (const Purpose purpose : {Purpose::iak, Purpose::idevid, Purpose::tls, Purpose::data}) {
    const Begun first = begin({.purpose = purpose});
    const Begun second = begin({.purpose = purpose});
    EXPECT_TRUE(second.reused);
    EXPECT_EQ(first.slot, second.slot);
    EXPECT_EQ(first.spki, second.spki);
    boot();
    EXPECT_EQ(begin({.slot = first.slot, .purpose = purpose}).spki, first.spki);
    EXPECT_EQ(client_.begin({.slot = first.slot, .purpose = purpose, .type = crypto::KeyType::p384}),
              fail(ErrorCode::slot_busy));
  }
  EXPECT_EQ(client_.slots().size(), 4U);
}

TEST_F(ServiceTest, AnActiveKeyIsReturnedUnlessItShallBeReplaced) {
  const std::uint32_t slot = client_.provision(authority_, {.purpose = Purpose::iak});
  const Begun again = begin({.purpose = Purpose::iak});
  EXPECT_TRUE(again.reused);
  EXPECT_EQ(again.slot, slot);
  EXPECT_EQ(state_of(client_.slot(slot)), SlotState::active);
  EXPECT_EQ(client_.begin({.purpose = Purpose::iak, .type = crypto::KeyType::p384}),
            fail(ErrorCode::wrong_state));
}

TEST_F(ServiceTest, ThereIsOneIakButManyTlsKeys) {
  const std::uint32_t iak = client_.provision(authority_, {.purpose = Purpose::iak});
  EXPECT_EQ(begin({.purpose = Purpose::iak}).slot, iak);
  std::set<std::uint32_t> slots{iak};
  while (slots.size() < PEDIGREE_MAX_SLOTS) slots.insert(client_.provision(authority_, {}));
  EXPECT_EQ(client_.begin({}), fail(ErrorCode::slots_full));
  EXPECT_EQ(client_.info().slots_used, PEDIGREE_MAX_SLOTS);
}

TEST_F(ServiceTest, DerivedKeysDependOnDeviceAndLabelOnly) {
  const BeginWish wish{.origin = Origin::derive, .label = "gateway"};
  const Begun first = begin(wish);
  EXPECT_NE(begin({.origin = Origin::derive, .label = "other"}).spki, first.spki);
  ASSERT_TRUE(client_.destroy(first.slot).has_value());
  EXPECT_EQ(begin(wish).spki, first.spki);
  const auto other = open_in_memory();
  EXPECT_NE(Client(other->service_handle()).begin(wish)->spki, first.spki);
  EXPECT_EQ(client_.begin({.origin = Origin::derive}), fail(ErrorCode::bad_value));
  EXPECT_EQ(client_.begin({.label = "x"}), fail(ErrorCode::bad_value));
  EXPECT_TRUE(
      client_.begin({.type = crypto::KeyType::p384, .origin = Origin::derive, .label = "x"}).has_value());
}

TEST_F(ServiceTest, TheBuiltinKeyIsForAttestationOnly) {
  const Begun begun = begin({.purpose = Purpose::iak, .origin = Origin::builtin});
  ASSERT_TRUE(client_.csr(begun.slot, 1).has_value());
  for (const Purpose purpose : {Purpose::idevid, Purpose::tls, Purpose::data}) {
    EXPECT_EQ(client_.begin({.purpose = purpose, .origin = Origin::builtin}),
              fail(ErrorCode::purpose_forbids));
  }
  ASSERT_TRUE(client_.destroy(begun.slot).has_value());
  EXPECT_EQ(begin({.purpose = Purpose::iak, .origin = Origin::builtin}).spki, begun.spki)
      << "destroying the slot leaves the platform's key";
}

TEST_F(ServiceTest, ImportedKeysAreMarkedAndIdempotentByKey) {
  Octets scalar(32, 0x17);
  const BeginWish wish{.origin = Origin::import, .import_key = scalar};
  const Begun begun = begin(wish);
  EXPECT_EQ(client_.slot(begun.slot).origin, static_cast<std::uint8_t>(Origin::import));
  EXPECT_TRUE(begin(wish).reused);
  scalar[0] = 0x18;
  EXPECT_EQ(client_.begin({.slot = begun.slot, .origin = Origin::import, .import_key = scalar}),
            fail(ErrorCode::slot_busy));
  EXPECT_EQ(client_.begin({.slot = 5, .origin = Origin::import, .import_key = Octets(32, 0)}),
            fail(ErrorCode::invalid_key));
  EXPECT_EQ(client_.begin({.slot = 5, .origin = Origin::import, .import_key = Octets(31, 1)}),
            fail(ErrorCode::invalid_key));
  EXPECT_EQ(client_.begin({.slot = 5, .origin = Origin::import}), fail(ErrorCode::bad_value));
  EXPECT_EQ(state_of(client_.slot(5)), SlotState::empty);
}

TEST_F(ServiceTest, RefusesWhatItCannotMake) {
  EXPECT_EQ(client_.begin({.type = crypto::KeyType::ed25519}), fail(ErrorCode::unsupported_algorithm));
  EXPECT_EQ(client_.begin({.type = crypto::KeyType::rsa2048}), fail(ErrorCode::unsupported_algorithm));
  EXPECT_EQ(client_.begin({.purpose = static_cast<Purpose>(9)}), fail(ErrorCode::bad_value));
  EXPECT_EQ(client_.begin({.slot = 9}), fail(ErrorCode::slot_not_found));
  device_->platform().builtin_iak = 0;
  EXPECT_EQ(client_.begin({.purpose = Purpose::iak, .origin = Origin::builtin}),
            fail(ErrorCode::origin_unsupported));
  EXPECT_TRUE(client_.slots().empty());
}

TEST_F(ServiceTest, TheRequestIsWhatTheAuthorityNeeds) {
  for (const auto type : {crypto::KeyType::p256, crypto::KeyType::p384}) {
    const Begun begun = begin({.type = type});
    const auto der = client_.csr(begun.slot, 0xa5);
    ASSERT_TRUE(der.has_value());
    const auto request = csr::Request::parse(*der);
    ASSERT_TRUE(request.has_value());
    EXPECT_TRUE(request->verify(authority_.crypto()).has_value());
    EXPECT_TRUE(equal(request->spki().whole, begun.spki));
    std::string nonce;
    for (int i = 0; i < 32; ++i) nonce += "a5";
    EXPECT_EQ(as_text(request->challenge_password()), nonce);
    EXPECT_EQ(as_text(x509::find_attribute(request->subject(), x509::oid::kSerialNumber)),
              testing::hex(device_->id()));
    EXPECT_TRUE(x509::find_attribute(request->subject(), x509::oid::kCommonName).empty());
    const auto named = client_.csr(begun.slot, 0xa5, 1024, PEDIGREE_SUBJECT_WITH_COMMON_NAME);
    const auto named_request = csr::Request::parse(*named);
    ASSERT_TRUE(named_request.has_value());
    EXPECT_EQ(as_text(x509::find_attribute(named_request->subject(), x509::oid::kCommonName)),
              testing::hex(device_->id()).substr(0, 16));
  }
}

TEST_F(ServiceTest, InfoAndEveryRequestSayWhereRandomNumbersComeFrom) {
  for (const auto entropy :
       {enrol::Entropy::unknown, enrol::Entropy::platform, enrol::Entropy::seed, enrol::Entropy::fixed}) {
    device_->platform().entropy = entropy;
    EXPECT_EQ(client_.info().entropy, static_cast<std::uint8_t>(entropy));
    const auto der = client_.csr(begin().slot, static_cast<std::uint8_t>(entropy));
    ASSERT_TRUE(der.has_value());
    const auto request = csr::Request::parse(*der);
    ASSERT_TRUE(request.has_value());
    EXPECT_TRUE(request->verify(authority_.crypto()).has_value());
    EXPECT_EQ(enrol::read_entropy(request->find_attribute(enrol::kEntropyAttribute)), entropy);
  }
}

TEST_F(ServiceTest, TheRequestComesInPartsAndSurvivesEverything) {
  const Begun begun = begin();
  const Octets whole = *client_.csr(begun.slot, 1);
  for (const std::size_t part : {1U, 64U, 100U, 333U}) EXPECT_EQ(client_.csr(begun.slot, 1, part), whole);
  boot();
  EXPECT_EQ(client_.csr(begun.slot, 1), whole) << "deterministic ECDSA";
  EXPECT_NE(client_.csr(begun.slot, 2), whole);
  ASSERT_TRUE(client_.write_part(begun.slot, Octets(600, 1), 0, 300).has_value());
  EXPECT_EQ(client_.csr(begun.slot, 1), whole) << "the workspace was used in between";
  EXPECT_EQ(client_.csr(4, 1), fail(ErrorCode::slot_not_found));
  const std::uint32_t active = client_.provision(authority_, {.purpose = Purpose::iak});
  EXPECT_EQ(client_.csr(active, 1), fail(ErrorCode::wrong_state));
}

TEST_F(ServiceTest, OnlyTlsAndDataKeysSignDigests) {
  const Octets digest(32, 0x42);
  for (const Purpose purpose : {Purpose::iak, Purpose::idevid}) {
    const std::uint32_t slot = client_.provision(authority_, {.purpose = purpose});
    EXPECT_EQ(client_.sign_hash(slot, digest), fail(ErrorCode::purpose_forbids));
  }
  for (const Purpose purpose : {Purpose::tls, Purpose::data}) {
    const std::uint32_t slot = client_.provision(authority_, {.purpose = purpose});
    const Octets message{'m'};
    for (const auto hash : {crypto::Hash::sha256, crypto::Hash::sha384, crypto::Hash::sha512}) {
      Octets value(crypto::digest_size(hash));
      const Bytes parts[] = {message};
      ASSERT_TRUE(authority_.crypto().digest(hash, parts, value).has_value());
      const auto signature = client_.sign_hash(slot, value);
      ASSERT_TRUE(signature.has_value());
      const Octets spki = *client_.public_key(slot);
      const auto key = x509::parse_spki(spki);
      EXPECT_TRUE(authority_.crypto()
                      .verify(*key->key, {crypto::Scheme::ecdsa, hash}, message, *signature)
                      .has_value());
    }
    for (const std::size_t size : {0U, 31U, 33U, 63U, 65U, 200U}) {
      EXPECT_EQ(client_.sign_hash(slot, Octets(size)), fail(ErrorCode::bad_value)) << size;
    }
  }
  EXPECT_EQ(client_.sign_hash(begin().slot, digest), fail(ErrorCode::wrong_state)) << "pending";
  EXPECT_EQ(client_.sign_hash(8, digest), fail(ErrorCode::slot_not_found));
}

TEST_F(ServiceTest, TheOldKeyServesUntilTheNewOneIsCommitted) {
  const std::uint32_t slot = client_.provision(authority_, {});
  const Octets old_key = *client_.public_key(slot);
  const Octets old_chain = *client_.read_chain(slot);
  const BeginWish wish{.slot = slot, .type = crypto::KeyType::p384, .replace = true};
  const Begun begun = begin(wish);
  EXPECT_TRUE(begin(wish).reused);
  EXPECT_EQ(state_of(client_.slot(slot)), SlotState::replacing);
  EXPECT_EQ(client_.public_key(slot), old_key);
  EXPECT_EQ(client_.read_chain(slot), old_chain);
  EXPECT_EQ(client_.sign_hash(slot, Octets(32, 1))->size(), 64U);
  boot();
  ASSERT_TRUE(client_.write_chain(slot, authority_.chain_for(begun.spki)).has_value());
  EXPECT_EQ(client_.read_chain(slot), old_chain);
  const auto receipt = client_.commit(slot, 5);
  ASSERT_TRUE(receipt.has_value());
  expect_receipt(*receipt, begun.spki, slot, 5);
  EXPECT_EQ(client_.public_key(slot), begun.spki);
  EXPECT_EQ(client_.sign_hash(slot, Octets(32, 1))->size(), 96U);
  EXPECT_EQ(state_of(client_.slot(slot)), SlotState::active);
}

TEST_F(ServiceTest, ReplaceNeedsAnActiveKeyOfThePurpose) {
  EXPECT_EQ(client_.begin({.slot = 1, .replace = true}), fail(ErrorCode::wrong_state));
  const std::uint32_t slot = client_.provision(authority_, {});
  EXPECT_EQ(client_.begin({.slot = slot, .purpose = Purpose::data, .replace = true}),
            fail(ErrorCode::purpose_forbids));
}

TEST_F(ServiceTest, AbortDropsThePendingKeyAndNothingElse) {
  const std::uint32_t slot = client_.provision(authority_, {});
  const auto before = device_->storage().assets();
  const Begun begun = begin({.slot = slot, .replace = true});
  ASSERT_TRUE(client_.write_chain(slot, authority_.chain_for(begun.spki)).has_value());
  ASSERT_TRUE(client_.abort(slot).has_value());
  EXPECT_EQ(device_->storage().assets(), before);
  EXPECT_TRUE(client_.abort(slot).has_value()) << "again: nothing pending";
  EXPECT_TRUE(client_.abort(7).has_value());
  EXPECT_EQ(client_.abort(0), fail(ErrorCode::slot_not_found));
  EXPECT_EQ(device_->storage().assets(), before);
}

TEST_F(ServiceTest, DestroyLeavesNoTraceOfTheSlot) {
  client_.provision(authority_, {.purpose = Purpose::iak});
  const auto before = device_->storage().assets();
  const std::uint32_t slot = client_.provision(authority_, {});
  ASSERT_TRUE(client_.begin({.slot = slot, .replace = true}).has_value());
  ASSERT_TRUE(client_.destroy(slot).has_value());
  EXPECT_EQ(device_->storage().assets(), before);
  EXPECT_TRUE(client_.destroy(slot).has_value());
  EXPECT_EQ(client_.public_key(slot), fail(ErrorCode::slot_not_found));
}

TEST_F(ServiceTest, ASecuredDeviceNeedsAGrant) {
  const std::uint32_t slot = client_.provision(authority_, {});
  const Begun pending = begin({.purpose = Purpose::iak});
  for (const Lifecycle lifecycle : {Lifecycle::secured, Lifecycle::debug, Lifecycle::unknown}) {
    device_->platform().lifecycle = lifecycle;
    EXPECT_EQ(client_.begin({.purpose = Purpose::idevid}), fail(ErrorCode::grant_required));
    EXPECT_EQ(client_.begin({.slot = slot, .replace = true}), fail(ErrorCode::grant_required));
    EXPECT_EQ(client_.begin({.origin = Origin::import, .import_key = Octets(32, 1)}),
              fail(ErrorCode::grant_required));
    EXPECT_EQ(client_.destroy(slot), fail(ErrorCode::grant_required));
    EXPECT_EQ(client_.slots().size(), 2U);
    EXPECT_TRUE(client_.sign_hash(slot, Octets(32, 1)).has_value());
  }
  // What was begun before may be finished.
  ASSERT_TRUE(client_.write_chain(pending.slot, authority_.chain_for(pending.spki)).has_value());
  EXPECT_TRUE(client_.commit(pending.slot).has_value());
}

TEST_F(ServiceTest, ADecommissionedDeviceAnswersInfoOnly) {
  const std::uint32_t slot = client_.provision(authority_, {});
  device_->platform().lifecycle = Lifecycle::decommissioned;
  const auto before = device_->storage().assets();
  EXPECT_EQ(client_.info().lifecycle, static_cast<std::uint8_t>(Lifecycle::decommissioned));
  const auto refused = fail(ErrorCode::lifecycle_forbids);
  EXPECT_EQ(client_.begin({}), refused);
  EXPECT_EQ(client_.csr(slot, 1), refused);
  EXPECT_EQ(client_.write_part(slot, Octets(10, 1), 0, 10), refused);
  EXPECT_EQ(client_.read_chain(slot), refused);
  EXPECT_EQ(client_.commit(slot), refused);
  EXPECT_EQ(client_.abort(slot), refused);
  EXPECT_EQ(client_.destroy(slot), refused);
  EXPECT_EQ(client_.sign_hash(slot, Octets(32, 1)), refused);
  EXPECT_EQ(client_.public_key(slot), refused);
  EXPECT_EQ(device_->storage().assets(), before);
}

TEST_F(ServiceTest, APublishedTestKeyIsReported) {
  // The public half of MCUboot's root-ec-p256.pem is enough for a record, and the record is what info looks
  // at.
  const Octets point = testing::unhex(
      "042acb403ce8feed5ba44995a1a91daee8dbbe1937cd14fb2f245737e5953988d9"
      "94b9d65aebd7cdd5308ad6fe48b24a6a810ee5f07d8b6834cc3a6afc538efac1");
  device::SlotRecord record;
  record.active.emplace();
  record.active->purpose = Purpose::iak;
  record.active->type = crypto::KeyType::p256;
  record.active->origin = Origin::import;
  record.active->public_key_size = static_cast<std::uint8_t>(point.size());
  std::ranges::copy(point, record.active->public_key.begin());
  EXPECT_EQ(client_.info().dummy_key, 0);
  ASSERT_TRUE(device::Store(device_->platform()).save_slot(3, record).ok());
  EXPECT_EQ(client_.info().dummy_key, 1);
}

TEST_F(ServiceTest, RefusesCallsOfTheWrongShape) {
  Octets small(3);
  Octets large(4096);
  for (std::int32_t type = 1; type <= PEDIGREE_CALL_PUBLIC_KEY; ++type) {
    const auto before = device_->storage().assets();
    const psa_invec in[] = {{large.data(), 777}};
    psa_outvec out[] = {{small.data(), small.size()}};
    EXPECT_GT(psa_call(device_->service_handle(), type, in, 1, out, 1), 0) << type;
    EXPECT_GT(psa_call(device_->service_handle(), type, in, 1, nullptr, 0), 0) << type;
    EXPECT_GT(psa_call(device_->service_handle(), type, nullptr, 0, out, 1), 0) << type;
    EXPECT_EQ(device_->storage().assets(), before);
  }
  EXPECT_EQ(psa_call(device_->service_handle(), 99, nullptr, 0, nullptr, 0),
            static_cast<psa_status_t>(ErrorCode::unknown_command));
  EXPECT_EQ(psa_call(77, 1, nullptr, 0, nullptr, 0), PSA_ERROR_CONNECTION_REFUSED);
}

}  // namespace
}  // namespace pedigree::sim
