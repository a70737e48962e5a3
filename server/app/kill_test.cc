// SPDX-License-Identifier: Apache-2.0
// `pedigree authority serve` under load, killed, stopped and short of disk: a certificate that a client
// received is in the database, and no unit has two. PEDIGREE_LONG=1: many more kills. That rows are synced
// before they are answered is shown by server/store/durability_test.cc: what a killed process wrote, the
// system still has.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <random>

#include "testing/authority/configured.h"
#include "testing/authority/load.h"
#include "testing/authority/serve_process.h"

namespace pedigree::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// The promise of this file, read by the sqlite3 command.
void expect_kept(const AuthorityFolder& folder, const Load& load) {
  EXPECT_THAT(load.surprises(), ::testing::IsEmpty());
  EXPECT_EQ(folder.sql("PRAGMA integrity_check"), "ok");
  EXPECT_EQ(
      folder.sql("SELECT count(*) FROM (SELECT device FROM certificate GROUP BY device HAVING count(*) > 1)"),
      "0")
      << "units with two certificates";
  std::map<std::string, std::string> stored;
  std::istringstream rows(folder.sql("SELECT lower(hex(device)) || ' ' || lower(hex(der)) FROM certificate"));
  for (std::string device, der; rows >> device >> der;) stored[device] = der;
  for (const auto& [device, leaf] : load.leaves()) {
    ASSERT_TRUE(stored.contains(device)) << device << " received a certificate that is not in the database";
    EXPECT_EQ(stored[device], hex(leaf));
  }
}

int rounds() {
  const char* wanted = std::getenv("PEDIGREE_LONG");
  return wanted != nullptr && std::string_view(wanted) == "1" ? 100 : 3;
}

TEST(Kill, NoCertificateIsLostAndNoUnitHasTwo) {
  const AuthorityFolder folder;
  Load load(folder.identity("station"));
  std::mt19937 random(std::random_device{}());
  for (int round = 0; round < rounds(); ++round) {
    ServeProcess serve(folder);
    load.serve_at({serve.port()});
    load.wait_for(std::uniform_int_distribution<std::size_t>(1, 300)(random));
    serve.process().kill(SIGKILL);
    EXPECT_EQ(serve.process().wait(), 128 + SIGKILL);
  }
  ServeProcess serve(folder);
  load.serve_at({serve.port()});
  load.finish();
  expect_kept(folder, load);
  EXPECT_EQ(folder.sql("SELECT count(*) FROM certificate"), std::to_string(load.leaves().size()))
      << "every client asked until it had its certificate";
  std::cout << load.leaves().size() << " units, " << load.reused()
            << " answered after the kill with what was stored\n";
}

TEST(Kill, SigtermAnswersWhatIsBeingWorkedOn) {
  const AuthorityFolder folder;
  ServeProcess serve(folder);
  Load load(folder.identity("station"));
  load.serve_at({serve.port()});
  load.wait_for(100);
  serve.process().kill(SIGTERM);
  EXPECT_EQ(serve.process().wait(), 0) << serve.output();
  load.give_up();
  load.finish();
  expect_kept(folder, load);
  EXPECT_FALSE(std::filesystem::exists(folder.layout().database().string() + "-wal")) << "closed cleanly";
}

TEST(Kill, AFullDiskRefusesAndLosesNothing) {
  const AuthorityFolder folder;
  Load load(folder.identity("station"));
  const Unit unlucky(1'000'000);
  {
    // No file may grow beyond this: the write-ahead log reaches it first.
    ServeProcess serve(folder, {.environment = {}, .largest_file = 600'000});
    load.serve_at({serve.port()});
    Client client(serve.port(), folder.identity("station"));
    Answer answer;
    for (std::uint64_t number = 2'000'000; answer.status != 503; ++number) {
      answer = client.post("/v1/nonce", {{"device", Unit(number).id()}, {"profile", "iak"}});
      ASSERT_TRUE(answer.status == 200 || answer.status == 503) << answer.body;
    }
    EXPECT_EQ(answer.error(), "database_failure");
    EXPECT_THAT(answer.body, HasSubstr("retry"));
    EXPECT_EQ(client.get("/v1/issuers").status, 200U) << "what needs no disk is still served";
    serve.process().kill(SIGKILL);
    serve.process().wait();
  }
  ServeProcess serve(folder);
  load.serve_at({serve.port()});
  load.wait_for(20);
  load.finish();
  expect_kept(folder, load);
  Client client(serve.port(), folder.identity("station"));
  EXPECT_EQ(enrol(client, unlucky).status, 200U);
}

TEST(Kill, ManyConnectionsLeaveTheDatabaseItsFiles) {
  const AuthorityFolder folder;
  change_settings(folder.layout().config(), {{"connections_per_address", "4096"}});  // as many as in all
  ServeProcess serve(folder, {}, {"prlimit", "--nofile=96:96"});
  const TlsFiles station = folder.identity("station");
  Client first(serve.port(), station);
  std::vector<std::unique_ptr<Client>> others;
  std::size_t refused = 0;
  for (int i = 0; i < 100; ++i) {
    try {
      others.push_back(std::make_unique<Client>(serve.port(), station));
    } catch (const boost::system::system_error&) {
      ++refused;
    }
  }
  EXPECT_EQ(others.size(), 31U) << "96 less what is kept back, less the first";
  EXPECT_EQ(refused, 69U);
  for (std::uint64_t number = 1; number <= 5; ++number) {
    EXPECT_EQ(enrol(first, Unit(number)).status, 200U);
    EXPECT_EQ(enrol(*others.at(number), Unit(number + 5)).status, 200U);
  }
}

TEST(Kill, TheProcessKeepsItsSecrets) {
  const AuthorityFolder folder;
  ServeProcess serve(folder);
  Client client(serve.port(), folder.identity("station"));
  ASSERT_EQ(enrol(client, Unit(1)).status, 200U);
  const std::filesystem::path proc = "/proc/" + std::to_string(serve.process().id());
  EXPECT_THAT(read_text(proc / "limits"), ::testing::ContainsRegex("Max core file size +0 +0 "));
  EXPECT_THAT(read_text(proc / "environ"), Not(HasSubstr(kPassphrase))) << "the variable is wiped once read";
  EXPECT_THAT(serve.output(), Not(HasSubstr(kPassphrase)));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path())) {
    const auto mode = entry.status().permissions();
    EXPECT_EQ(mode & (std::filesystem::perms::group_all | std::filesystem::perms::others_all),
              std::filesystem::perms::none)
        << entry.path();
  }
}

}  // namespace
}  // namespace pedigree::testing
