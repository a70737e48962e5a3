// SPDX-License-Identifier: Apache-2.0
// A certificate's life and the log over it, as both databases keep them: every call of registry::Store beside
// those of listing_test.cc.
#include <gtest/gtest.h>

#include <future>

#include "crypto/openssl/openssl_crypto.h"
#include "registry/audit_entry.h"
#include "server/store/audit_verify.h"
#include "server/store/registry_status.h"
#include "testing/postgres/test_database.h"

namespace pedigree::store {
namespace {

using registry::DeviceState;
using registry::Issued;
using registry::Outcome;
using x509::RevocationReason;

constexpr der::UnixTime kNow = 1'800'000'000;
const registry::Actor kLine{"Line 1", "192.0.2.1"};

class Life : public ::testing::TestWithParam<Dialect> {
 protected:
  template <typename T, typename Call>
  static Outcome<T> wait(Call call) {
    std::promise<Outcome<T>> answer;
    call([&](Outcome<T> outcome) { answer.set_value(std::move(outcome)); });
    return answer.get_future().get();
  }
  static registry::Issuance issuance(std::uint8_t device, std::uint8_t key) {
    registry::Issuance made;
    made.certificate.serial = {0x11, device, key};
    made.certificate.device = {0x01, device};
    made.certificate.key = {device, key};
    made.certificate.profile = "iak";
    made.certificate.issuer = "acme";
    made.certificate.issued_at = kNow;
    made.certificate.der.assign(600, 0x30);
    made.actor = kLine;
    return made;
  }
  Outcome<Issued> issue(const registry::Issuance& made) {
    return wait<Issued>([&](auto done) { store_->issue(made, done); });
  }
  Outcome<registry::Certificate> revoke(const registry::Issuance& made, RevocationReason reason) {
    return wait<registry::Certificate>([&](auto done) {
      store_->revoke({made.certificate.serial, reason, "a test", kLine, kNow + 5}, done);
    });
  }
  Outcome<DeviceState> activate(const registry::Issuance& made) {
    return wait<DeviceState>(
        [&](auto done) { store_->activate(made.certificate.serial, kLine, kNow + 1, done); });
  }
  std::vector<std::string> findings() {
    Connection database = database_.connect();
    auto found = verify_audit(database, crypto_, {}, {}).value().findings;
    std::erase_if(found, [](const std::string& one) { return one.starts_with("certificate "); });
    return found;
  }

