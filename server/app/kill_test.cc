// SPDX-License-Identifier: Apache-2.0
// `pedigree authority serve` under load, killed, stopped and short of disk: a certificate that a client
// received is in the database, and no unit has two. PEDIGREE_LONG=1: many more kills. That rows are synced
// before they are answered is shown by server/store/durability_test.cc: what a killed process wrote, the
// system still has.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <csignal>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "testing/authority/serve_process.h"

namespace pedigree::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::size_t kClients = 6;

/// Clients that enrol one unit after another, and ask again for the same until they have its certificate.
class Load {
 public:
  explicit Load(const TlsFiles& files) : files_(files) {
    for (std::size_t i = 0; i < kClients; ++i) threads_.emplace_back([this, i] { run(i); });
  }
  ~Load() { finish(); }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  void serve_at(std::uint16_t port) {
    const std::lock_guard lock(mutex_);
    port_ = port;
    changed_.notify_all();
  }
  /// Waits until this many more certificates have come.
  void wait_for(std::size_t more) {
    std::unique_lock lock(mutex_);
    const std::size_t goal = leaves_.size() + more;
    changed_.wait(lock, [&] { return leaves_.size() >= goal; });
  }
  /// Lets every client finish its unit. No more certificates come afterwards.
  void finish() {
    {
      const std::lock_guard lock(mutex_);
      finishing_ = true;
      changed_.notify_all();
    }
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  /// No client needs to get what it still asks for.
  void give_up() {
    const std::lock_guard lock(mutex_);
    giving_up_ = true;
    changed_.notify_all();
  }
  /// Certificates by device id, after finish().
  [[nodiscard]] const std::map<std::string, Octets>& leaves() const { return leaves_; }
  [[nodiscard]] std::size_t reused() const { return reused_; }
  [[nodiscard]] const std::vector<std::string>& surprises() const { return surprises_; }

 private:
  void run(std::size_t client) {
    std::unique_ptr<Client> connection;
    for (std::uint64_t number = client; !stopping(finishing_); number += kClients) {
      const Unit unit(number + 1);
      while (!attempt(connection, unit)) {
        if (stopping(giving_up_)) return;
      }
    }
  }

  bool stopping(const bool& flag) {
    const std::lock_guard lock(mutex_);
    return flag;
  }

  /// Connects where needed and asks once.
  bool attempt(std::unique_ptr<Client>& connection, const Unit& unit) {
    try {
      if (!connection) connection = connect();
      const Answer nonce = connection->post("/v1/nonce", {{"device", unit.id()}, {"profile", "iak"}});
      if (nonce.status != 200) return refused(nonce);
      const Answer answer =
          connection->post("/v1/enrol", enrol_body(unit, std::string(nonce.json().at("nonce").as_string())));
      if (answer.status != 200) return refused(answer);
      const std::lock_guard lock(mutex_);
      if (answer.json().at("reused").as_bool()) ++reused_;
      if (!leaves_.emplace(unit.id(), chain_of(answer).front()).second) surprises_.push_back("twice");
      changed_.notify_all();
      return true;
    } catch (const boost::system::system_error&) {
      connection.reset();
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, std::chrono::milliseconds(10));  // for another server, or the same again
      return false;
    }
  }

  std::unique_ptr<Client> connect() {
    std::uint16_t port = 0;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return port_ != 0; });
      port = port_;
    }
    return std::make_unique<Client>(port, files_);
  }

  /// A full disk is worth another attempt; no other refusal is expected.
  bool refused(const Answer& answer) {
    if (answer.status == 503) return false;
    const std::lock_guard lock(mutex_);
    surprises_.push_back(answer.body);
    return true;
  }

  TlsFiles files_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint16_t port_ = 0;
  bool finishing_ = false;
  bool giving_up_ = false;
  std::map<std::string, Octets> leaves_;
  std::size_t reused_ = 0;
  std::vector<std::string> surprises_;
  std::vector<std::thread> threads_;
};

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
    load.serve_at(serve.port());
    load.wait_for(std::uniform_int_distribution<std::size_t>(1, 300)(random));
    serve.process().kill(SIGKILL);
    EXPECT_EQ(serve.process().wait(), 128 + SIGKILL);
  }
  ServeProcess serve(folder);
  load.serve_at(serve.port());
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
  load.serve_at(serve.port());
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
    load.serve_at(serve.port());
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
  load.serve_at(serve.port());
  load.wait_for(20);
  load.finish();
  expect_kept(folder, load);
  Client client(serve.port(), folder.identity("station"));
  EXPECT_EQ(enrol(client, unlucky).status, 200U);
}

TEST(Kill, ManyConnectionsLeaveTheDatabaseItsFiles) {
  const AuthorityFolder folder;
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
