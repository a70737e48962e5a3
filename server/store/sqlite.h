// SPDX-License-Identifier: Apache-2.0
// The little of SQLite that the store needs: a connection and prepared statements that reset themselves.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/bytes/bytes.h"
#include "core/bytes/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace pedigree::store {

/// A prepared statement. Every failure is remembered until `ok()` is read by the caller of a step: SQLite
/// reports binding errors at the step too.
class Statement {
 public:
  Statement() = default;
  Statement(sqlite3* database, std::string_view sql);
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  [[nodiscard]] bool prepared() const noexcept { return statement_ != nullptr; }

  /// Binds parameters 1, 2, ... in order. Texts and octets are borrowed until the next reset.
  template <typename... Values>
  Statement& bind(const Values&... values) {
    reset();
    int index = 0;
    (bind_one(++index, values), ...);
    return *this;
  }

  enum class Step : std::uint8_t { row, done, failed };
  /// Steps once; on `done` and `failed` the statement is reset.
  [[nodiscard]] Step step() noexcept;
  /// Steps a statement that gives no rows. Errors: database_failure.
  [[nodiscard]] Result<void> run() noexcept;
  void reset() noexcept;

  [[nodiscard]] std::int64_t integer(int column) const noexcept;
  [[nodiscard]] bool is_null(int column) const noexcept;
  [[nodiscard]] std::string_view text(int column) const noexcept;
  [[nodiscard]] Bytes blob(int column) const noexcept;
  /// Copies a column of exactly this many octets; zeros where it has another length.
  void blob(int column, MutableBytes out) const noexcept;

 private:
  void bind_one(int index, std::int64_t value) noexcept;
  void bind_one(int index, std::string_view value) noexcept;
  void bind_one(int index, Bytes value) noexcept;
  void bind_one(int index, std::nullptr_t) noexcept;
  template <std::size_t N>
  void bind_one(int index, const std::array<std::uint8_t, N>& value) noexcept {
    bind_one(index, Bytes(value));
  }
  void bind_one(int index, const std::vector<std::uint8_t>& value) noexcept { bind_one(index, Bytes(value)); }
  template <typename Enum>
    requires std::is_enum_v<Enum>
  void bind_one(int index, Enum value) noexcept {
    bind_one(index, static_cast<std::int64_t>(value));
  }
  template <typename T>
  void bind_one(int index, const std::optional<T>& value) noexcept {
    if (value) {
      bind_one(index, *value);
    } else {
      bind_one(index, nullptr);
    }
  }

  sqlite3_stmt* statement_ = nullptr;
};

/// A connection for one thread at a time.
class Connection {
 public:
  /// Opens for writing (creating the file with mode 0600) or for reading. Errors: database_failure.
  static Result<Connection> open(const std::filesystem::path& file, bool writable, int busy_milliseconds);
  Connection(Connection&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Connection& operator=(Connection&& other) noexcept;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  /// Runs statements that give no rows. Errors: database_failure.
  [[nodiscard]] Result<void> execute(const char* sql) noexcept;
  [[nodiscard]] Statement prepare(std::string_view sql) const { return {database_, sql}; }
  /// Rows changed by the last statement.
  [[nodiscard]] std::int64_t changes() const noexcept;
  /// Whether a transaction is open: SQLite rolls back by itself on some failures.
  [[nodiscard]] bool in_transaction() const noexcept;
  /// SQLite's own words about the last failure.
  [[nodiscard]] std::string_view message() const noexcept;

 private:
  explicit Connection(sqlite3* database) noexcept : database_(database) {}
  sqlite3* database_ = nullptr;
};

}  // namespace pedigree::store
