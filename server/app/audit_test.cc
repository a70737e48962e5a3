// SPDX-License-Identifier: Apache-2.0
// The audit log of a served authority: it holds, another program reads it, and whatever is changed in the
// database by hand is found and named.
#include "server/app/audit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "crypto/openssl/openssl_crypto.h"
#include "registry/audit_entry.h"
#include "server/http/json.h"
#include "server/store/sqlite_store.h"
#include "testing/authority/authority.h"

namespace pedigree::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Audit : public ::testing::Test {
 protected:
  std::string enrolled(std::uint64_t number) {
    const Answer answer = enrol(*station_, Unit(number));
    EXPECT_EQ(answer.status, 200U) << answer.body;
    return std::string(answer.json().at("serial").as_string());
  }
  std::string checkpoint() {
    const Answer answer = station_->get("/v1/audit/checkpoint");
    EXPECT_EQ(answer.status, 200U) << answer.body;
    return answer.body;
  }
  [[nodiscard]] audit::LogKey key() const { return app::read_log_key(authority_.layout()).value(); }
  /// What the verification finds, with these checkpoints from outside.
  std::vector<std::string> findings(const std::vector<std::string>& kept = {}) {
    std::vector<app::NamedCheckpoint> named;
    for (const std::string& note : kept) named.push_back({"kept.txt", note});
    const auto report = app::verify_log(authority_.layout(), key(), named, {});
    EXPECT_TRUE(report) << report.error().detail;
    if (report) heads_ = report->heads;
    return report ? report->findings : std::vector<std::string>{"none"};
  }
  /// Changes the database behind the authority's back.
  void edit(const std::string& query) { ASSERT_EQ(authority_.sql(query), ""); }
  void revoke(const std::string& serial) {
    const Answer answer =
        operator_->post("/v1/revoke", {{"serial", serial}, {"reason", "superseded"}, {"why", "a test"}});
    ASSERT_EQ(answer.status, 200U) << answer.body;
  }

  crypto::OpenSslCrypto crypto_;
  ServedAuthority authority_;
  std::unique_ptr<Client> station_ = authority_.client("station");
  std::unique_ptr<Client> operator_ = authority_.client("operator");
  std::uint64_t heads_ = 0;
};

TEST_F(Audit, EverythingThatHappensHoldsAndIsReadByAnotherProgram) {
  const std::string serial = enrolled(1);
  for (std::uint64_t unit = 2; unit < 6; ++unit) enrolled(unit);
  const std::string first = checkpoint();
  revoke(serial);
  ASSERT_EQ(
      operator_->post("/v1/issuers/acme/revoke", {{"reason", "cACompromise"}, {"why", "a test"}}).status,
      200U);
  ASSERT_EQ(
      operator_->post("/v1/signer-revocations", {{"key", http::to_base64(Octets(32, 3))}, {"why", "stolen"}})
          .status,
      200U);
  const std::string second = checkpoint();
  EXPECT_EQ(checkpoint(), second) << "nothing happened in between";
  EXPECT_THAT(findings({first, second}), IsEmpty());
  EXPECT_EQ(heads_, 4U) << "two given, two kept";

  write_file(authority_.scratch("checkpoint"), as_bytes(second));
  const auto store = store::open_store({.file = authority_.layout().database()}, crypto_).value();
  const auto event = store->issuance(registry::parse_serial(serial).value()).value();
  const auto proof = app::prove_event(*store, key(), static_cast<std::uint64_t>(event.number)).value();
  write_file(authority_.scratch("proof"), as_bytes(audit::print_proof(proof)));
  const CommandResult read =
      run({"/usr/bin/python3", "testing/audit/read_log.py", authority_.layout().database().string(),
           authority_.layout().log_public_key().string(), authority_.scratch("checkpoint").string(),
           authority_.scratch("proof").string()});
  EXPECT_EQ(read.status, 0) << read.output;
  EXPECT_TRUE(audit::verify_proof(crypto_, key(), proof));
}

TEST_F(Audit, TheOtherProgramRefusesWhatWasChanged) {
  enrolled(1);
  write_file(authority_.scratch("checkpoint"), as_bytes(checkpoint()));
  edit("UPDATE event SET who = 'nobody' WHERE what = 'issued'");
  const CommandResult read =
      run({"/usr/bin/python3", "testing/audit/read_log.py", authority_.layout().database().string(),
           authority_.layout().log_public_key().string(), authority_.scratch("checkpoint").string()});
  EXPECT_THAT(read.output, HasSubstr("does not hold: root"));
}

