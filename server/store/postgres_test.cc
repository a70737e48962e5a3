// SPDX-License-Identifier: Apache-2.0
// What PostgreSQL alone can do to a registry: several writers, servers that end in the middle, an answer to a
// commit that never comes, versions.
#include "server/store/postgres.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "crypto/openssl/openssl_crypto.h"
#include "server/store/audit_verify.h"
#include "server/store/schema.h"
#include "testing/postgres/test_database.h"

namespace pedigree::store {
namespace {

using registry::Issued;
using registry::Outcome;

registry::Issuance issuance(unsigned device, std::uint8_t attempt, std::uint8_t key = 1) {
  registry::Issuance made;
  const auto high = static_cast<std::uint8_t>(device >> 8U);
  const auto low = static_cast<std::uint8_t>(device);
  made.certificate.serial = {0x11, high, low, attempt};
  made.certificate.device = {0x01, high, low};
  made.certificate.key = {high, low, key};
  made.certificate.profile = "iak";
  made.certificate.issuer = "acme";
  made.certificate.der.assign(600, 0x30);
  made.actor = {"Line 1", "192.0.2.1"};
  return made;
}

template <typename T, typename Call>
Outcome<T> wait(Call call) {
  std::promise<Outcome<T>> answer;
  call([&](Outcome<T> outcome) { answer.set_value(std::move(outcome)); });
  return answer.get_future().get();
}

Outcome<Issued> issue(registry::Store& store, const registry::Issuance& made) {
  return wait<Issued>([&](auto done) { store.issue(made, done); });
}

/// Asks until it is answered otherwise than that the database is away.
Outcome<Issued> issue_patiently(registry::Store& store, const registry::Issuance& made) {
  for (;;) {
    auto outcome = issue(store, made);
    if (outcome || outcome.error().code != ErrorCode::database_failure) return outcome;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

class Postgres : public ::testing::Test {
 protected:
  [[nodiscard]] std::unique_ptr<registry::Store> open() const {
    return open_store({.file = {}, .url = url_}, crypto_).value();
  }
  [[nodiscard]] AuditReport verify() const {
    auto connection = Connection::open({.file = {}, .url = url_}, false).value();
    return verify_audit(connection, crypto_, {}, {}).value();
  }
  /// What is wrong beside certificates, which are none here.
  [[nodiscard]] std::vector<std::string> findings() const {
    auto found = verify().findings;
    std::erase_if(found, [](const std::string& one) { return one.starts_with("certificate "); });
    return found;
  }
  [[nodiscard]] std::string sql(const std::string& text) const { return server_.sql(url_, text); }

  crypto::OpenSslCrypto crypto_;
  testing::PostgresServer& server_ = testing::PostgresServer::shared();
  std::string url_ = server_.create_database();
};

TEST_F(Postgres, ManyThatOpenItAtOnceMakeTheTablesOnce) {
  std::vector<std::thread> nodes;
  std::atomic<int> opened{0};
  for (int i = 0; i < 8; ++i) {
    nodes.emplace_back([&] { opened += open_store({.file = {}, .url = url_}, crypto_) ? 1 : 0; });
  }
  for (std::thread& node : nodes) node.join();
  EXPECT_EQ(opened, 8);
  EXPECT_EQ(sql("SELECT one, number FROM schema_version"), "1|" + std::to_string(kSchemaVersion));
  EXPECT_EQ(sql("SELECT count(*) FROM log_head"), "1");
}

TEST_F(Postgres, ANewerSchemaIsRefusedAndLeftAlone) {
  (void)open();
  (void)sql("UPDATE schema_version SET number = number + 1");
  const auto refused = open_store({.file = {}, .url = url_}, crypto_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unsupported_version);
  EXPECT_EQ(sql("SELECT number FROM schema_version"), std::to_string(kSchemaVersion + 1));
}

TEST_F(Postgres, AMigrationThatFailsLeavesNothing) {
  (void)sql("CREATE TABLE station (name TEXT)");  // in the way of the last step
  EXPECT_FALSE(open_store({.file = {}, .url = url_}, crypto_));
  EXPECT_EQ(sql("SELECT number FROM schema_version"), "0");
  EXPECT_EQ(sql("SELECT count(*) FROM information_schema.tables WHERE table_name = 'device'"), "0");
  (void)sql("DROP TABLE station");
  EXPECT_TRUE(open_store({.file = {}, .url = url_}, crypto_));
}

TEST_F(Postgres, OfTwoNodesThatCertifyOneKeyOneDoes) {
  const auto one = open();
  const auto two = open();
  constexpr unsigned kDevices = 300;
  std::atomic<unsigned> issued{0};
  std::atomic<unsigned> refused{0};
  std::atomic<unsigned> left{2 * kDevices};
  std::promise<void> finished;
  const auto count = [&](const Outcome<Issued>& outcome) {
    issued += outcome ? 1 : 0;
    refused += !outcome && outcome.error().code == ErrorCode::duplicate_key ? 1 : 0;
    if (--left == 0) finished.set_value();
  };
  for (unsigned i = 0; i < kDevices; ++i) {
    auto other = issuance(i + 1000, 2);
    other.certificate.key = issuance(i, 1).certificate.key;
    one->issue(issuance(i, 1), count);
    two->issue(other, count);
  }
  finished.get_future().wait();
  EXPECT_EQ(issued, kDevices);
  EXPECT_EQ(refused, kDevices);
  EXPECT_EQ(sql("SELECT count(*), count(DISTINCT key), max(number) FROM certificate"), "300|300|300");
  EXPECT_EQ(sql("SELECT count(*) FROM event WHERE what = 'alarm'"), "600") << "for each of both devices";
  EXPECT_TRUE(findings().empty()) << findings()[0];
}

TEST_F(Postgres, AServerThatCrashesUnderLoadLosesNothingThatWasAnswered) {
  const auto one = open();
  const auto two = open();
  constexpr unsigned kThreads = 4;
  constexpr unsigned kEach = 120;
  std::atomic<unsigned> answered{0};
  std::vector<std::thread> clients;
  for (unsigned t = 0; t < kThreads; ++t) {
    clients.emplace_back([&, t] {
      registry::Store& store = t % 2 == 0 ? *one : *two;
      for (unsigned i = 0; i < kEach; ++i) {
        const unsigned device = t * kEach + i;
        // The station that gets no answer asks again, with a certificate that was made anew.
        const auto outcome = issue_patiently(store, issuance(device, 1));
        EXPECT_TRUE(outcome) << device;
        const auto again = issue_patiently(store, issuance(device, 2));
        EXPECT_TRUE(again && again->reused) << device;
        ++answered;
      }
    });
  }
  for (const unsigned when : {kThreads * kEach / 5, kThreads * kEach / 2}) {
    while (answered < when) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    server_.crash();
    server_.start();
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(sql("SELECT count(*), count(DISTINCT device) FROM certificate"), "480|480");
  EXPECT_EQ(sql("SELECT count(*) FROM event WHERE what = 'issued'"), "480") << "nothing was issued twice";
  EXPECT_TRUE(findings().empty()) << findings()[0];
}

TEST_F(Postgres, AConnectionThatIsCutAnywhereIsMadeAgain) {
  const auto store = open();
  const std::string cut =
      "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND "
      "pid <> pg_backend_pid()";
  std::atomic<bool> stop{false};
  std::thread cutter([&] {
    while (!stop) {
      (void)sql(cut);
      std::this_thread::sleep_for(std::chrono::milliseconds(7));
    }
  });
  for (unsigned i = 0; i < 150; ++i) {
    const auto outcome = issue_patiently(*store, issuance(i, 1));
    // The commit whose answer was lost was found out about: it is this very certificate.
    EXPECT_TRUE(outcome && !outcome->reused) << i;
  }
  stop = true;
  cutter.join();
  EXPECT_EQ(sql("SELECT count(*) FROM certificate"), "150");
  EXPECT_EQ(sql("SELECT count(*) FROM event WHERE what = 'issued'"), "150");
  EXPECT_TRUE(findings().empty()) << findings()[0];
}

TEST_F(Postgres, WithoutItsDatabaseItRefusesAndThenServesAgain) {
  const auto store = open();
  ASSERT_TRUE(issue(*store, issuance(1, 1)));
  EXPECT_TRUE(store->health());
  server_.stop();
  EXPECT_FALSE(store->health());
  const auto refused = issue(*store, issuance(2, 1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::database_failure);
  std::string why;
  const auto closed = open_store({.file = {}, .url = url_}, crypto_, &why);
  EXPECT_FALSE(closed);
  EXPECT_NE(why.find("No such file"), std::string::npos) << why;
  server_.start();
  EXPECT_TRUE(issue_patiently(*store, issuance(2, 1)));
  EXPECT_TRUE(store->health());
}

TEST_F(Postgres, WhoStandsStillInTheMiddleDoesNotHoldUpTheOthersForEver) {
  const auto store = open_store({.file = {}, .url = url_, .busy_milliseconds = 300}, crypto_).value();
  {
    auto other = Connection::open({.file = {}, .url = url_}, true).value();
    ASSERT_TRUE(other.begin());
    Statement head = other.prepare("SELECT size FROM log_head WHERE one = 1 FOR UPDATE");
    ASSERT_EQ(head.step(), Statement::Step::row);
    const auto refused = issue(*store, issuance(1, 1));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::database_failure);
    EXPECT_TRUE(store->health()) << "reading goes on";
  }
  EXPECT_TRUE(issue(*store, issuance(1, 1))) << "and who went away holds nothing";
}

TEST_F(Postgres, RowsThatWereChangedByHandAreFound) {
  const auto store = open();
  for (unsigned i = 0; i < 40; ++i) ASSERT_TRUE(issue(*store, issuance(i, 1)));
  EXPECT_TRUE(findings().empty());
  (void)sql("UPDATE event SET who = 'somebody else' WHERE number = 17");
  ASSERT_FALSE(findings().empty());
  EXPECT_NE(findings()[0].find("event 17"), std::string::npos) << findings()[0];
}

TEST_F(Postgres, AUrlIsToldWithoutItsSecrets) {
  EXPECT_EQ(describe_url("postgresql://user:secret@db.example:5433/registry?sslmode=verify-full"),
            "postgresql://db.example:5433/registry");
}

}  // namespace
}  // namespace pedigree::store
