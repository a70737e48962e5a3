// SPDX-License-Identifier: Apache-2.0
// The little of a database that the store needs, whichever it is: a connection, transactions, and prepared
// statements that reset themselves. Parameters are written ?1, ?2, ...; SQL that both back ends run keeps to
// what SQLite, PostgreSQL, CockroachDB and YugabyteDB share.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/bytes/bytes.h"
#include "core/bytes/error.h"

namespace pedigree::store {

enum class Dialect : std::uint8_t { sqlite, postgresql };

/// Where a database is: a file of SQLite, or the URL of a PostgreSQL server where that is not empty.
struct Location {
  std::filesystem::path file;
  std::string url{};
  int busy_milliseconds = 5000;  ///< how long to wait for another writer's lock
};

enum class Step : std::uint8_t { row, done, failed };

/// What a back end gives for a statement.
class Prepared {
 public:
  virtual ~Prepared() = default;
  virtual void bind(int index, std::int64_t value) noexcept = 0;
  virtual void bind(int index, std::string_view value) noexcept = 0;
  virtual void bind(int index, Bytes value) noexcept = 0;
  virtual void bind_null(int index) noexcept = 0;
  [[nodiscard]] virtual Step step() noexcept = 0;
  /// Changes rows that are found by these octets or texts alone; null: by anything.
  [[nodiscard]] virtual bool change(const std::initializer_list<Bytes>* keys) noexcept = 0;
  virtual void foresee() noexcept = 0;
  virtual void reset() noexcept = 0;
  [[nodiscard]] virtual std::int64_t integer(int column) const noexcept = 0;
  [[nodiscard]] virtual bool is_null(int column) const noexcept = 0;
  /// Text or octets of a column, until the next step or reset.
  [[nodiscard]] virtual Bytes octets(int column) const noexcept = 0;
};

/// A prepared statement; one that could not be prepared fails at its first step.
class Statement {
 public:
  using Step = store::Step;

  Statement() = default;
  explicit Statement(std::unique_ptr<Prepared> prepared) : prepared_(std::move(prepared)) {}

  [[nodiscard]] bool prepared() const noexcept { return prepared_ != nullptr; }

  /// Binds parameters 1, 2, ... in order. Texts and octets are borrowed until the next reset.
  template <typename... Values>
  Statement& bind(const Values&... values) {
    reset();
    int index = 0;
    (bind_one(++index, values), ...);
    return *this;
  }

  /// Steps once; on `done` and `failed` the statement is reset.
  [[nodiscard]] Step step() noexcept { return prepared_ ? prepared_->step() : Step::failed; }
  /// Runs a statement that gives no rows. Inside a transaction a failure may come to light as late as with
  /// the commit. Errors: database_failure.
  [[nodiscard]] Result<void> run() noexcept { return change(nullptr); }
  /// The same for a change of rows that later queries of this transaction find by one of these octets or
  /// texts as a parameter, or not at all: what was foreseen by others is still true.
  [[nodiscard]] Result<void> run_on(std::initializer_list<Bytes> keys) noexcept { return change(&keys); }
  /// Announces that this query, as it is bound now, will be stepped in this transaction: a back end behind a
  /// network asks for all that is announced at once.
  void foresee() noexcept {
    if (prepared_) prepared_->foresee();
  }
  void reset() noexcept {
    if (prepared_) prepared_->reset();
  }

  [[nodiscard]] std::int64_t integer(int column) const noexcept { return prepared_->integer(column); }
  [[nodiscard]] bool is_null(int column) const noexcept { return prepared_->is_null(column); }
  [[nodiscard]] std::string_view text(int column) const noexcept {
    const Bytes octets = prepared_->octets(column);
    return {reinterpret_cast<const char*>(octets.data()), octets.size()};
  }
  [[nodiscard]] Bytes blob(int column) const noexcept { return prepared_->octets(column); }
  /// Copies a column of exactly this many octets; zeros where it has another length.
  void blob(int column, MutableBytes out) const noexcept;

