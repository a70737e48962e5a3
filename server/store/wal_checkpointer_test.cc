// SPDX-License-Identifier: Apache-2.0
// The write-ahead log stays short while somebody writes without a pause, by the thread and without it.
#include "server/store/wal_checkpointer.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <chrono>
#include <limits>

#include "testing/support/support.h"

namespace pedigree::store {
namespace {

constexpr int kPageSize = 4096;
/// Of a frame in the log, before its page (SQLite's file format, 4.1).
constexpr int kFrameHeader = 24;

class WalCheckpointerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(sqlite3_open(location_.file.c_str(), &database_), SQLITE_OK);
    run("PRAGMA journal_mode = WAL");
    run("PRAGMA synchronous = OFF");  // nothing is said of durability here
    run("CREATE TABLE row (number INTEGER PRIMARY KEY, octets BLOB)");
  }
  void TearDown() override { sqlite3_close(database_); }

  void run(const char* sql) {
    ASSERT_EQ(sqlite3_exec(database_, sql, nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(database_);
  }
  void write() {
    run("INSERT INTO row (octets) VALUES (randomblob(3000))");
    ++written_;
  }
  [[nodiscard]] std::filesystem::path log() const { return location_.file.string() + "-wal"; }
  [[nodiscard]] std::uintmax_t pages() const {
    return std::filesystem::file_size(log()) / (kPageSize + kFrameHeader);
  }
  /// Of the log's header: another one each time that it begins anew.
  [[nodiscard]] std::string salt() const { return testing::read_text(log()).substr(16, 8); }
  void expect_whole() {
    run("PRAGMA integrity_check");
    sqlite3_stmt* count = nullptr;
    ASSERT_EQ(sqlite3_prepare_v2(database_, "SELECT count(*) FROM row", -1, &count, nullptr), SQLITE_OK);
    ASSERT_EQ(sqlite3_step(count), SQLITE_ROW);
    EXPECT_EQ(sqlite3_column_int(count, 0), written_);
    sqlite3_finalize(count);
  }

  testing::TempDir folder_;
  Location location_{.file = folder_ / "db"};
  sqlite3* database_ = nullptr;
  int written_ = 0;
};

TEST_F(WalCheckpointerTest, TheThreadLetsTheLogBeginAnew) {
  const auto checkpointer =
      WalCheckpointer::start(database_, location_, {.start = 20, .most = std::numeric_limits<int>::max()});
  ASSERT_NE(checkpointer, nullptr);
  write();
  const std::string first = salt();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
  while (salt() == first && std::chrono::steady_clock::now() < deadline) write();
  EXPECT_NE(salt(), first);
  expect_whole();
}

TEST_F(WalCheckpointerTest, TheWriterHelpsAThreadThatDoesNotKeepUp) {
  constexpr int kMost = 100;
  constexpr int kPagesOfAChange = 4;
  const auto checkpointer = WalCheckpointer::start(
      database_, location_, {.start = std::numeric_limits<int>::max() / 2, .most = kMost});
  ASSERT_NE(checkpointer, nullptr);
  for (int i = 0; i < 5 * kMost; ++i) write();
  EXPECT_LE(pages(), std::uintmax_t{kMost} + kPagesOfAChange);
  expect_whole();
}

TEST_F(WalCheckpointerTest, AReaderHoldsTheLogAndNobodyWaits) {
  const auto checkpointer = WalCheckpointer::start(database_, location_, {.start = 20, .most = 100});
  ASSERT_NE(checkpointer, nullptr);
  write();
  auto reader = Connection::open(location_, false);
  ASSERT_TRUE(reader && reader->begin_snapshot());
  Statement count = reader->prepare("SELECT count(*) FROM row");
  ASSERT_EQ(count.step(), Step::row);
  for (int i = 0; i < 500; ++i) write();
  EXPECT_GT(pages(), 100U) << "what the reader sees is not taken away";
  EXPECT_EQ(count.integer(0), 1);
  count.reset();
  (void)reader->give_up();
  const std::string held = salt();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
  while (salt() == held && std::chrono::steady_clock::now() < deadline) write();
  EXPECT_NE(salt(), held) << "and begins anew when it has gone";
  expect_whole();
}

}  // namespace
}  // namespace pedigree::store