  crypto::OpenSslCrypto crypto_;
  testing::TestDatabase database_{GetParam()};
  StoreOptions options_ = database_.options();
  std::unique_ptr<registry::Store> store_ = open_store(options_, crypto_).value();
};

TEST_P(Life, FromTheFirstQuestionToTheReceipt) {
  const auto made = issuance(1, 1);
  const registry::Asking asking{made.certificate.device, "iak", kLine, kNow, false, {}};
  ASSERT_TRUE(wait<void>([&](auto done) { store_->ask(asking, done); }));
  EXPECT_EQ(store_->device(asking.device)->state, DeviceState::pending);
  ASSERT_TRUE(issue(made));
  EXPECT_FALSE(issue(made)->certificate.der.empty());
  EXPECT_TRUE(issue(made)->reused);
  EXPECT_EQ(activate(made).value(), DeviceState::active);
  EXPECT_EQ(activate(made).value(), DeviceState::active) << "again";
  const auto stored = store_->certificate(made.certificate.serial);
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->der, made.certificate.der);
  EXPECT_EQ(stored->state, registry::CertificateState::active);
  EXPECT_EQ(store_->certificates(asking.device)->size(), 1U);
  std::vector<std::string> whats;
  const std::vector<registry::Event> events = store_->events(asking.device).value();
  for (const registry::Event& event : events) whats.push_back(event.what);
  EXPECT_EQ(whats, (std::vector<std::string>{"asked", "issued", "receipt"}));
  EXPECT_EQ(store_->issuance(made.certificate.serial)->number, 2);
  EXPECT_EQ(store_->standings(0, 10)->size(), 1U);
  EXPECT_FALSE(store_->device({0x01, 0xff}));
}

TEST_P(Life, ASecondKeyIsAnAlarmUnlessItReplacesTheFirst) {
  ASSERT_TRUE(issue(issuance(1, 1)));
  auto second = issuance(1, 2);
  EXPECT_EQ(issue(second).error().code, ErrorCode::second_key);
  second.replaces = issuance(1, 1).certificate.serial;
  ASSERT_TRUE(issue(second));
  EXPECT_EQ(store_->certificate(*second.replaces)->reason, RevocationReason::superseded);
  auto stolen = issuance(2, 1);
  stolen.certificate.key = second.certificate.key;
  EXPECT_EQ(issue(stolen).error().code, ErrorCode::duplicate_key);
  EXPECT_TRUE(findings().empty()) << findings()[0];
}

TEST_P(Life, ATokenIsUsedOnce) {
  const Sha256 hash{7};
  ASSERT_TRUE(
      wait<void>([&](auto done) { store_->add_token({hash, {}, "iak", kLine, kNow, kNow + 100}, done); }));
  EXPECT_EQ(wait<void>([&](auto done) { store_->add_token({hash, {}, "", kLine, kNow, kNow + 100}, done); })
                .error()
                .code,
            ErrorCode::duplicate);
  auto first = issuance(1, 1);
  first.token = hash;
  auto other = issuance(2, 1);
  other.token = hash;
  ASSERT_TRUE(issue(first));
  EXPECT_TRUE(issue(first)->reused);
  EXPECT_EQ(issue(other).error().code, ErrorCode::not_authorised);
}

TEST_P(Life, WhatIsUnconfirmedIsFoundByItsSignerAndTransactionForAWhile) {
  constexpr Sha256 kSigner{9};
  const std::vector<std::uint8_t> id(16, 0xa5);
  auto made = issuance(1, 1);
  made.unconfirmed = registry::Unconfirmed{kSigner, id, kNow + 300};
  ASSERT_TRUE(issue(made));
  const auto found = store_->unconfirmed(kSigner, id, kNow + 299);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->serial, made.certificate.serial);
  EXPECT_FALSE(found->reused);
  const auto absent = [&](const Sha256& signer, Bytes transaction, der::UnixTime now) {
    const auto answer = store_->unconfirmed(signer, transaction, now);
    return !answer && answer.error().code == ErrorCode::not_found;
  };
  EXPECT_TRUE(absent(kSigner, id, kNow + 300)) << "too late";
  EXPECT_TRUE(absent(Sha256{8}, id, kNow)) << "another's";
  EXPECT_TRUE(absent(kSigner, Bytes(id).first(15), kNow)) << "another transaction";
  // The same transaction again takes the place of the first, and says that the certificate was there before.
  made.unconfirmed->until = kNow + 400;
  ASSERT_TRUE(issue(made)->reused);
  EXPECT_TRUE(store_->unconfirmed(kSigner, id, kNow + 399).value().reused);
  // What is refused awaits nothing.
  auto refused = issuance(1, 2);
  refused.unconfirmed = registry::Unconfirmed{kSigner, {1}, kNow + 300};
  EXPECT_EQ(issue(refused).error().code, ErrorCode::second_key);
  EXPECT_TRUE(absent(kSigner, Bytes(refused.unconfirmed->transaction), kNow));
  const auto forget = [&] {
    return wait<void>([&](auto done) { store_->forget_unconfirmed(kSigner, id, done); }).has_value();
  };
  EXPECT_TRUE(forget());
  EXPECT_TRUE(absent(kSigner, id, kNow));
  EXPECT_TRUE(forget()) << "again";
}

TEST_P(Life, WhatNobodyConfirmsIsForgotten) {
  auto made = issuance(1, 1);
  made.unconfirmed = registry::Unconfirmed{Sha256{9}, {1}, kNow + 300};
  ASSERT_TRUE(issue(made));
  auto later = issuance(2, 2);
  later.certificate.issued_at = kNow + 300;
  later.unconfirmed = registry::Unconfirmed{Sha256{9}, {2}, kNow + 600};
  ASSERT_TRUE(issue(later));
  Connection database = database_.connect();
  Statement count = database.prepare("SELECT count(*) FROM unconfirmed");
  ASSERT_EQ(count.step(), Statement::Step::row);
  EXPECT_EQ(count.integer(0), 1);
}