 private:
  Result<void> change(const std::initializer_list<Bytes>* keys) noexcept {
    const bool changed = prepared_ && prepared_->change(keys);
    if (!changed) return fail(ErrorCode::database_failure);
    return {};
  }
  void bind_one(int index, std::int64_t value) noexcept {
    if (prepared_) prepared_->bind(index, value);
  }
  void bind_one(int index, std::string_view value) noexcept {
    if (prepared_) prepared_->bind(index, value);
  }
  void bind_one(int index, Bytes value) noexcept {
    if (prepared_) prepared_->bind(index, value);
  }
  void bind_one(int index, std::nullptr_t) noexcept {
    if (prepared_) prepared_->bind_null(index);
  }
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

  std::unique_ptr<Prepared> prepared_;
};

/// How an attempt to change something ended.
enum class Ending : std::uint8_t {
  committed,
  failed,  ///< nothing of it is in the database, and trying again at once would fail too
  again,   ///< nothing of it is in the database, and it may be tried again at once
};

/// What a back end gives for a connection.
class Database {
 public:
  virtual ~Database() = default;
  [[nodiscard]] virtual Dialect dialect() const noexcept = 0;
  [[nodiscard]] virtual std::unique_ptr<Prepared> prepare(std::string_view sql) = 0;
  [[nodiscard]] virtual std::unique_ptr<Prepared> prepare_scan(std::string_view sql) = 0;
  [[nodiscard]] virtual bool execute(const char* sql) noexcept = 0;
  [[nodiscard]] virtual bool begin(bool writing) noexcept = 0;
  [[nodiscard]] virtual Ending commit() noexcept = 0;
  [[nodiscard]] virtual Ending give_up() noexcept = 0;
  [[nodiscard]] virtual std::int64_t changes() noexcept = 0;
  virtual void mark_commits() noexcept {}
  virtual void checkpoint_beside(const Location& /*location*/) {}
};

/// A connection for one thread at a time.
class Connection {
 public:
  /// Opens for writing (creating a file with mode 0600) or for reading. Where it fails, `why` gets the
  /// database's own words, which hold no password. Errors: database_failure.
  static Result<Connection> open(const Location& location, bool writable, std::string* why = nullptr);
  explicit Connection(std::unique_ptr<Database> database) : database_(std::move(database)) {}

  [[nodiscard]] Dialect dialect() const noexcept { return database_->dialect(); }
  /// Runs one statement that gives no rows (SQLite: any number of them). Errors: database_failure.
  [[nodiscard]] Result<void> execute(const char* sql) noexcept {
    if (!database_->execute(sql)) return fail(ErrorCode::database_failure);
    return {};
  }
  [[nodiscard]] Statement prepare(std::string_view sql) const { return Statement(database_->prepare(sql)); }
  /// A query without parameters whose rows are too many for memory; inside a transaction.
  [[nodiscard]] Statement prepare_scan(std::string_view sql) const {
    return Statement(database_->prepare_scan(sql));
  }

  /// Begins to write, after whoever writes now where that is SQLite. Errors: database_failure.
  [[nodiscard]] Result<void> begin() noexcept { return begin(true); }
  /// Begins to read one snapshot. Errors: database_failure.
  [[nodiscard]] Result<void> begin_snapshot() noexcept { return begin(false); }
  [[nodiscard]] Ending commit() noexcept { return database_->commit(); }
  /// Rolls back after a failure or a snapshot, and says whether it is worth another attempt.
  Ending give_up() noexcept { return database_->give_up(); }
  /// Rows changed by the last statement.
  [[nodiscard]] std::int64_t changes() noexcept { return database_->changes(); }
  /// From now on a commit whose answer is lost is found out about (needs the table `writer`).
  void mark_commits() noexcept { database_->mark_commits(); }
  /// From now on what SQLite's commits leave to be done is done by a thread of its own, on the same location.
  void checkpoint_beside(const Location& location) { database_->checkpoint_beside(location); }

 private:
  [[nodiscard]] Result<void> begin(bool writing) noexcept {
    if (!database_->begin(writing)) return fail(ErrorCode::database_failure);
    return {};
  }
  std::unique_ptr<Database> database_;
};

}  // namespace pedigree::store
