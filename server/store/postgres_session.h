// SPDX-License-Identifier: Apache-2.0
// A connection of libpq in pipeline mode: what was sent and not answered yet, and what was foreseen.
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "server/store/sql.h"

namespace pedigree::store {

struct ClearResult {
  void operator()(PGresult* result) const noexcept { PQclear(result); }
};
using PgResult = std::shared_ptr<PGresult>;

/// A parameter: text or octets as they are, integers in decimal (a text form fits any integer type).
struct PgParameter {
  Bytes octets;  ///< borrowed, unless `decimal` is used
  std::string decimal{};
  bool is_null = false;
  bool is_decimal = false;
};

/// A statement as the session knows it.
struct PgQuery {
  std::string name;  ///< on the server
  std::string sql;   ///< with $1, $2, ...
  std::vector<PgParameter> parameters{};
  std::uint64_t prepared_in = 0;  ///< the connection on which the server has it; 0: none
};

class PgSession {
 public:
  explicit PgSession(const Location& location) : location_(location) {}
  PgSession(const PgSession&) = delete;
  PgSession& operator=(const PgSession&) = delete;
  ~PgSession() { PQfinish(connection_); }

  /// Connects, unless that failed a moment ago.
  [[nodiscard]] bool connect() noexcept;
  [[nodiscard]] bool connected() const noexcept {
    return connection_ != nullptr && PQstatus(connection_) == CONNECTION_OK;
  }
  /// PostgreSQL's words about the last failure, in one line.
  [[nodiscard]] const std::string& message() const noexcept { return message_; }

  [[nodiscard]] bool begin(bool writing) noexcept;
  [[nodiscard]] Ending commit() noexcept;
  [[nodiscard]] Ending give_up() noexcept;
  void mark_commits() noexcept { marks_ = true; }

  /// The answer to a query, from what was foreseen where it is still true; empty: it failed.
  [[nodiscard]] PgResult ask(PgQuery& query) noexcept;
  [[nodiscard]] bool change(PgQuery& query, const std::initializer_list<Bytes>* keys) noexcept;
  void foresee(PgQuery& query) noexcept;
  /// Runs SQL without parameters now.
  [[nodiscard]] PgResult run_now(const char* sql) noexcept;
  [[nodiscard]] std::int64_t changes() noexcept;
  /// The statement ends: nothing that is still to be answered may point to it.
  void forget(const PgQuery& query) noexcept;

 private:
  using Clock = std::chrono::steady_clock;
  enum class Kind : std::uint8_t { prepare, plain, change, foreseen, sync };
  struct Expected {
    Kind kind;
    PgQuery* query = nullptr;  ///< of a prepare
    std::string key{};         ///< of what was foreseen
  };
  struct Foreseen {
    PgResult result;
    std::vector<std::string> parameters;
  };

  [[nodiscard]] bool send(const char* sql) noexcept;
  [[nodiscard]] bool send(PgQuery& query, Kind kind, std::string key = {}) noexcept;
  /// Waits for every answer. False: one was a failure.
  [[nodiscard]] bool sync() noexcept;
  void receive(const Expected& expected, PgResult result) noexcept;
  void note_failure(const PGresult* result) noexcept;
  void drop() noexcept;
  [[nodiscard]] bool lost() const noexcept { return !connected(); }
  [[nodiscard]] bool reconnect_patiently() noexcept;
  void settle() noexcept;
  /// Whether the transaction whose COMMIT was not answered is in the database.
  [[nodiscard]] Ending find_out() noexcept;

  Location location_;
  PGconn* connection_ = nullptr;
  std::uint64_t epoch_ = 0;  ///< counts connections
  Clock::time_point next_attempt_{};
  Clock::time_point lost_since_{};
  unsigned attempts_ = 0;  ///< in a row that another transaction was in the way of
  std::deque<Expected> expected_;
  std::string message_;
  std::string sqlstate_;
  bool in_transaction_ = false;
  bool writing_ = false;
  bool failed_ = false;
  PgResult last_;         ///< answer to the last plain query
  PgResult last_change_;  ///< answer to the last change
  std::unordered_map<std::string, Foreseen> foreseen_;
  std::unordered_multimap<std::string, std::string> found_by_;  ///< parameter to keys of foreseen_
  bool marks_ = false;
  std::string mark_id_;  ///< names this session in the table `writer`
  PgQuery mark_query_{"mark",
                      "INSERT INTO writer (id, number) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET "
                      "number = excluded.number"};
  std::int64_t mark_ = 0;
};

}  // namespace pedigree::store
