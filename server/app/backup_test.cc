// SPDX-License-Identifier: Apache-2.0
// `pedigree authority backup` while the authority serves under load, and `restore`: the audit log proves what
// came back, and a backup that is not as it was made is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/authority/load.h"
#include "testing/authority/serve_process.h"
#include "testing/postgres/postgres_server.h"

namespace pedigree::testing {
namespace {

using ::testing::HasSubstr;

namespace fs = std::filesystem;

class Backup : public ::testing::Test {
 protected:
  static CommandResult pedigree(const std::vector<std::string>& arguments) {
    std::vector<std::string> command{std::getenv("PEDIGREE_PROGRAM")};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return run(command);
  }
  static CommandResult back_up(const fs::path& directory, const fs::path& folder) {
    return pedigree({"authority", "backup", "--dir", directory.string(), folder.string()});
  }
  static CommandResult restore(const fs::path& directory, const fs::path& folder) {
    return pedigree({"authority", "restore", "--dir", directory.string(), folder.string()});
  }
  static CommandResult verify(const fs::path& directory, const fs::path& checkpoint) {
    return pedigree({"audit", "verify", "--dir", directory.string(), "--checkpoint", checkpoint.string()});
  }
  static std::string sql(const fs::path& directory, const std::string& query) {
    std::string output = run({"sqlite3", "-batch", (directory / "pedigree.sqlite").string(), query}).output;
    while (output.ends_with('\n')) output.pop_back();
    return output;
  }
  static long certificates(const fs::path& directory) {
    return std::stol(sql(directory, "SELECT count(*) FROM certificate"));
  }
  /// A checkpoint as a witness keeps it.
  void keep_checkpoint(std::uint16_t port, const std::string& name) {
    const Answer answer = Client(port, folder_.identity("station")).get("/v1/audit/checkpoint");
    ASSERT_EQ(answer.status, 200U) << answer.body;
    write_file(folder_.scratch(name), std::string_view(answer.body));
  }