TEST_F(Audit, ChangedEventsAreNamed) {
  enrolled(1);
  enrolled(2);
  checkpoint();
  edit("UPDATE event SET who = 'somebody else' WHERE number = 2");
  EXPECT_THAT(findings(), Contains(HasSubstr("event 2 (issued, device")));
  edit("UPDATE event SET who = 'station 1' WHERE number = 2");
  EXPECT_THAT(findings(), IsEmpty());
  edit("UPDATE event SET at = at + 1 WHERE number = 3");
  EXPECT_THAT(findings(), Contains(HasSubstr("event 3 (")));
}

TEST_F(Audit, DeletedAndAddedEventsAreNamed) {
  for (std::uint64_t unit = 1; unit < 4; ++unit) enrolled(unit);
  const std::string kept = checkpoint();
  const std::string before = authority_.dump();
  edit("DELETE FROM event WHERE number = 3");
  EXPECT_THAT(findings(), Contains("events 3 to 3 are missing"));
  const std::string last = authority_.sql("SELECT max(number) FROM event");
  edit("DELETE FROM event WHERE number = " + last);
  EXPECT_FALSE(findings({kept}).empty());
}

TEST_F(Audit, ALogThatWasCutShortIsNoticedByWhoeverKeptACheckpoint) {
  enrolled(1);
  const std::string old = checkpoint();
  station_.reset();
  operator_.reset();
  authority_.stop();
  const std::string database = authority_.layout().database().string();
  ASSERT_EQ(authority_.sql("VACUUM INTO '" + authority_.scratch("copy").string() + "'"), "");
  authority_.restart();
  station_ = authority_.client("station");
  enrolled(2);
  const std::string kept = checkpoint();
  station_.reset();
  authority_.stop();
  // The older database is put back, checkpoints and all.
  for (const char* part : {"-wal", "-shm", ""}) std::filesystem::remove(database + part);
  std::filesystem::copy_file(authority_.scratch("copy"), database);
  EXPECT_THAT(findings({old}), IsEmpty()) << "it is whole in itself";
  EXPECT_THAT(findings({kept}), Contains(HasSubstr("the log ends after")));
}

TEST_F(Audit, CertificatesWithoutAnEntryAreFound) {
  const std::string serial = enrolled(1);
  checkpoint();
  edit(
      "INSERT INTO certificate SELECT NULL, randomblob(16), device, 'data', issuer, "
      "randomblob(32), state, not_before, not_after, issued_at, receipt_at, revoked_at, reason, der, NULL "
      "FROM certificate");
  EXPECT_THAT(findings(), Contains(HasSubstr("was issued without an entry in the log")));
  edit("DELETE FROM certificate WHERE profile = 'data'");
  EXPECT_THAT(findings(), IsEmpty());
  edit("UPDATE certificate SET not_after = not_after + 1");
  EXPECT_THAT(findings(), Contains(HasSubstr(serial)));
  edit("UPDATE certificate SET not_after = not_after - 1, der = der || x'00'");
  EXPECT_THAT(findings(), Contains(HasSubstr("is not the one that was logged")));
}

TEST_F(Audit, RevocationsThatAreUndoneByHandAreFound) {
  const std::string serial = enrolled(1);
  revoke(serial);
  ASSERT_EQ(
      operator_->post("/v1/issuers/acme/revoke", {{"reason", "cACompromise"}, {"why", "a test"}}).status,
      200U);
  EXPECT_THAT(findings(), IsEmpty());
  edit("UPDATE certificate SET state = 2, revoked_at = NULL");
  EXPECT_THAT(findings(), Contains(HasSubstr("was revoked by event")));
  edit("UPDATE certificate SET state = 3, revoked_at = issued_at");
  EXPECT_THAT(findings(), IsEmpty());
  edit("DELETE FROM issuer_revocation");
  EXPECT_THAT(findings(), Contains(HasSubstr("a revocation that was logged is gone: issuer_revoked acme")));
}

TEST_F(Audit, StatesAndDevicesThatWereChangedByHandAreFound) {
  enrolled(1);
  enrolled(2);
  edit("UPDATE device SET state = 4 WHERE id = (SELECT min(id) FROM device)");
  EXPECT_THAT(findings(), Contains(HasSubstr("is active, and the log says issued")));
  edit("UPDATE device SET state = 3");
  EXPECT_THAT(findings(), IsEmpty());
  edit("INSERT INTO device (id, state, profiles, created, changed) VALUES (randomblob(33), 1, '', 0, 0)");
  EXPECT_THAT(findings(), Contains(HasSubstr("the log does not know it")));
  edit("DELETE FROM device WHERE state = 1; DELETE FROM certificate");
  EXPECT_THAT(findings(), Contains(HasSubstr("is not in the registry any more")));
}