TEST_P(Life, GrantsAreNotedAndMayEndTheirDevice) {
  const auto made = issuance(1, 1);
  registry::GrantNote grant{made.certificate.device, "destroy slot 2: a test", Sha256{5}, false, kLine, kNow};
  const auto note = [&] { return wait<DeviceState>([&](auto done) { store_->note_grant(grant, done); }); };
  EXPECT_EQ(note().error().code, ErrorCode::unknown_device);
  ASSERT_TRUE(issue(made) && activate(made));
  EXPECT_EQ(note().value(), DeviceState::active);
  registry::Station bench;
  bench.name = "Bench 1";
  bench.enabled = false;
  ASSERT_TRUE(
      wait<registry::Station>([&](auto done) { store_->set_station({bench, "a test", kLine, kNow}, done); }));
  grant.station = registry::StationClaim{.name = bench.name};
  EXPECT_EQ(note().error().code, ErrorCode::not_authorised) << "a station that was disabled";
  grant.station = {};
  grant.what = "decommission: recycled";
  grant.retires = true;
  EXPECT_EQ(note().value(), DeviceState::retired);
  EXPECT_EQ(note().value(), DeviceState::retired) << "again";
  EXPECT_EQ(store_->device(made.certificate.device)->state, DeviceState::retired);
  EXPECT_EQ(issue(issuance(1, 2)).error().code, ErrorCode::retired);
  std::vector<registry::Event> granted = store_->events(made.certificate.device).value();
  std::erase_if(granted, [](const registry::Event& event) { return event.what != "granted"; });
  ASSERT_EQ(granted.size(), 3U);
  EXPECT_EQ(granted.front().why, "destroy slot 2: a test");
  EXPECT_TRUE(findings().empty()) << findings()[0];
}

TEST_P(Life, WhatIsRevokedStaysSoAndCountsForVerifiers) {
  const auto one = issuance(1, 1);
  const auto two = issuance(2, 1);
  ASSERT_TRUE(issue(one) && issue(two));
  const auto status = RegistryStatus::open(options_, {}).value();
  const std::uint64_t before = status->generation();
  ASSERT_TRUE(revoke(one, RevocationReason::key_compromise));
  EXPECT_GT(status->generation(), before);
  EXPECT_EQ(status->device(one.certificate.device, kNow).state, verifier::DeviceStatus::State::revoked);
  EXPECT_EQ(status->device(two.certificate.device, kNow).state, verifier::DeviceStatus::State::known);
  EXPECT_EQ(status->device(Sha256{9}, kNow).state, verifier::DeviceStatus::State::unknown);
  EXPECT_EQ(revoke(one, RevocationReason::superseded)->reason, RevocationReason::key_compromise);
  EXPECT_EQ(issue(one).error().code, ErrorCode::device_revoked);
  EXPECT_EQ(activate(one).error().code, ErrorCode::device_revoked);
  EXPECT_EQ(store_->revoked({"acme"})->size(), 1U);
  EXPECT_EQ(store_->revoked_count({"acme"}), 1U);
  EXPECT_EQ(store_->standing(one.certificate.serial)->state, registry::CertificateState::revoked);
  const registry::IssuerRevocation issuer{"acme",   "vendor", {0x05}, RevocationReason::ca_compromise,
                                          "a test", kLine,    kNow};
  ASSERT_TRUE(wait<registry::IssuerRevocation>([&](auto done) { store_->revoke_issuer(issuer, done); }));
  EXPECT_EQ(store_->revoked_issuers()->size(), 1U);
  EXPECT_EQ(store_->revoked_count({"vendor"}), 1U);
  EXPECT_EQ(issue(issuance(3, 1)).error().code, ErrorCode::issuer_revoked);
  EXPECT_TRUE(findings().empty()) << findings()[0];
}

