// SPDX-License-Identifier: Apache-2.0
#include "server/store/postgres.h"

#include <algorithm>
#include <atomic>

#include "server/store/postgres_session.h"
#include "server/store/rows.h"

namespace pedigree::store {
namespace {

/// ?1 as $1. The store's SQL has no question mark elsewhere.
std::string numbered(std::string_view sql) {
  std::string text(sql);
  for (char& c : text) c = c == '?' ? '$' : c;
  return text;
}

std::string next_name() {
  static std::atomic<std::uint64_t> number{0};
  return "s" + std::to_string(++number);
}

std::int64_t big_endian(Bytes octets) {
  // int2, int4 and int8 are sent as two's complement.
  std::uint64_t value = !octets.empty() && octets[0] >= 0x80 ? ~std::uint64_t{0} : 0;
  for (const std::uint8_t octet : octets) value = value << 8U | octet;
  return static_cast<std::int64_t>(value);
}

class PgStatement final : public Prepared {
 public:
  /// `cursor` names a cursor that was declared for `sql`, and is then what gives the rows.
  PgStatement(PgSession& session, std::string sql) : session_(session), query_{next_name(), std::move(sql)} {}
  PgStatement(const PgStatement&) = delete;
  PgStatement& operator=(const PgStatement&) = delete;
  ~PgStatement() override { session_.forget(query_); }

  void bind(int index, std::int64_t value) noexcept override {
    PgParameter& parameter = at(index);
    parameter.decimal = std::to_string(value);
    parameter.is_decimal = true;
  }
  void bind(int index, std::string_view value) noexcept override {
    PgParameter& parameter = at(index);
    parameter.octets = as_bytes(value);
    if (is_storable(value)) return;
    // PostgreSQL would call it a failure. No row has such a text, so this is only ever looked for.
    parameter.decimal = "\xef\xbf\xbd";  // U+FFFD
    parameter.is_decimal = true;
  }
  void bind(int index, Bytes value) noexcept override { at(index).octets = value; }
  void bind_null(int index) noexcept override { at(index).is_null = true; }

  Step step() noexcept override {
    if (!result_) {
      result_ = session_.ask(query_);
      row_ = -1;
      if (!result_) return Step::failed;
    }
    if (++row_ < PQntuples(result_.get())) return Step::row;
    reset();
    return Step::done;
  }
  bool change(const std::initializer_list<Bytes>* keys) noexcept override {
    return session_.change(query_, keys);
  }
  void foresee() noexcept override { session_.foresee(query_); }
  void reset() noexcept override { result_.reset(); }

  std::int64_t integer(int column) const noexcept override { return big_endian(octets(column)); }
  bool is_null(int column) const noexcept override { return PQgetisnull(result_.get(), row_, column) != 0; }
  Bytes octets(int column) const noexcept override {
    return {reinterpret_cast<const std::uint8_t*>(PQgetvalue(result_.get(), row_, column)),
            static_cast<std::size_t>(PQgetlength(result_.get(), row_, column))};
  }

 private:
  PgParameter& at(int index) {
    if (query_.parameters.size() < static_cast<std::size_t>(index)) {
      query_.parameters.resize(static_cast<std::size_t>(index));
    }
    return query_.parameters[static_cast<std::size_t>(index) - 1] = {};
  }

  PgSession& session_;
  PgQuery query_;
  PgResult result_;
  int row_ = -1;
};

/// Rows of a cursor, a thousand at a time.
class PgScan final : public Prepared {
 public:
  PgScan(PgSession& session, std::string_view sql)
      : session_(session),
        name_(next_name()),
        declare_("DECLARE " + name_ + " NO SCROLL CURSOR FOR " + numbered(sql)),
        rows_(session, "FETCH 1000 FROM " + name_) {}

