// SPDX-License-Identifier: Apache-2.0
// Several `pedigree authority serve` on one PostgreSQL, under load: nodes are killed, the database crashes
// and comes back. A certificate that a client received is in the database, no unit has two, and the log is
// whole. PEDIGREE_LONG=1: many more rounds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <random>

#include "testing/authority/load.h"
#include "testing/authority/serve_process.h"
#include "testing/postgres/postgres_server.h"

namespace pedigree::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

int rounds() {
  const char* wanted = std::getenv("PEDIGREE_LONG");
  return wanted != nullptr && std::string_view(wanted) == "1" ? 50 : 2;
}

/// Runs the program, with the passphrase in its environment.
CommandResult pedigree(std::vector<std::string> arguments) {
  const char* program = std::getenv("PEDIGREE_PROGRAM");
  if (program == nullptr) throw std::runtime_error("PEDIGREE_PROGRAM names no program");
  std::vector<std::string> command{"env", "PEDIGREE_PASSPHRASE=" + std::string(kPassphrase), program};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run(command);
}

class Nodes : public ::testing::Test {
 protected:
  [[nodiscard]] std::string sql(const std::string& text) const { return server_.sql(url_, text); }

  /// The promise of this file.
  void expect_kept(const AuthorityFolder& folder, const Load& load) const {
    EXPECT_THAT(load.surprises(), ::testing::IsEmpty());
    const std::string count = std::to_string(load.leaves().size());
    EXPECT_EQ(
        sql("SELECT count(*), count(DISTINCT device), count(DISTINCT key), max(number) FROM certificate"),
        count + "|" + count + "|" + count + "|" + count)
        << "every client asked until it had its certificate";
    EXPECT_EQ(sql("SELECT count(*), count(DISTINCT serial) FROM event WHERE what = 'issued'"),
              count + "|" + count);
    EXPECT_EQ(sql("SELECT count(*) - max(number) FROM event"), "0") << "numbers without gaps";
    std::map<std::string, std::string> stored;
    std::istringstream rows(
        sql("SELECT encode(device, 'hex') || ' ' || encode(der, 'hex') FROM certificate"));
    for (std::string device, der; rows >> device >> der;) stored[device] = der;
    for (const auto& [device, leaf] : load.leaves()) ASSERT_EQ(stored[device], hex(leaf)) << device;
    const CommandResult verified = pedigree({"audit", "verify", "--dir", folder.path().string()});
    EXPECT_EQ(verified.status, 0) << verified.output;
    EXPECT_THAT(verified.output, HasSubstr(count + " certificates"));
  }

  PostgresServer& server_ = PostgresServer::shared();
  std::string url_ = server_.create_database();
};

TEST_F(Nodes, OneIsKilledAndTheDatabaseCrashesUnderLoadAndNothingIsLost) {
  const AuthorityFolder folder(false, url_);
  Load load(folder.identity("station"));
  std::mt19937 random(std::random_device{}());
  auto steady = std::make_unique<ServeProcess>(folder);
  for (int round = 0; round < rounds(); ++round) {
    const std::size_t some = std::uniform_int_distribution<std::size_t>(20, 150)(random);
    auto killed = std::make_unique<ServeProcess>(folder);
    load.serve_at({steady->port(), killed->port()});
    load.wait_for(some);
    killed->process().kill(SIGKILL);
    EXPECT_EQ(killed->process().wait(), 128 + SIGKILL);
    load.wait_for(some);
    server_.crash();
    server_.start();
    load.wait_for(some);
    EXPECT_TRUE(steady->process().running()) << steady->output();
    std::swap(steady, killed);
    steady = std::make_unique<ServeProcess>(folder);
    load.serve_at({steady->port(), killed->port()});
    load.wait_for(some);
    killed->process().kill(SIGTERM);
    EXPECT_EQ(killed->process().wait(), 0) << killed->output();
  }
  load.serve_at({steady->port()});
  load.finish();
  expect_kept(folder, load);
  std::cout << load.leaves().size() << " units, " << load.reused()
            << " answered after a failure with what was stored, " << load.put_off() << " put off\n";
}

