// SPDX-License-Identifier: Apache-2.0
// The registry as a verifier's source: every standing of device and certificate, changes by this and by other
// processes, and a database that fails.
#include "server/store/registry_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "crypto/openssl/openssl_crypto.h"
#include "server/app/audit.h"
#include "testing/authority/authority.h"

namespace pedigree::testing {
namespace {

using State = verifier::CertificateStatus::State;
using Standing = verifier::DeviceStatus::State;

class Status : public ::testing::Test {
 protected:
  /// What a device's chain is made of, parsed.
  struct Enrolled {
    std::vector<Octets> chain;
    std::string serial;
    x509::Certificate leaf;
    x509::Certificate issuer;
  };
  static x509::Certificate parsed(Bytes der) { return x509::Certificate::parse(der).value(); }

  Enrolled enrolled(std::uint64_t number) {
    const Answer answer = enrol(*station_, Unit(number));
    auto chain = chain_of(answer);
    const x509::Certificate leaf = parsed(chain[0]);
    const x509::Certificate issuer = parsed(chain[1]);
    return {std::move(chain), std::string(answer.json().at("serial").as_string()), leaf, issuer};
  }
  std::unique_ptr<store::RegistryStatus> open(std::shared_ptr<store::CommitCount> commits = {}) const {
    store::StoreOptions options{.file = authority_.layout().database()};
    if (commits) options.commits = std::move(commits);
    std::vector<store::StatusIssuer> issuers;
    for (const char* name : {"vendor", "acme"}) {
      issuers.push_back({name, app::read_certificate(authority_.layout().issuer_certificate(name)).value()});
    }
    return store::RegistryStatus::open(options, issuers).value();
  }
  Standing standing(const store::RegistryStatus& status, std::uint64_t number) const {
    return status.device(unhex(Unit(number).id()), 0).state;
  }
  void set_state(std::uint64_t number, const char* state) {
    const Answer answer =
        operator_->post("/v1/devices/" + Unit(number).id() + "/state", {{"state", state}, {"why", "a test"}});
    ASSERT_EQ(answer.status, 200U) << answer.body;
  }
  void revoke(const std::string& serial, const char* reason) {
    const Answer answer = operator_->post("/v1/revoke", {{"serial", serial}, {"reason", reason}});
    ASSERT_EQ(answer.status, 200U) << answer.body;
  }
  /// Whether the number changes; a change by another process needs a moment.
  static bool changes(const store::RegistryStatus& status, std::uint64_t from) {
    for (int tries = 0; tries < 3000; ++tries) {
      if (status.generation() != from) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  ServedAuthority authority_;
  crypto::OpenSslCrypto crypto_;
  std::unique_ptr<Client> station_ = authority_.client("station");
  std::unique_ptr<Client> operator_ = authority_.client("operator");
};

TEST_F(Status, TellsEveryStandingOfADevice) {
  const auto status = open();
  EXPECT_EQ(status->name(), "registry");
  EXPECT_EQ(standing(*status, 1), Standing::unknown);
  EXPECT_EQ(standing(*status, 2), Standing::unknown);
  enrolled(1);
  EXPECT_EQ(standing(*status, 1), Standing::known);
  EXPECT_EQ(status->device(unhex(Unit(1).id()), 0).name, "issued");
  set_state(1, "suspended");
  EXPECT_EQ(standing(*status, 1), Standing::suspended);
  set_state(1, "active");
  EXPECT_EQ(standing(*status, 1), Standing::known);
  set_state(1, "retired");
  EXPECT_EQ(standing(*status, 1), Standing::retired);
  revoke(enrolled(3).serial, "keyCompromise");
  EXPECT_EQ(standing(*status, 3), Standing::revoked);
  EXPECT_EQ(status->device(as_bytes("x"), 0).state, Standing::unknown);
}

TEST_F(Status, TellsOfCertificatesThatOurIssuersSigned) {
  const auto status = open();
  const Enrolled good = enrolled(1);
  const Enrolled bad = enrolled(2);
  revoke(bad.serial, "superseded");
  EXPECT_EQ(status->certificate(good.leaf, good.issuer, 0).state, State::good);
  const auto revoked = status->certificate(bad.leaf, bad.issuer, 0);
  ASSERT_EQ(revoked.state, State::revoked);
  EXPECT_EQ(revoked.revocation->reason, static_cast<std::uint8_t>(x509::RevocationReason::superseded));
  EXPECT_GT(revoked.revocation->since, 0);
  EXPECT_EQ(standing(*status, 2), Standing::known) << "a superseded key leaves the device its standing";

  const ServedAuthority other;
  const auto other_station = other.client("station");
  const auto other_chain = chain_of(enrol(*other_station, Unit(1)));
  EXPECT_EQ(status->certificate(parsed(other_chain[0]), parsed(other_chain[1]), 0).state, State::unknown)
      << "another authority's certificates are not ours to judge";
  EXPECT_EQ(status->certificate(parsed(other_chain[0]), good.issuer, 0).state, State::unknown)
      << "a serial number that was never stored";
}

TEST_F(Status, ARevokedIntermediateIsKnownByItsKey) {
  const auto status = open();
  const Enrolled unit = enrolled(1);
  const auto root = app::read_certificate(authority_.layout().root_certificate()).value();
  EXPECT_EQ(status->certificate(unit.issuer, parsed(root), 0).state, State::good);
  const std::uint64_t before = status->generation();
  ASSERT_EQ(
      authority_.sql("INSERT INTO issuer_revocation VALUES ('vendor', 'root', x'11', 1700000000, 2, 'w', "
                     "'p', 'y')"),
      "");
  ASSERT_TRUE(changes(*status, before));
  const auto revoked = status->certificate(unit.issuer, parsed(root), 0);
  ASSERT_EQ(revoked.state, State::revoked);
  EXPECT_EQ(revoked.revocation->since, 1700000000);
  EXPECT_EQ(revoked.revocation->reason, 2);
}

TEST_F(Status, TheGenerationFollowsLossAndReturnOfTrustOnly) {
  const auto status = open();
  const Enrolled unit = enrolled(1);
  const std::uint64_t first = status->generation();
  enrolled(2);
  std::this_thread::sleep_for(3 * store::RegistryStatus::kStaleness);
  EXPECT_EQ(status->generation(), first) << "a factory at work leaves what was proven alone";
  set_state(1, "suspended");
  ASSERT_TRUE(changes(*status, first));
  const std::uint64_t second = status->generation();
  set_state(1, "active");
  ASSERT_TRUE(changes(*status, second));
  const std::uint64_t third = status->generation();
  revoke(unit.serial, "superseded");
  EXPECT_TRUE(changes(*status, third));
}

TEST_F(Status, AChangeByTheStoreOfThisProcessIsSeenAtOnce) {
  enrolled(1);
  store::StoreOptions options{.file = authority_.layout().database()};
  const auto store = store::open_store(options, crypto_).value();
  const auto status = open(options.commits);
  for (int round = 0; round < 20; ++round) {
    const std::uint64_t before = status->generation();
    const auto to = round % 2 == 0 ? registry::DeviceState::suspended : registry::DeviceState::active;
    std::promise<bool> done;
    store->change_state({registry::parse_device_id(Unit(1).id()).value(), to, "a test", {"t", "t"}, 1},
                        [&](const auto& outcome) { done.set_value(outcome.has_value()); });
    ASSERT_TRUE(done.get_future().get());
    EXPECT_NE(status->generation(), before) << round;
  }
}

TEST_F(Status, ADatabaseThatFailsVouchesForNothing) {
  const auto status = open();
  const Enrolled unit = enrolled(1);
  const std::uint64_t before = status->generation();
  ASSERT_EQ(
      authority_.sql("DROP TRIGGER generation_device; DROP TRIGGER generation_certificate; DROP TRIGGER "
                     "generation_issuer; DROP TABLE generation; ALTER TABLE device RENAME TO lost; ALTER "
                     "TABLE certificate RENAME TO gone"),
      "");
  EXPECT_TRUE(changes(*status, before)) << "what was proven is asked again";
  EXPECT_EQ(standing(*status, 1), Standing::stale);
  EXPECT_EQ(status->certificate(unit.leaf, unit.issuer, 0).state, State::stale);
}

TEST_F(Status, ADatabaseOfTheFirstVersionGetsWhatCameLater) {
  enrolled(1);
  station_.reset();
  operator_.reset();
  authority_.stop();
  ASSERT_EQ(authority_.sql(
                "DROP TRIGGER generation_device; DROP TRIGGER generation_certificate; DROP TRIGGER "
                "generation_issuer; DROP TABLE generation; DROP TABLE issuer_revocation; "
                "DROP TABLE signer_revocation; DROP TABLE signer_list; DROP TABLE audit_node; DROP TABLE "
                "checkpoint; DROP TABLE enrol_token; ALTER TABLE event DROP COLUMN serial; ALTER TABLE event "
                "DROP COLUMN digest; "
                "ALTER TABLE event DROP COLUMN leaf; DROP INDEX device_batch; DROP INDEX device_station; "
                "DROP INDEX device_state; DROP INDEX event_who; DROP INDEX event_at; DROP INDEX event_alarm; "
                "DROP TABLE batch; DROP TABLE station; DROP TABLE station_day; "
                "ALTER TABLE device DROP COLUMN batch; ALTER TABLE device DROP COLUMN product; "
                "ALTER TABLE device DROP COLUMN label; ALTER TABLE device DROP COLUMN station; "
                "ALTER TABLE device DROP COLUMN import; ALTER TABLE device DROP COLUMN seal; "
                "DROP INDEX certificate_crl; DROP INDEX certificate_crl_partition; DROP TABLE crl_partition; "
                "DROP TABLE crl_partition_base; DROP TABLE issuer_order; DROP TABLE unconfirmed; ALTER TABLE "
                "certificate DROP COLUMN "
                "crl_partition; "
                "CREATE INDEX certificate_revoked ON certificate (issuer, revoked_at) WHERE state = 3; "
                "PRAGMA user_version = 1"),
            "");
  authority_.restart();
  EXPECT_EQ(standing(*open(), 1), Standing::known);
  EXPECT_EQ(enrol(*authority_.client("station"), Unit(2)).status, 200U);
  // What happened before there was a log is in it now.
  const auto report =
      app::verify_log(authority_.layout(), app::read_log_key(authority_.layout()).value(), {}, {});
  ASSERT_TRUE(report);
  EXPECT_THAT(report->findings, ::testing::IsEmpty());
  EXPECT_EQ(report->certificates, 2U);
}

}  // namespace
}  // namespace pedigree::testing