  void bind(int, std::int64_t) noexcept override {}
  void bind(int, std::string_view) noexcept override {}
  void bind(int, Bytes) noexcept override {}
  void bind_null(int) noexcept override {}
  Step step() noexcept override {
    if (!declared_ && !session_.run_now(declare_.c_str())) return Step::failed;
    declared_ = true;
    const Step step = rows_.step();
    return step == Step::done ? rows_.step() : step;  // of the next thousand
  }
  bool change(const std::initializer_list<Bytes>*) noexcept override { return false; }
  void foresee() noexcept override {}
  void reset() noexcept override {}
  std::int64_t integer(int column) const noexcept override { return rows_.integer(column); }
  bool is_null(int column) const noexcept override { return rows_.is_null(column); }
  Bytes octets(int column) const noexcept override { return rows_.octets(column); }

 private:
  PgSession& session_;
  std::string name_;
  std::string declare_;
  bool declared_ = false;
  PgStatement rows_;
};

class PgDatabase final : public Database {
 public:
  explicit PgDatabase(const Location& location) : session_(location) {}

  [[nodiscard]] PgSession& session() noexcept { return session_; }
  Dialect dialect() const noexcept override { return Dialect::postgresql; }
  std::unique_ptr<Prepared> prepare(std::string_view sql) override {
    return std::make_unique<PgStatement>(session_, numbered(sql));
  }
  std::unique_ptr<Prepared> prepare_scan(std::string_view sql) override {
    return std::make_unique<PgScan>(session_, sql);
  }
  bool execute(const char* sql) noexcept override { return session_.run_now(sql) != nullptr; }
  bool begin(bool writing) noexcept override { return session_.begin(writing); }
  Ending commit() noexcept override { return session_.commit(); }
  Ending give_up() noexcept override { return session_.give_up(); }
  std::int64_t changes() noexcept override { return session_.changes(); }
  void mark_commits() noexcept override { session_.mark_commits(); }

 private:
  PgSession session_;
};

}  // namespace

Result<std::unique_ptr<Database>> open_postgres(const Location& location, std::string* why) {
  auto database = std::make_unique<PgDatabase>(location);
  if (!database->session().connect()) {
    if (why != nullptr) *why = database->session().message();
    return fail(ErrorCode::database_failure);
  }
  return database;
}

Result<void> check_url(const std::string& url, std::string& why) {
  if (!url.starts_with("postgresql://") && !url.starts_with("postgres://")) {
    why = "must begin with postgresql://";
    return fail(ErrorCode::bad_value);
  }
  // It stands in a file of settings, and in messages.
  const bool is_plain = std::ranges::all_of(
      url, [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '\''; });
  PQconninfoOption* const options = is_plain ? PQconninfoParse(url.c_str(), nullptr) : nullptr;
  if (options == nullptr) {
    why = "is not a URL that PostgreSQL understands";
    return fail(ErrorCode::bad_value);
  }
  bool has_secret = false;
  for (const PQconninfoOption* option = options; option->keyword != nullptr; ++option) {
    has_secret |= option->val != nullptr && std::string_view(option->keyword).ends_with("password");
  }
  PQconninfoFree(options);
  if (!has_secret) return {};
  why = "has a password in it: keep that in ~/.pgpass (PGPASSFILE) or in a service file";
  return fail(ErrorCode::bad_value);
}

std::string describe_url(const std::string& url) {
  PQconninfoOption* options = PQconninfoParse(url.c_str(), nullptr);
  std::string host;
  std::string port;
  std::string name;
  for (const PQconninfoOption* option = options; option != nullptr && option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const std::string_view keyword = option->keyword;
    if (keyword == "host") host = option->val;
    if (keyword == "port") port = std::string(":") + option->val;
    if (keyword == "dbname") name = std::string("/") + option->val;
    if (keyword == "service") host = std::string("service ") + option->val;
  }
  PQconninfoFree(options);
  return "postgresql://" + host + port + name;
}

}  // namespace pedigree::store
