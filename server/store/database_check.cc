// SPDX-License-Identifier: Apache-2.0
#include "server/store/database_check.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <memory>

#include "server/store/schema.h"
#include "server/store/sqlite.h"

namespace pedigree::store {
namespace {

constexpr int kPagesAtOnce = 256;
constexpr int kBusyMilliseconds = 5000;

using Handle = std::unique_ptr<sqlite3, int (*)(sqlite3*)>;

Handle open_handle(const std::filesystem::path& file, int flags) {
  sqlite3* raw = nullptr;
  const int result = sqlite3_open_v2(file.c_str(), &raw, flags, nullptr);
  Handle handle(raw, sqlite3_close);
  if (result != SQLITE_OK) return {nullptr, sqlite3_close};
  sqlite3_busy_timeout(handle.get(), kBusyMilliseconds);
  return handle;
}

bool run(sqlite3* handle, const char* sql) {
  return sqlite3_exec(handle, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
}

bool copy_pages(sqlite3* from, sqlite3* to, const CopyProgress& progress) {
  sqlite3_backup* backup = sqlite3_backup_init(to, "main", from, "main");
  if (backup == nullptr) return false;
  int result = SQLITE_OK;
  while (result == SQLITE_OK) {
    result = sqlite3_backup_step(backup, kPagesAtOnce);
    const int all = sqlite3_backup_pagecount(backup);
    if (progress) progress(all - sqlite3_backup_remaining(backup), all);
  }
  return sqlite3_backup_finish(backup) == SQLITE_OK && result == SQLITE_DONE;
}

bool copy_into(sqlite3* from, const std::filesystem::path& to, const CopyProgress& progress) {
  const Handle target = open_handle(to, SQLITE_OPEN_READWRITE);
  // Nobody reads it before it is whole, and a crash leaves a file that nobody restores: no journal of its
  // own.
  if (!target || !run(target.get(), "PRAGMA journal_mode = OFF; PRAGMA synchronous = FULL")) return false;
  return copy_pages(from, target.get(), progress);
}

}  // namespace

Result<void> check_database(const Location& location, std::string* why) {
  PEDIGREE_ASSIGN(Connection connection, Connection::open(location, false, why));
  const bool is_sqlite = connection.dialect() == Dialect::sqlite;
  Statement version = connection.prepare(is_sqlite ? "PRAGMA user_version"
                                                   : "SELECT number FROM schema_version WHERE one = 1");
  if (version.step() != Statement::Step::row) return fail(ErrorCode::database_failure);
  if (version.integer(0) > kSchemaVersion) return fail(ErrorCode::unsupported_version);
  // A database server looks after its own pages.
  if (!is_sqlite) return {};
  Statement check = connection.prepare("PRAGMA quick_check(1)");
  if (check.step() != Statement::Step::row || check.text(0) != "ok") {
    return fail(ErrorCode::database_failure);
  }
  return {};
}

Result<void> copy_database(const std::filesystem::path& from, const std::filesystem::path& to,
                           const CopyProgress& progress) {
  const Handle source = open_handle(from, SQLITE_OPEN_READONLY);
  // A read transaction that stays open: all pages are of one moment, and other processes' writes do not make
  // the copy begin anew.
  if (!source || !run(source.get(), "BEGIN; SELECT count(*) FROM sqlite_master")) {
    return fail(ErrorCode::database_failure);
  }
  const int made = ::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (made < 0) return fail(ErrorCode::io_failure);
  ::close(made);
  if (copy_into(source.get(), to, progress)) return {};
  std::error_code ignored;
  std::filesystem::remove(to, ignored);
  return fail(ErrorCode::io_failure);
}

}  // namespace pedigree::store
