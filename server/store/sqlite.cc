// SPDX-License-Identifier: Apache-2.0
#include "server/store/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

namespace pedigree::store {

Statement::Statement(sqlite3* database, std::string_view sql) {
  sqlite3_prepare_v3(database, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                     &statement_, nullptr);
}

Statement::Statement(Statement&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  if (this != &other) {
    sqlite3_finalize(statement_);
    statement_ = std::exchange(other.statement_, nullptr);
  }
  return *this;
}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

Statement::Step Statement::step() noexcept {
  if (statement_ == nullptr) return Step::failed;
  const int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW) return Step::row;
  sqlite3_reset(statement_);
  return result == SQLITE_DONE ? Step::done : Step::failed;
}

Result<void> Statement::run() noexcept {
  const Step result = step();
  reset();
  if (result == Step::failed) return fail(ErrorCode::database_failure);
  return {};
}

void Statement::reset() noexcept {
  if (statement_ != nullptr) sqlite3_reset(statement_);
}

std::int64_t Statement::integer(int column) const noexcept {
  return sqlite3_column_int64(statement_, column);
}

bool Statement::is_null(int column) const noexcept {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::string_view Statement::text(int column) const noexcept {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Bytes Statement::blob(int column) const noexcept {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

void Statement::blob(int column, MutableBytes out) const noexcept {
  const Bytes octets = blob(column);
  std::fill(out.begin(), out.end(), std::uint8_t{0});
  if (octets.size() == out.size()) std::copy(octets.begin(), octets.end(), out.begin());
}

void Statement::bind_one(int index, std::int64_t value) noexcept {
  if (statement_ != nullptr) sqlite3_bind_int64(statement_, index, value);
}

void Statement::bind_one(int index, std::string_view value) noexcept {
  // A null pointer would bind NULL, and an empty text is not that.
  const char* data = value.data() == nullptr ? "" : value.data();
  if (statement_ != nullptr) {
    sqlite3_bind_text(statement_, index, data, static_cast<int>(value.size()), SQLITE_STATIC);
  }
}

void Statement::bind_one(int index, Bytes value) noexcept {
  if (statement_ != nullptr) {
    sqlite3_bind_blob(statement_, index, value.data(), static_cast<int>(value.size()), SQLITE_STATIC);
  }
}

void Statement::bind_one(int index, std::nullptr_t) noexcept {
  if (statement_ != nullptr) sqlite3_bind_null(statement_, index);
}

Result<Connection> Connection::open(const std::filesystem::path& file, bool writable, int busy_milliseconds) {
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
  Connection connection(database);
  if (result != SQLITE_OK) return fail(ErrorCode::database_failure);
  sqlite3_busy_timeout(database, busy_milliseconds);
  return connection;
}

Connection& Connection::operator=(Connection&& other) noexcept {
  if (this != &other) {
    sqlite3_close_v2(database_);
    database_ = std::exchange(other.database_, nullptr);
  }
  return *this;
}

Connection::~Connection() {
  sqlite3_close_v2(database_);
}

Result<void> Connection::execute(const char* sql) noexcept {
  if (sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return fail(ErrorCode::database_failure);
  }
  return {};
}

std::int64_t Connection::changes() const noexcept {
  return sqlite3_changes64(database_);
}

bool Connection::in_transaction() const noexcept {
  return sqlite3_get_autocommit(database_) == 0;
}

std::string_view Connection::message() const noexcept {
  return sqlite3_errmsg(database_);
}

}  // namespace pedigree::store