TEST_P(Life, PartsOfACrlAreTakenOnceAndListTheirOwn) {
  const auto take = [](registry::Store& store, registry::CrlPartitionClaim claim) {
    return wait<std::uint32_t>([&](auto done) { store.take_crl_partitions(claim, done); });
  };
  const std::unique_ptr<registry::Store> other = open_store(options_, crypto_).value();
  EXPECT_EQ(take(*store_, {"acme", "http://a/acme", 8}), 0U);
  EXPECT_EQ(take(*other, {"acme", "http://a/acme", 8}), 8U) << "a node beside this one";
  EXPECT_EQ(take(*store_, {"acme", "http://b/acme", 1}), 16U);
  EXPECT_EQ(take(*store_, {"vendor", "http://b/vendor", 1}), 0U);
  EXPECT_EQ(take(*store_, {"acme", std::string(500, 'a'), 1}).error().code, ErrorCode::bad_value);
  EXPECT_EQ(take(*store_, {"acme", "http://b/acme", 0}).error().code, ErrorCode::bad_value);
  EXPECT_EQ(store_->crl_partition_base("acme", 15), "http://a/acme");
  EXPECT_EQ(store_->crl_partition_base("acme", 16), "http://b/acme") << "from when the URL was another";
  EXPECT_EQ(store_->crl_partition_base("acme", 17).error().code, ErrorCode::not_found) << "nobody took it";
  EXPECT_EQ(store_->crl_partition_base("nobody", 0).error().code, ErrorCode::not_found);

  std::vector<registry::Issuance> made;
  for (std::uint8_t i = 1; i <= 3; ++i) {
    made.push_back(issuance(i, 1));
    if (i < 3) made.back().certificate.crl_partition = i;
    ASSERT_TRUE(issue(made.back()));
  }
  EXPECT_EQ(store_->revoked_count({"acme", 1}), 0U);
  for (const auto& one : made) ASSERT_TRUE(revoke(one, RevocationReason::key_compromise));
  EXPECT_EQ(store_->revoked_count({"acme"}), 3U);
  EXPECT_EQ(store_->revoked_count({"acme", {}, kNow + 6}), 0U) << "since then";
  EXPECT_EQ(store_->revoked_count({"acme", 1, kNow + 6}), 0U);
  EXPECT_EQ(store_->revoked_count({"vendor", 1}), 0U);
  for (const std::uint32_t part : {1U, 2U}) {
    const auto listed = store_->revoked({"acme", part});
    ASSERT_TRUE(listed);
    ASSERT_EQ(listed->size(), 1U);
    EXPECT_TRUE(equal(listed->front().serial.octets(), made[part - 1].certificate.serial));
    EXPECT_EQ(listed->front().when, kNow + 5);
  }
}

TEST_P(Life, SignersTheirListsAndTheLogsHeadsAreKept) {
  const registry::SignerRevocation signer{Sha256{3}, "CN=Signer", "a test", kLine, kNow};
  ASSERT_TRUE(wait<registry::SignerRevocation>([&](auto done) { store_->revoke_signer(signer, done); }));
  EXPECT_EQ(store_->revoked_signers()->size(), 1U);
  EXPECT_FALSE(store_->signer_list());
  const registry::SignerList list{4, kNow, {1, 2, 3}};
  ASSERT_TRUE(wait<registry::SignerList>([&](auto done) { store_->add_signer_list(list, done); }));
  EXPECT_EQ(store_->signer_list()->message, list.message);
  EXPECT_FALSE(wait<registry::SignerList>([&](auto done) { store_->add_signer_list(list, done); }));
  const registry::SignedHead head{2, kNow, "a note"};
  ASSERT_TRUE(wait<registry::SignedHead>([&](auto done) { store_->add_signed_head(head, done); }));
  EXPECT_EQ(store_->signed_head()->note, "a note");
  EXPECT_TRUE(findings().empty()) << findings()[0];
}

TEST_P(Life, TheLogProvesItsEvents) {
  for (std::uint8_t i = 0; i < 200; ++i) ASSERT_TRUE(issue(issuance(i, 1)));
  const registry::merkle::Head early = store_->log_head().value();
  for (std::uint8_t i = 0; i < 200; ++i) ASSERT_TRUE(activate(issuance(i, 1)));
  store_ = open_store(options_, crypto_).value();  // reads the frontier of the log again
  ASSERT_TRUE(issue(issuance(200, 1)));
  const registry::merkle::Head head = store_->log_head().value();
  EXPECT_EQ(head.size, early.size + 201) << "200 receipts and a certificate";
  const auto event = store_->event(300).value();
  const auto leaf = registry::merkle::leaf_hash(crypto_, registry::encode_entry(event)).value();
  const auto proof = store_->inclusion_proof(299, head.size).value();
  EXPECT_TRUE(registry::merkle::verify_inclusion(crypto_, leaf, 299, head, proof));
  const auto grown = store_->consistency_proof(early.size, head.size).value();
  EXPECT_TRUE(registry::merkle::verify_consistency(crypto_, early, head, grown));
  EXPECT_EQ(store_->log_root(early.size).value(), early.root);
  EXPECT_TRUE(findings().empty()) << findings()[0];
}

INSTANTIATE_TEST_SUITE_P(Databases, Life, testing::kEachDatabase, testing::name_of);

}  // namespace
}  // namespace pedigree::store
