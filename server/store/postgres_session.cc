// SPDX-License-Identifier: Apache-2.0
#include "server/store/postgres_session.h"

#include <algorithm>
#include <random>
#include <thread>

#include "server/store/postgres.h"

namespace pedigree::store {
namespace {

using namespace std::chrono_literals;

constexpr auto kBetweenAttempts = 100ms;
constexpr unsigned kMaxAttempts = 12;

PgResult keep(PGresult* result) {
  return {result, ClearResult{}};
}

std::string key_of(const PgQuery& query) {
  std::string key = query.name;
  for (const PgParameter& parameter : query.parameters) {
    const auto text = parameter.is_decimal ? std::string_view(parameter.decimal) : as_text(parameter.octets);
    key += parameter.is_null ? "-" : std::to_string(text.size()) + ":";
    key += text;
  }
  return key;
}

/// Before another attempt: longer each time, and not the same for two that were in each other's way.
void back_off(unsigned attempt) {
  thread_local std::minstd_rand random(std::random_device{}());
  const unsigned most = 2U << std::min(attempt, 7U);
  std::this_thread::sleep_for(
      std::chrono::milliseconds(std::uniform_int_distribution(most / 2, most)(random)));
}

}  // namespace

void PgSession::drop() noexcept {
  PQfinish(connection_);
  connection_ = nullptr;
  expected_.clear();
  foreseen_.clear();
  found_by_.clear();
}

bool PgSession::connect() noexcept {
  if (connected()) return true;
  const auto now = Clock::now();
  if (now < next_attempt_) return false;
  drop();
  // What the URL says comes after these, and so overrules them.
  const char* const keys[] = {"connect_timeout",           "tcp_user_timeout", "keepalives_idle",
                              "keepalives_interval",       "keepalives_count", "client_encoding",
                              "fallback_application_name", "dbname",           nullptr};
  const char* const values[] = {"3",    "5000", "5", "5", "3", "UTF8", "pedigree", location_.url.c_str(),
                                nullptr};
  connection_ = PQconnectdbParams(keys, values, 1);
  ++epoch_;
  in_transaction_ = false;
  if (!connected() || PQenterPipelineMode(connection_) != 1) {
    message_ = connection_ == nullptr ? "out of memory" : PQerrorMessage(connection_);
    std::ranges::replace(message_, '\n', ' ');
    while (message_.ends_with(' ')) message_.pop_back();
    next_attempt_ = Clock::now() + kBetweenAttempts;
    drop();
    return false;
  }
  PQsetNoticeProcessor(connection_, [](void*, const char*) {}, nullptr);
  lost_since_ = {};
  settle();
  return connected();
}

void PgSession::settle() noexcept {
  // Each may be unknown to a relative of PostgreSQL, which then keeps its own rule. A node that stands still
  // in the middle of a transaction must not keep the log from the others for ever; what is answered is
  // synced, whatever the server's default is.
  const std::string wait = "SET lock_timeout = " + std::to_string(location_.busy_milliseconds);
  for (const char* sql :
       {wait.c_str(), "SET idle_in_transaction_session_timeout = 10000", "SET synchronous_commit = on"}) {
    (void)run_now(sql);
  }
}

bool PgSession::send(const char* sql) noexcept {
  if (lost() || PQsendQueryParams(connection_, sql, 0, nullptr, nullptr, nullptr, nullptr, 1) != 1)
    return false;
  expected_.push_back({Kind::plain});
  return true;
}

bool PgSession::send(PgQuery& query, Kind kind, std::string key) noexcept {
  if (lost()) return false;
  if (query.prepared_in != epoch_) {
    if (PQsendPrepare(connection_, query.name.c_str(), query.sql.c_str(), 0, nullptr) != 1) return false;
    query.prepared_in = epoch_;
    expected_.push_back({Kind::prepare, &query});
  }
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
  for (const PgParameter& parameter : query.parameters) {
    // An empty view may point nowhere, and that would be NULL.
    const char* octets =
        parameter.octets.empty() ? "" : reinterpret_cast<const char*>(parameter.octets.data());
    const char* value = parameter.is_decimal ? parameter.decimal.c_str() : octets;
    values.push_back(parameter.is_null ? nullptr : value);
    lengths.push_back(static_cast<int>(parameter.octets.size()));
    formats.push_back(parameter.is_decimal ? 0 : 1);
  }
  if (PQsendQueryPrepared(connection_, query.name.c_str(), static_cast<int>(values.size()), values.data(),
                          lengths.data(), formats.data(), 1) != 1) {
    return false;
  }
  expected_.push_back({kind, nullptr, std::move(key)});
  return true;
}

void PgSession::note_failure(const PGresult* result) noexcept {
  failed_ = true;
  const char* state = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
  if (!sqlstate_.empty()) return;  // what comes after the first is its consequence
  sqlstate_ = state == nullptr ? "08006" : state;
  message_ = result == nullptr ? PQerrorMessage(connection_) : PQresultErrorMessage(result);
}

void PgSession::receive(const Expected& expected, PgResult result) noexcept {
  const ExecStatusType status = PQresultStatus(result.get());
  const bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
  if (!good) {
    if (expected.query != nullptr) expected.query->prepared_in = 0;
    if (status != PGRES_PIPELINE_ABORTED) note_failure(result.get());
    failed_ = true;
    return;
  }
  if (expected.kind == Kind::plain) last_ = std::move(result);
  if (expected.kind == Kind::change) last_change_ = std::move(result);
  if (expected.kind == Kind::foreseen) {
    // It is not there where a change came between.
    const auto found = foreseen_.find(expected.key);
    if (found != foreseen_.end()) found->second.result = std::move(result);
  }
}

bool PgSession::sync() noexcept {
  if (lost() || PQpipelineSync(connection_) != 1) {
    note_failure(nullptr);
    return false;
  }
  expected_.push_back({Kind::sync});
  while (!expected_.empty()) {
    const Expected expected = std::move(expected_.front());
    expected_.pop_front();
    PgResult result = keep(PQgetResult(connection_));
    if (!result || lost()) {
      note_failure(result.get());
      drop();
      return false;
    }
    if (expected.kind == Kind::sync) continue;
    receive(expected, std::move(result));
    while (const PgResult more = keep(PQgetResult(connection_))) {
      if (lost()) break;
    }
  }
  return !failed_;
}

PgResult PgSession::run_now(const char* sql) noexcept {
  if (!in_transaction_) {
    failed_ = false;
    sqlstate_.clear();
  }
  last_.reset();
  if (!send(sql) || !sync()) return nullptr;
  return last_;
}

bool PgSession::begin(bool writing) noexcept {
  if (!connect()) return false;
  failed_ = false;
  sqlstate_.clear();
  foreseen_.clear();
  found_by_.clear();
  writing_ = writing;
  // Whoever writes takes the row of the log's head first, so that each later query sees all that was
  // committed before; a snapshot from before the lock would have to be given up.
  in_transaction_ = send(writing ? "BEGIN ISOLATION LEVEL READ COMMITTED"
                                 : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  return in_transaction_;
}

Ending PgSession::commit() noexcept {
  bool sent = true;
  if (marks_) {
    if (mark_id_.empty()) {
      std::random_device random;
      for (int i = 0; i < 4; ++i) mark_id_ += std::to_string(random()) + ".";
    }
    ++mark_;
    mark_query_.parameters = {{.octets = as_bytes(mark_id_)},
                              {.octets = {}, .decimal = std::to_string(mark_), .is_decimal = true}};
    sent = send(mark_query_, Kind::change);
  }
  // Nothing is committed before the answers to all changes are known to be good: a failure makes the server
  // skip what follows in the pipeline.
  sent = sent && send("COMMIT");
  const bool synced = sent && sync();
  if (synced && std::string_view(PQcmdStatus(last_.get())) == "COMMIT") {
    in_transaction_ = false;
    attempts_ = 0;
    return Ending::committed;
  }
  // A server that shuts down may have committed before it said so.
  const bool is_unknown = lost() || sqlstate_.starts_with("08") || sqlstate_.starts_with("57P0");
  if (sent && is_unknown && marks_) return find_out();
  return give_up();
}

bool PgSession::reconnect_patiently() noexcept {
  drop();
  in_transaction_ = false;
  // Measured from the first failure, so that what waits behind it is refused quickly.
  if (lost_since_ == Clock::time_point{}) lost_since_ = Clock::now();
  while (!connect()) {
    if (Clock::now() - lost_since_ > kPatience) return false;
    std::this_thread::sleep_for(kBetweenAttempts);
  }
  return true;
}

Ending PgSession::find_out() noexcept {
  for (unsigned attempt = 0; attempt < kMaxAttempts && reconnect_patiently(); ++attempt) {
    const bool begun = begin(true);
    // Where the server is still at it, this waits for its end.
    const bool locked = begun && run_now("SELECT size FROM log_head WHERE one = 1 FOR UPDATE") != nullptr;
    const PgResult found = locked ? run_now(("SELECT number FROM writer WHERE id = '" + mark_id_ +
                                             "' AND number = " + std::to_string(mark_))
                                                .c_str())
                                  : nullptr;
    const bool committed = found && PQntuples(found.get()) == 1;
    const bool known = found != nullptr;
    if (known) {
      (void)give_up();
      return committed ? Ending::committed : Ending::again;
    }
    back_off(attempt);
  }
  return Ending::failed;
}

Ending PgSession::give_up() noexcept {
  foreseen_.clear();
  found_by_.clear();
  if (!lost() && in_transaction_) {
    (void)sync();  // a failure that has not come to light yet
    if (!lost()) (void)(send("ROLLBACK") && sync());
  }
  const std::string why = sqlstate_;
  in_transaction_ = false;
  // Class 08 and 57P0x: the connection or the server went away.
  if (lost() || why.starts_with("08") || why.starts_with("57P0")) {
    return reconnect_patiently() ? Ending::again : Ending::failed;
  }
  // Class 40: another transaction was in the way.
  if (!why.starts_with("40") || ++attempts_ > kMaxAttempts) {
    attempts_ = 0;
    return Ending::failed;
  }
  back_off(attempts_);
  return Ending::again;
}

PgResult PgSession::ask(PgQuery& query) noexcept {
  last_.reset();
  if (in_transaction_) {
    if (const auto found = foreseen_.find(key_of(query)); found != foreseen_.end()) {
      if (!found->second.result && !sync()) return nullptr;
      return found->second.result;
    }
    if (failed_ || !send(query, Kind::plain) || !sync()) {
      failed_ = true;
      return nullptr;
    }
    return last_;
  }
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (!connect()) return nullptr;
    failed_ = false;
    sqlstate_.clear();
    if (send(query, Kind::plain) && sync()) return last_;
    // A connection that the server closed since its last use is worth another.
    if (!lost() && !sqlstate_.starts_with("57P0")) return nullptr;
    drop();
  }
  return nullptr;
}

bool PgSession::change(PgQuery& query, const std::initializer_list<Bytes>* keys) noexcept {
  if (!in_transaction_) {
    const PgResult done = ask(query);
    last_change_ = done;
    return done != nullptr;
  }
  if (keys == nullptr) {
    foreseen_.clear();
    found_by_.clear();
  } else {
    for (const Bytes key : *keys) {
      const auto [first, last] = found_by_.equal_range(std::string(as_text(key)));
      for (auto found = first; found != last; ++found) foreseen_.erase(found->second);
      found_by_.erase(first, last);
    }
  }
  return !failed_ && send(query, Kind::change);
}

void PgSession::foresee(PgQuery& query) noexcept {
  if (!in_transaction_ || failed_) return;
  std::string key = key_of(query);
  const auto [entry, is_new] = foreseen_.try_emplace(key);
  if (!is_new) return;
  for (const PgParameter& parameter : query.parameters) {
    if (!parameter.is_decimal && !parameter.is_null) found_by_.emplace(as_text(parameter.octets), key);
  }
  if (!send(query, Kind::foreseen, std::move(key))) failed_ = true;
}

std::int64_t PgSession::changes() noexcept {
  if (in_transaction_ && !sync()) return 0;
  const char* count = last_change_ ? PQcmdTuples(last_change_.get()) : "";
  return std::atoll(count);
}

void PgSession::forget(const PgQuery& query) noexcept {
  for (Expected& expected : expected_) {
    if (expected.query == &query) expected.query = nullptr;
  }
}

}  // namespace pedigree::store