TEST_F(Audit, NothingIsSignedBesideWhatWasSigned) {
  enrolled(1);
  checkpoint();
  edit("UPDATE event SET leaf = zeroblob(32) WHERE number = 1");
  enrolled(2);
  const Answer refused = station_->get("/v1/audit/checkpoint");
  EXPECT_NE(refused.status, 200U);
  EXPECT_THAT(refused.body, HasSubstr("does not begin with what was signed before"));
}

TEST_F(Audit, ARowChangedTogetherWithItsHashIsFoundByTheCheckpoint) {
  enrolled(1);
  checkpoint();
  // What a careful forger does: the entry's hash is computed again.
  const auto store = store::open_store({.file = authority_.layout().database()}, crypto_).value();
  auto event = store->event(2).value();
  event.actor.who = "nobody";
  const auto leaf = registry::merkle::leaf_hash(crypto_, registry::encode_entry(event)).value();
  edit("UPDATE event SET who = 'nobody', leaf = x'" + registry::hex(leaf) + "' WHERE number = 2");
  EXPECT_THAT(findings(), Contains(HasSubstr("are not the log's first")));
}

TEST_F(Audit, ProofsOverHttpHoldAgainstTheCheckpoint) {
  const std::string serial = enrolled(1);
  const auto first = audit::open_checkpoint(crypto_, key(), checkpoint()).value();
  for (std::uint64_t unit = 2; unit < 9; ++unit) enrolled(unit);
  const auto second = audit::open_checkpoint(crypto_, key(), checkpoint()).value();
  const auto hashes = [](const Answer& answer) {
    std::vector<Sha256> path;
    const auto json = answer.json();
    for (const auto& text : json.at("proof").as_array()) {
      const auto octets = http::from_base64(text.as_string()).value();
      std::ranges::copy(octets, path.emplace_back().begin());
    }
    return path;
  };
  const Answer consistency = station_->get("/v1/audit/consistency?from=" + std::to_string(first.head.size) +
                                           "&to=" + std::to_string(second.head.size));
  EXPECT_TRUE(registry::merkle::verify_consistency(crypto_, first.head, second.head, hashes(consistency)));
  const Answer proof =
      operator_->get("/v1/audit/proof/" + serial + "?size=" + std::to_string(second.head.size));
  const auto entry = http::from_base64(proof.json().at("entry").as_string()).value();
  EXPECT_TRUE(registry::merkle::verify_inclusion(crypto_, registry::merkle::leaf_hash(crypto_, entry).value(),
                                                 proof.json().at("index").to_number<std::uint64_t>(),
                                                 second.head, hashes(proof)));
  EXPECT_EQ(station_->get("/v1/audit/proof/" + serial).error(), "not_authorised");
  EXPECT_EQ(authority_.client("")->get("/v1/audit/checkpoint").error(), "not_authorised");
  for (const char* query : {"", "?from=0&to=1", "?from=3&to=2", "?from=x&to=2", "?from=1"}) {
    EXPECT_EQ(station_->get("/v1/audit/consistency" + std::string(query)).error(), "bad_request") << query;
  }
  EXPECT_EQ(station_->get("/v1/audit/consistency?from=1&to=99999").error(), "not_found");
}

TEST_F(Audit, LogsOfMoreThanOneNodeHoldAcrossProcesses) {
  // 300 devices that ask: over one node of 256, written by two stores by turns.
  const auto ask = [&](registry::Store& store, std::uint8_t high) {
    for (unsigned low = 0; low < 50; ++low) {
      const registry::DeviceId id{0x01, high, static_cast<std::uint8_t>(low)};
      std::promise<bool> done;
      store.ask({id, "iak", {"a test", "local"}, 1},
                [&](const auto& outcome) { done.set_value(outcome.has_value()); });
      EXPECT_TRUE(done.get_future().get());
    }
  };
  const auto one = store::open_store({.file = authority_.layout().database()}, crypto_).value();
  const auto two = store::open_store({.file = authority_.layout().database()}, crypto_).value();
  for (std::uint8_t round = 0; round < 6; round += 2) {
    ask(*one, round);
    ask(*two, round + 1);
    checkpoint();
  }
  EXPECT_EQ(authority_.sql("SELECT count(*) FROM audit_node"), "1");
  EXPECT_THAT(findings(), IsEmpty());
  EXPECT_EQ(heads_, 3U);
  edit("UPDATE audit_node SET hash = zeroblob(32)");
  EXPECT_THAT(findings(), Contains(HasSubstr("events 1 to 256 are not those")));
}

}  // namespace
}  // namespace pedigree::testing