TEST_F(Nodes, WithoutTheDatabaseANodeIsNotReadyAndComesBackByItself) {
  const AuthorityFolder folder(false, url_);
  ServeProcess serve(folder);
  Client client(serve.port(), folder.identity("station"));
  ASSERT_EQ(enrol(client, Unit(1)).status, 200U);
  EXPECT_EQ(client.get("/v1/health").status, 200U);
  server_.stop();
  EXPECT_TRUE(serve.process().wait_until([&] { return client.get("/v1/health").status == 503; }));
  EXPECT_THAT(client.get("/v1/health").body, HasSubstr(R"({"name":"database","state":"failing","reason":")"));
  const Answer refused = client.post("/v1/nonce", {{"device", Unit(2).id()}, {"profile", "iak"}});
  EXPECT_EQ(refused.status, 503U);
  EXPECT_EQ(refused.error(), "database_failure");
  server_.start();
  EXPECT_TRUE(serve.process().wait_until([&] { return client.get("/v1/health").status == 200; }));
  // That reads go well again says nothing of the writer, who notices with its next write: clients retry.
  EXPECT_TRUE(serve.process().wait_until([&] {
    return client.post("/v1/nonce", {{"device", Unit(2).id()}, {"profile", "iak"}}).status == 200;
  }));
  EXPECT_EQ(enrol(client, Unit(2)).status, 200U);
}

TEST_F(Nodes, TheCommandsOpenThePostgresqlRegistry) {
  const TempDir scratch;
  const std::string directory = (scratch / "ca").string();
  const CommandResult made = pedigree({"authority", "init", "--dir", directory, "--database", url_});
  ASSERT_EQ(made.status, 0) << made.output;
  const std::string id = Unit(7).id();
  write_file(scratch / "list.csv", "device,batch\n" + id + ",week 48\n");
  const CommandResult imported =
      pedigree({"authority", "import", "--dir", directory, (scratch / "list.csv").string()});
  EXPECT_EQ(imported.status, 0) << imported.output;
  const CommandResult status = pedigree({"authority", "list", "--dir", directory, id});
  EXPECT_EQ(status.status, 0) << status.output;
  EXPECT_THAT(status.output, HasSubstr("expected"));
  EXPECT_EQ(sql("SELECT count(*) FROM device"), "1");
  EXPECT_FALSE(std::filesystem::exists(directory + "/pedigree.sqlite"));
  EXPECT_EQ(pedigree({"audit", "checkpoint", "--dir", directory}).status, 0);
  const CommandResult verified = pedigree({"audit", "verify", "--dir", directory});
  EXPECT_EQ(verified.status, 0) << verified.output;
  EXPECT_THAT(verified.output, HasSubstr("1 checkpoints hold"));
  (void)sql("UPDATE device SET state = 4");
  EXPECT_NE(pedigree({"audit", "verify", "--dir", directory}).status, 0);
  // A second authority would mix its devices into the first one's registry.
  const CommandResult second =
      pedigree({"authority", "init", "--dir", (scratch / "other").string(), "--database", url_});
  EXPECT_EQ(second.status, 2) << second.output;
  EXPECT_THAT(second.output, HasSubstr("the registry of an authority already"));
  // What a newer program made is left alone, and the sentence says what to do.
  (void)sql("UPDATE schema_version SET number = 1000");
  const CommandResult newer = pedigree({"authority", "list", "--dir", directory, id});
  EXPECT_NE(newer.status, 0);
  EXPECT_THAT(newer.output, HasSubstr("by a newer version of this program"));
}

TEST_F(Nodes, APasswordInTheUrlIsRefusedAndNotRepeated) {
  const TempDir scratch;
  const std::string directory = (scratch / "ca").string();
  const CommandResult refused = pedigree({"authority", "init", "--dir", directory, "--database",
                                          "postgresql://someone:hunter2@127.0.0.1/registry"});
  EXPECT_EQ(refused.status, 2) << refused.output;
  EXPECT_THAT(refused.output, HasSubstr("PGPASSFILE"));
  EXPECT_THAT(refused.output, Not(HasSubstr("hunter2")));
  EXPECT_FALSE(std::filesystem::exists(directory));
  // Nobody listens there.
  const CommandResult away = pedigree({"authority", "init", "--dir", directory, "--database",
                                       "postgresql://someone@/registry?host=" + scratch.path().string()});
  EXPECT_NE(away.status, 0);
  EXPECT_THAT(away.output, HasSubstr(scratch.path().string()));
  EXPECT_FALSE(std::filesystem::exists(directory));
}

}  // namespace
}  // namespace pedigree::testing
