// SPDX-License-Identifier: Apache-2.0
// A database that is full, locked, damaged or written by two servers, and clients that race: what is answered
// is kept, what is refused says why, and no unit has two certificates.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>
#include <set>
#include <thread>

#include "server/store/sql.h"
#include "testing/authority/parts.h"

namespace pedigree::testing {
namespace {

using ::testing::HasSubstr;

std::string serial_of(const Answer& answer) {
  return std::string(answer.json().at("serial").as_string());
}

constexpr const char* kCount = "SELECT count(*) FROM certificate";

TEST(Fault, AFullDatabaseRefusesAndKeepsWhatItAnswered) {
  const AuthorityFolder folder;
  std::vector<Unit> units;
  std::set<std::string> kept;
  {
    const TunedServer server(folder, {.max_size_octets = 200'000});
    const auto station = server.client("station");
    for (;;) {
      units.emplace_back(units.size() + 1);
      const Answer nonce = station->post("/v1/nonce", {{"device", units.back().id()}, {"profile", "iak"}});
      const Answer answer =
          nonce.status != 200
              ? nonce
              : station->post("/v1/enrol",
                              enrol_body(units.back(), std::string(nonce.json().at("nonce").as_string())));
      if (answer.status != 200) {
        EXPECT_EQ(answer.status, 503U);
        EXPECT_EQ(answer.error(), "database_failure");
        break;
      }
      kept.insert(serial_of(answer));
      ASSERT_LT(units.size(), 1000U) << "the limit was never reached";
    }
  }
  EXPECT_GT(kept.size(), 10U);
  EXPECT_EQ(folder.sql("PRAGMA integrity_check"), "ok");
  EXPECT_EQ(folder.sql(kCount), std::to_string(kept.size()));
  const TunedServer server(folder, {});
  const auto station = server.client("station");
  for (const Unit& unit : units) kept.insert(serial_of(enrol(*station, unit)));
  EXPECT_EQ(kept.size(), units.size()) << "each kept its certificate, and the refused one has its first";
}

TEST(Fault, ALockedDatabaseRefusesAndThenServes) {
  const AuthorityFolder folder;
  const TunedServer server(folder, {.busy_milliseconds = 100});
  const auto station = server.client("station");
  const Unit unit(1);
  const std::string nonce = nonce_for(*station, unit);
  {
    auto other =
        store::Connection::open({.file = folder.layout().database(), .busy_milliseconds = 1000}, true);
    ASSERT_TRUE(other && other->begin());
    const Answer refused = station->post("/v1/enrol", enrol_body(unit, nonce));
    EXPECT_EQ(refused.status, 503U);
    EXPECT_EQ(refused.error(), "database_failure");
    EXPECT_EQ(station->get("/v1/health").status, 200U) << "reading goes on";
    (void)other->give_up();
    EXPECT_EQ(folder.sql(kCount), "0");
  }
  const Answer issued = station->post("/v1/enrol", enrol_body(unit, nonce));
  EXPECT_EQ(issued.status, 200U) << issued.body;
  EXPECT_FALSE(issued.json().at("reused").as_bool());
}

/// What `count` threads get that ask at once; thread i asks server i modulo 2, which share one database.
template <typename Ask>
std::vector<Answer> race(const AuthorityFolder& folder, std::size_t count, Ask ask) {
  const TunedServer servers[] = {{folder, {}}, {folder, {}}};
  std::vector<Answer> answers(count);
  std::latch start(static_cast<std::ptrdiff_t>(count));
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      const auto station = servers[i % 2].client("station");
      answers[i] = ask(*station, i, start);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return answers;
}

TEST(Race, OneUnitAskingManyTimesGetsOneCertificate) {
  const AuthorityFolder folder;
  const Unit unit(1);
  const auto answers = race(folder, 12, [&](Client& station, std::size_t, std::latch& start) {
    const auto body = enrol_body(unit, nonce_for(station, unit));
    start.arrive_and_wait();
    return station.post("/v1/enrol", body);
  });
  std::set<std::string> serials;
  std::size_t fresh = 0;
  for (const Answer& answer : answers) {
    ASSERT_EQ(answer.status, 200U) << answer.body;
    serials.insert(serial_of(answer));
    fresh += answer.json().at("reused").as_bool() ? 0U : 1U;
  }
  EXPECT_EQ(serials.size(), 1U);
  EXPECT_EQ(fresh, 1U);
  EXPECT_EQ(folder.sql(kCount), "1");
}

TEST(Race, OneDeviceIdWithManyKeysGetsOneCertificate) {
  const AuthorityFolder folder;
  const auto answers = race(folder, 12, [&](Client& station, std::size_t, std::latch& start) {
    const Unit unit(1);  // a key of its own
    const auto body = enrol_body(unit, nonce_for(station, unit));
    start.arrive_and_wait();
    return station.post("/v1/enrol", body);
  });
  std::size_t issued = 0;
  for (const Answer& answer : answers) {
    EXPECT_EQ(answer.error(), answer.status == 200 ? "" : "second_key");
    issued += answer.status == 200 ? 1U : 0U;
  }
  EXPECT_EQ(issued, 1U);
  EXPECT_EQ(folder.sql(kCount), "1");
  EXPECT_EQ(folder.sql("SELECT count(*) FROM event WHERE what = 'alarm'"), "11");
}

TEST(Race, OneKeyUnderManyDeviceIdsGetsOneCertificate) {
  const AuthorityFolder folder;
  const Unit first(1);
  const auto answers = race(folder, 8, [&](Client& station, std::size_t i, std::latch& start) {
    const Unit other(i + 1);
    const std::string nonce = nonce_for(station, other);
    auto body = enrol_body(other, nonce);
    body["csr"] = base64(first.request_as(other.id(), nonce));
    start.arrive_and_wait();
    return station.post("/v1/enrol", body);
  });
  std::size_t issued = 0;
  for (const Answer& answer : answers) {
    EXPECT_EQ(answer.error(), answer.status == 200 ? "" : "duplicate_key");
    issued += answer.status == 200 ? 1U : 0U;
  }
  EXPECT_EQ(issued, 1U);
  EXPECT_EQ(folder.sql(kCount), "1");
}

TEST(Race, RevokingWhileEnrollingLeavesNoLiveCertificate) {
  const AuthorityFolder folder;
  const Unit iak(1);
  {
    const TunedServer server(folder, {});
    enrol(*server.client("station"), iak);
  }
  const std::string serial = folder.sql("SELECT lower(hex(serial)) FROM certificate");
  const auto answers = race(folder, 8, [&](Client& station, std::size_t i, std::latch& start) {
    if (i > 0) {
      const Unit other(1);
      const auto body = enrol_body(other, nonce_for(station, other, "idevid"), "idevid");
      start.arrive_and_wait();
      return station.post("/v1/enrol", body);
    }
    Client operators(station.port(), folder.identity("operator"));
    start.arrive_and_wait();
    return operators.post("/v1/revoke", {{"serial", serial}, {"reason", "keyCompromise"}});
  });
  EXPECT_EQ(answers.front().status, 200U);
  EXPECT_EQ(folder.sql("SELECT count(*) FROM certificate WHERE state <> 3"), "0");
}

TEST(Start, RefusesWhatItCannotTrust) {
  const AuthorityFolder folder;
  const auto starting = [&](const std::string& passphrase) -> std::string {
    app::ServeOptions options;
    options.directory = folder.path();
    const auto app = app::App::start(options, app::SecretText(passphrase));
    return app ? "serves" : std::string(name(app.error().code)) + ": " + app.error().detail;
  };
  EXPECT_EQ(starting(kPassphrase), "serves");
  EXPECT_THAT(starting("wrong"), HasSubstr("wrong_passphrase"));
  EXPECT_THAT(starting(""), HasSubstr("wrong_passphrase"));
  const app::Layout layout = folder.layout();
  for (const auto& secret : {layout.issuer_key("acme"), layout.nonce_key(), layout.tls_key("server")}) {
    std::filesystem::permissions(secret, std::filesystem::perms(0640));
    EXPECT_THAT(starting(kPassphrase), HasSubstr(secret.string() + " is a secret, but others may read it"));
    std::filesystem::permissions(secret, std::filesystem::perms(0600));
  }
  for (const auto& trusted :
       {layout.config(), layout.tls_certificate("ca"), layout.issuer_certificate("acme"), layout.tls(),
        layout.issuers(), layout.directory}) {
    const auto mode = std::filesystem::status(trusted).permissions();
    std::filesystem::permissions(trusted, mode | std::filesystem::perms::group_write);
    EXPECT_THAT(starting(kPassphrase), HasSubstr(trusted.string() + " decides whom to trust"));
    std::filesystem::permissions(trusted, mode);
  }
  const auto key = read_text(layout.issuer_key("acme"));
  write_file(layout.issuer_key("acme"), read_text(layout.issuer_key("vendor")));
  EXPECT_THAT(starting(kPassphrase), HasSubstr("key_mismatch"));
  write_file(layout.issuer_key("acme"), key);
  EXPECT_EQ(starting(kPassphrase), "serves");
  EXPECT_EQ(folder.sql("PRAGMA user_version = 99"), "");
  EXPECT_THAT(starting(kPassphrase), HasSubstr("unsupported_version"));
  write_file(layout.database(), "this is no database, and long enough to be looked at as one");
  EXPECT_THAT(starting(kPassphrase), HasSubstr("database_failure"));
}

}  // namespace
}  // namespace pedigree::testing
