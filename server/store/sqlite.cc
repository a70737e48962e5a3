// SPDX-License-Identifier: Apache-2.0
#include "server/store/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "server/store/wal_checkpointer.h"

namespace pedigree::store {
namespace {

class SqliteStatement final : public Prepared {
 public:
  explicit SqliteStatement(sqlite3_stmt* statement) noexcept : statement_(statement) {}
  SqliteStatement(const SqliteStatement&) = delete;
  SqliteStatement& operator=(const SqliteStatement&) = delete;
  ~SqliteStatement() override { sqlite3_finalize(statement_); }

  void bind(int index, std::int64_t value) noexcept override { sqlite3_bind_int64(statement_, index, value); }
  void bind(int index, std::string_view value) noexcept override {
    // A null pointer would bind NULL, and an empty text is not that.
    const char* data = value.data() == nullptr ? "" : value.data();
    sqlite3_bind_text(statement_, index, data, static_cast<int>(value.size()), SQLITE_STATIC);
  }
  void bind(int index, Bytes value) noexcept override {
    sqlite3_bind_blob(statement_, index, value.data(), static_cast<int>(value.size()), SQLITE_STATIC);
  }
  void bind_null(int index) noexcept override { sqlite3_bind_null(statement_, index); }

  Step step() noexcept override {
    const int result = sqlite3_step(statement_);
    if (result == SQLITE_ROW) return Step::row;
    sqlite3_reset(statement_);
    return result == SQLITE_DONE ? Step::done : Step::failed;
  }
  bool change(const std::initializer_list<Bytes>* /*keys*/) noexcept override {
    const Step result = step();
    reset();
    return result != Step::failed;
  }
  void foresee() noexcept override {}
  void reset() noexcept override { sqlite3_reset(statement_); }

  std::int64_t integer(int column) const noexcept override {
    return sqlite3_column_int64(statement_, column);
  }
  bool is_null(int column) const noexcept override {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
  }
  Bytes octets(int column) const noexcept override {
    // Of a text the UTF-8 form: sqlite3_column_blob changes nothing where that is what is stored.
    const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
    if (data == nullptr) return {};
    return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }

 private:
  sqlite3_stmt* statement_;
};

class SqliteDatabase final : public Database {
 public:
  explicit SqliteDatabase(sqlite3* database) noexcept : database_(database) {}
  SqliteDatabase(const SqliteDatabase&) = delete;
  SqliteDatabase& operator=(const SqliteDatabase&) = delete;
  ~SqliteDatabase() override {
    checkpointer_.reset();
    sqlite3_close_v2(database_);
  }

  Dialect dialect() const noexcept override { return Dialect::sqlite; }
  std::unique_ptr<Prepared> prepare(std::string_view sql) override {
    sqlite3_stmt* statement = nullptr;
    sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                       &statement, nullptr);
    if (statement == nullptr) return nullptr;
    return std::make_unique<SqliteStatement>(statement);
  }
  std::unique_ptr<Prepared> prepare_scan(std::string_view sql) override { return prepare(sql); }
  bool execute(const char* sql) noexcept override {
    return sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
  }
  bool begin(bool writing) noexcept override { return execute(writing ? "BEGIN IMMEDIATE" : "BEGIN"); }
  Ending commit() noexcept override { return execute("COMMIT") ? Ending::committed : give_up(); }
  Ending give_up() noexcept override {
    // SQLite rolls back by itself on some failures.
    if (sqlite3_get_autocommit(database_) == 0) (void)execute("ROLLBACK");
    return Ending::failed;
  }
  std::int64_t changes() noexcept override { return sqlite3_changes64(database_); }
  void checkpoint_beside(const Location& location) override {
    checkpointer_ = WalCheckpointer::start(database_, location, {});
  }

 private:
  sqlite3* database_;
  std::unique_ptr<WalCheckpointer> checkpointer_;
};

}  // namespace

Result<std::unique_ptr<Database>> open_sqlite(const Location& location, bool writable, std::string* why) {
  const std::filesystem::path& file = location.file;
  if (writable) {
    // SQLite would create the file readable by the group; its -wal and -shm take this file's mode. One that
    // is there is not opened: to close it would end the locks of every other connection of this process, and
    // whoever then closes the last one he sees would delete the log under the others.
    const int made = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (made >= 0) ::close(made);
  }
  sqlite3* database = nullptr;
  const int flags = (writable ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOMUTEX;
  const int result = sqlite3_open_v2(file.c_str(), &database, flags, nullptr);
  auto opened = std::make_unique<SqliteDatabase>(database);
  if (result != SQLITE_OK) {
    if (why != nullptr) *why = sqlite3_errmsg(database);
    return fail(ErrorCode::database_failure);
  }
  sqlite3_busy_timeout(database, location.busy_milliseconds);
  return opened;
}

}  // namespace pedigree::store