  AuthorityFolder folder_;
};

TEST_F(Backup, MadeUnderLoadComesBackAndTheLogProvesIt) {
  const fs::path copy = folder_.scratch("backup");
  const fs::path back = folder_.scratch("restored");
  const Unit early(5'000'000);
  Octets early_leaf;
  long before = 0;
  long after = 0;
  {
    ServeProcess serve(folder_);
    Client client(serve.port(), folder_.identity("station"));
    early_leaf = chain_of(enrol(client, early)).front();
    Load load(folder_.identity("station"));
    load.serve_at({serve.port()});
    load.wait_for(100);
    keep_checkpoint(serve.port(), "earlier");
    before = certificates(folder_.path());
    const CommandResult made = back_up(folder_.path(), copy);
    EXPECT_EQ(made.status, 0) << made.output;
    after = certificates(folder_.path());
    load.wait_for(50);
    keep_checkpoint(serve.port(), "later");
    load.finish();
    EXPECT_THAT(load.surprises(), ::testing::IsEmpty());
    EXPECT_EQ(load.put_off(), 0U) << "nobody was put off by the copy";
  }
  const CommandResult restored = restore(back, copy);
  ASSERT_EQ(restored.status, 0) << restored.output;
  EXPECT_THAT(restored.output, HasSubstr("all proved by the log"));
  EXPECT_EQ(sql(back, "PRAGMA integrity_check"), "ok");
  EXPECT_GE(certificates(back), before) << "all that was answered before the copy began";
  EXPECT_LE(certificates(back), after);
  const CommandResult complete = verify(back, folder_.scratch("earlier"));
  EXPECT_EQ(complete.status, 0) << complete.output;
  const CommandResult grown = verify(folder_.path(), copy / "backup.checkpoint");
  EXPECT_EQ(grown.status, 0) << "the log that went on begins with the backup's: " << grown.output;
  const CommandResult cut = verify(back, folder_.scratch("later"));
  EXPECT_NE(cut.status, 0) << "what came after the backup is missed by whoever kept a later checkpoint";
  for (const char* name : {"authority.toml", "policy.toml", "root.key.pem", "issuers/vendor.key.pem"}) {
    EXPECT_EQ(read_text(back / name), read_text(folder_.path() / name));
    EXPECT_EQ(fs::status(back / name).permissions(), fs::perms(0600)) << name;
  }
  // It serves, with the keys it had.
  fs::rename(folder_.path(), folder_.scratch("lost"));
  fs::rename(back, folder_.path());
  ServeProcess serve(folder_);
  Client client(serve.port(), folder_.identity("station"));
  const Answer again = enrol(client, early);
  ASSERT_EQ(again.status, 200U) << again.body;
  EXPECT_TRUE(again.json().at("reused").as_bool());
  EXPECT_EQ(chain_of(again).front(), early_leaf);
  EXPECT_EQ(enrol(client, Unit(6'000'000)).status, 200U);
}

TEST_F(Backup, WhatIsNotAsItWasMadeIsRefused) {
  {
    ServeProcess serve(folder_);
    Client client(serve.port(), folder_.identity("station"));
    for (std::uint64_t number = 1; number <= 5; ++number) {
      ASSERT_EQ(enrol(client, Unit(number)).status, 200U);
    }
    keep_checkpoint(serve.port(), "kept");
  }
  const fs::path good = folder_.scratch("good");
  ASSERT_EQ(back_up(folder_.path(), good).status, 0);
  const fs::path bad = folder_.scratch("bad");
  const fs::path target = folder_.scratch("restored");
  const auto flip = [](const fs::path& file, std::size_t at) {
    std::string text = read_text(file);
    text.at(at) = static_cast<char>(text.at(at) ^ 1);
    write_file(file, std::string_view(text));
  };
  const auto hash = [](const fs::path& file) {
    return run({"sha256sum", file.string()}).output.substr(0, 64);
  };
  const struct {
    std::string what;
    std::function<void()> spoil;
    std::string why;
  } cases[] = {
      {"database cut",
       [&] { fs::resize_file(bad / "pedigree.sqlite", fs::file_size(bad / "pedigree.sqlite") / 2); },
       "pedigree.sqlite was changed"},
      {"database empty", [&] { fs::resize_file(bad / "pedigree.sqlite", 0); }, "pedigree.sqlite was changed"},
      {"an octet of the database", [&] { flip(bad / "pedigree.sqlite", 20'000); },
       "pedigree.sqlite was changed"},
      {"an octet of a key", [&] { flip(bad / "issuers/vendor.key.pem", 100); }, "vendor.key.pem was changed"},
      {"a file away", [&] { fs::remove(bad / "policy.toml"); }, "policy.toml is missing"},
      {"a file more", [&] { write_file(bad / "verifier.toml", std::string_view("")); },
       "is not part of the backup"},
      {"a link", [&] { fs::create_symlink("/etc/passwd", bad / "passwd"); }, "is no file"},
      {"no manifest", [&] { fs::remove(bad / "backup.json"); }, "backup.json"},
      {"half a manifest", [&] { fs::resize_file(bad / "backup.json", 100); }, "backup.json"},
      {"a name that leads out",
       [&] {
         std::string text = read_text(bad / "backup.json");
         text.replace(text.find("\"policy.toml\""), 13, "\"../policy.toml\"");
         write_file(bad / "backup.json", std::string_view(text));
       },
       "backup.json"},
      {"a row and its hash",
       [&] {
         const std::string old = hash(bad / "pedigree.sqlite");
         EXPECT_EQ(sql(bad, "PRAGMA journal_mode = DELETE; DELETE FROM certificate WHERE rowid = 2"),
                   "delete");
         std::string text = read_text(bad / "backup.json");
         text.replace(text.find(old), 64, hash(bad / "pedigree.sqlite"));
         write_file(bad / "backup.json", std::string_view(text));
       },
       "certificate"},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.what);
    fs::remove_all(bad);
    fs::copy(good, bad, fs::copy_options::recursive);
    one.spoil();
    const CommandResult refused = restore(target, bad);
    EXPECT_NE(refused.status, 0);
    EXPECT_THAT(refused.output, HasSubstr(one.why));
    EXPECT_FALSE(fs::exists(target)) << "nothing half is left";
  }
  EXPECT_EQ(restore(target, good).status, 0);
  EXPECT_NE(restore(target, good).status, 0) << "a directory that is there is left alone";
  EXPECT_EQ(verify(target, folder_.scratch("kept")).status, 0);
  EXPECT_NE(back_up(folder_.path(), good).status, 0) << "and so is a backup";
  EXPECT_NE(back_up(folder_.scratch("nothing"), folder_.scratch("none")).status, 0);
  EXPECT_FALSE(fs::exists(folder_.scratch("none")));
}

TEST_F(Backup, OfARegistryInPostgresqlIsDumpedBesideIt) {
  PostgresServer& server = PostgresServer::shared();
  const std::string url = server.create_database();
  const std::string name = server.sql(url, "SELECT current_database()");
  const std::string other = server.create_database();
  const AuthorityFolder folder(false, url);
  const fs::path copy = folder.scratch("backup");
  const std::string dump = copy.string() + ".dump";
  const fs::path back = folder.scratch("restored");
  {
    ServeProcess serve(folder);
    Client client(serve.port(), folder.identity("station"));
    ASSERT_EQ(enrol(client, Unit(1)).status, 200U);
    ASSERT_EQ(client.get("/v1/audit/checkpoint").status, 200U);
    const CommandResult made = back_up(folder.path(), copy);
    ASSERT_EQ(made.status, 0) << made.output;
    EXPECT_THAT(made.output, HasSubstr("pg_dump --format=custom --dbname='" + url + "' --file='" + dump));
    EXPECT_FALSE(fs::exists(copy / "pedigree.sqlite"));
    EXPECT_TRUE(fs::exists(copy / "backup.checkpoint"));
    EXPECT_EQ(enrol(client, Unit(2)).status, 200U);
    const CommandResult dumped = run({"pg_dump", "--format=custom", "--dbname=" + url, "--file=" + dump});
    ASSERT_EQ(dumped.status, 0) << dumped.output;
  }
  (void)server.sql(other, "DROP DATABASE " + name);
  const CommandResult gone = restore(back, copy);
  EXPECT_NE(gone.status, 0) << "the database comes first";
  EXPECT_THAT(gone.output, HasSubstr(name));
  EXPECT_FALSE(fs::exists(back));
  (void)server.sql(other, "CREATE DATABASE " + name);
  const CommandResult filled = run({"pg_restore", "--dbname=" + url, dump});
  ASSERT_EQ(filled.status, 0) << filled.output;
  const CommandResult restored = restore(back, copy);
  ASSERT_EQ(restored.status, 0) << restored.output;
  EXPECT_THAT(restored.output, HasSubstr("2 certificates of 2 devices"));
  // What is not in the dump is missed.
  fs::remove_all(back);
  (void)server.sql(url, "DELETE FROM certificate WHERE number = 1");
  const CommandResult robbed = restore(back, copy);
  EXPECT_NE(robbed.status, 0);
  EXPECT_FALSE(fs::exists(back));
}

}  // namespace
}  // namespace pedigree::testing
