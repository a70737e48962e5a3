// SPDX-License-Identifier: Apache-2.0
#include "server/store/schema.h"

#include <string>

#include "server/store/audit_log.h"

namespace pedigree::store {
namespace {

// Numbers of states are those of registry/device.h: 3 is CertificateState::revoked.
constexpr const char* kTables = R"sql(
CREATE TABLE device (
  id       BLOB PRIMARY KEY CHECK (length(id) = 33),
  state    INTEGER NOT NULL CHECK (state BETWEEN 1 AND 7),
  resume   INTEGER CHECK (resume BETWEEN 1 AND 4),
  profiles TEXT NOT NULL,
  created  INTEGER NOT NULL,
  changed  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE certificate (
  number     INTEGER PRIMARY KEY,
  serial     BLOB NOT NULL UNIQUE CHECK (length(serial) = 16),
  device     BLOB NOT NULL REFERENCES device (id),
  profile    TEXT NOT NULL,
  issuer     TEXT NOT NULL,
  key        BLOB NOT NULL UNIQUE CHECK (length(key) = 32),
  state      INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3),
  not_before INTEGER NOT NULL,
  not_after  INTEGER NOT NULL,
  issued_at  INTEGER NOT NULL,
  receipt_at INTEGER,
  revoked_at INTEGER CHECK ((revoked_at IS NULL) = (state <> 3)),
  reason     INTEGER NOT NULL,
  der        BLOB NOT NULL
);
CREATE UNIQUE INDEX certificate_live ON certificate (device, profile) WHERE state <> 3;
CREATE INDEX certificate_revoked ON certificate (issuer, revoked_at) WHERE state = 3;
CREATE INDEX certificate_revoked_device ON certificate (device) WHERE state = 3;
CREATE TABLE event (
  number    INTEGER PRIMARY KEY,
  device    BLOB NOT NULL,
  at        INTEGER NOT NULL,
  who       TEXT NOT NULL,
  place     TEXT NOT NULL,
  what      TEXT NOT NULL,
  old_state INTEGER,
  new_state INTEGER,
  why       TEXT NOT NULL
);
CREATE INDEX event_device ON event (device);
)sql";

// Since version 2. The counter grows with every change that takes trust away or gives it back; what only adds
// devices and certificates leaves it alone, so that a factory at work costs a verifier nothing. 4 is the last
// state of a device that is trusted (active).
constexpr const char* kRevocation = R"sql(
CREATE TABLE issuer_revocation (
  name       TEXT PRIMARY KEY,
  parent     TEXT NOT NULL,
  serial     BLOB NOT NULL,
  revoked_at INTEGER NOT NULL,
  reason     INTEGER NOT NULL,
  who        TEXT NOT NULL,
  place      TEXT NOT NULL,
  why        TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE generation (one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL);
INSERT INTO generation VALUES (1, 1);
)sql";

// SQLite counts by itself; with PostgreSQL, where triggers are no part of what its relatives share,
// server/store/ writes.cc does.
constexpr const char* kCounting = R"sql(
CREATE TRIGGER generation_device AFTER UPDATE OF state ON device WHEN new.state > 4 OR old.state > 4
BEGIN UPDATE generation SET number = number + 1; END;
CREATE TRIGGER generation_certificate AFTER UPDATE OF state ON certificate WHEN new.state = 3
BEGIN UPDATE generation SET number = number + 1; END;
CREATE TRIGGER generation_issuer AFTER INSERT ON issuer_revocation
BEGIN UPDATE generation SET number = number + 1; END;
)sql";

// Since version 3. Nothing is ever deleted: a number that was given out is not given out again.
constexpr const char* kSigners = R"sql(
CREATE TABLE signer_revocation (
  key        BLOB PRIMARY KEY CHECK (length(key) = 32),
  name       TEXT NOT NULL,
  revoked_at INTEGER NOT NULL,
  who        TEXT NOT NULL,
  place      TEXT NOT NULL,
  why        TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE signer_list (
  number    INTEGER PRIMARY KEY CHECK (number > 0),
  issued_at INTEGER NOT NULL,
  message   BLOB NOT NULL
);
)sql";

// Since version 4. An event's number is its place in the audit log, from 1 and without gaps; its leaf is the
// hash of it (registry/audit_entry.h). A node of level 8, 16, ... stands for 256, 65,536, ... leaves.
constexpr const char* kAudit = R"sql(
ALTER TABLE event ADD COLUMN serial BLOB;
ALTER TABLE event ADD COLUMN digest BLOB;
ALTER TABLE event ADD COLUMN leaf BLOB;
CREATE TABLE audit_node (
  level    INTEGER NOT NULL,
  position INTEGER NOT NULL,
  hash     BLOB NOT NULL CHECK (length(hash) = 32),
  PRIMARY KEY (level, position)
) WITHOUT ROWID;
CREATE TABLE checkpoint (
  size INTEGER PRIMARY KEY,
  at   INTEGER NOT NULL,
  note TEXT NOT NULL
);
)sql";

// Since version 5: one-time tokens.
constexpr const char* kProtocols = R"sql(
CREATE TABLE enrol_token (
  hash       BLOB PRIMARY KEY CHECK (length(hash) = 32),
  device     BLOB CHECK (length(device) = 33),
  profiles   TEXT NOT NULL,
  who        TEXT NOT NULL,
  made_at    INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  serial     BLOB UNIQUE CHECK (length(serial) = 16)
) WITHOUT ROWID;
)sql";

// Since version 6: the allow-list's lines, batches, stations. `import` is the number of the event that binds
// a device's line, `seal` the beginning of the line's hash (registry/listing.h). Indexes of a column that
// most devices do not have leave those out; so does that of states, of which an operator looks for the rare
// ones.
constexpr const char* kListing = R"sql(
ALTER TABLE device ADD COLUMN batch INTEGER;
ALTER TABLE device ADD COLUMN product TEXT NOT NULL DEFAULT '';
ALTER TABLE device ADD COLUMN label TEXT NOT NULL DEFAULT '';
ALTER TABLE device ADD COLUMN station TEXT;
ALTER TABLE device ADD COLUMN import INTEGER;
ALTER TABLE device ADD COLUMN seal BLOB;
CREATE INDEX device_batch ON device (batch, id) WHERE batch IS NOT NULL;
CREATE INDEX device_station ON device (station, id) WHERE station IS NOT NULL;
CREATE INDEX device_state ON device (state, id) WHERE state > 4;
CREATE INDEX event_who ON event (who, number);
CREATE INDEX event_at ON event (at);
CREATE INDEX event_alarm ON event (number) WHERE what IN ('alarm', 'refused');
CREATE TABLE batch (
  number   INTEGER PRIMARY KEY,
  name     TEXT NOT NULL UNIQUE,
  made_at  INTEGER NOT NULL,
  who      TEXT NOT NULL,
  imported INTEGER NOT NULL
);
CREATE TABLE station (
  name        TEXT PRIMARY KEY,
  certificate BLOB CHECK (length(certificate) = 32),
  enabled     INTEGER NOT NULL CHECK (enabled IN (0, 1)),
  changed     INTEGER NOT NULL
);
CREATE TABLE station_day (
  station TEXT NOT NULL,
  day     INTEGER NOT NULL,
  issued  INTEGER NOT NULL,
  refused INTEGER NOT NULL,
  PRIMARY KEY (station, day)
);
)sql";

// Since version 7: certificates whose distribution point names a part of their issuer's CRL, how many parts
// were taken, and from which part on their URLs begin how. Both indexes hold all that a CRL lists, so that a
// list of a million reads no certificate.
constexpr const char* kCrlPartitions = R"sql(
ALTER TABLE certificate ADD COLUMN crl_partition INTEGER;
CREATE TABLE crl_partition (
  issuer TEXT PRIMARY KEY,
  taken  INTEGER NOT NULL CHECK (taken BETWEEN 0 AND 4294967296)
);
CREATE TABLE crl_partition_base (
  issuer TEXT NOT NULL,
  first  INTEGER NOT NULL,
  base   TEXT NOT NULL,
  PRIMARY KEY (issuer, first)
);
CREATE INDEX certificate_crl ON certificate (issuer, revoked_at, serial, reason) WHERE state = 3;
CREATE INDEX certificate_crl_partition ON certificate (issuer, crl_partition, revoked_at, serial, reason)
  WHERE state = 3 AND crl_partition IS NOT NULL;
DROP INDEX certificate_revoked;
)sql";

// Since version 8: the last order about each intermediate.
constexpr const char* kIssuers = R"sql(
CREATE TABLE issuer_order (
  name       TEXT PRIMARY KEY,
  state      INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3),
  ordered_at INTEGER NOT NULL,
  who        TEXT NOT NULL,
  place      TEXT NOT NULL,
  why        TEXT NOT NULL
);
)sql";

// Since version 9: what CMP's clients have yet to confirm; a row lives for minutes.
constexpr const char* kUnconfirmed = R"sql(
CREATE TABLE unconfirmed (
  signer         BLOB NOT NULL CHECK (length(signer) = 32),
  transaction_id BLOB NOT NULL,
  serial         BLOB NOT NULL CHECK (length(serial) = 16),
  reused         INTEGER NOT NULL CHECK (reused IN (0, 1)),
  expires_at     INTEGER NOT NULL,
  PRIMARY KEY (signer, transaction_id)
) WITHOUT ROWID;
CREATE INDEX unconfirmed_expires ON unconfirmed (expires_at);
)sql";

// PostgreSQL alone, with version 1. Writers of many nodes come one after another by the log's only head;
// `writer` has the last commit of each, for who lost its answer.
constexpr const char* kNodes = R"sql(
CREATE TABLE log_head (
  one   INTEGER PRIMARY KEY CHECK (one = 1),
  size  INTEGER NOT NULL,
  peaks BLOB NOT NULL
);
INSERT INTO log_head (one, size, peaks) VALUES (1, 0, '');
CREATE TABLE writer (id TEXT PRIMARY KEY, number INTEGER NOT NULL);
)sql";

bool is_word(char c) {
  return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

void replace_word(std::string& text, std::string_view word, std::string_view by) {
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + by.size())) {
    const std::size_t end = at + word.size();
    const bool whole = (at == 0 || !is_word(text[at - 1])) && (end == text.size() || !is_word(text[end]));
    if (whole) text.replace(at, word.size(), by);
  }
}

/// Runs a step of the schema, which is written for SQLite, in the words of the database.
Result<void> run_step(Connection& connection, const char* sql) {
  if (connection.dialect() == Dialect::sqlite) return connection.execute(sql);
  std::string text = sql;
  replace_word(text, "BLOB", "BYTEA");
  replace_word(text, "INTEGER", "BIGINT");
  replace_word(text, "WITHOUT ROWID", "");
  std::string_view rest = text;
  // One statement at a time; none has a semicolon inside.
  for (std::size_t end = rest.find(';'); end != std::string_view::npos; end = rest.find(';')) {
    PEDIGREE_TRY(connection.execute(std::string(rest.substr(0, end)).c_str()));
    rest.remove_prefix(end + 1);
  }
  return {};
}

Result<std::int64_t> version_of(Connection& connection) {
  const bool is_sqlite = connection.dialect() == Dialect::sqlite;
  Statement query = connection.prepare(
      is_sqlite ? "PRAGMA user_version" : "SELECT number FROM schema_version WHERE one = 1 FOR UPDATE");
  if (query.step() != Statement::Step::row) return fail(ErrorCode::database_failure);
  return query.integer(0);
}

/// What was added after `version`, step by step.
Result<void> migrate(Connection& connection, const crypto::Crypto& crypto, std::int64_t version) {
  const bool is_sqlite = connection.dialect() == Dialect::sqlite;
  if (version < 1) PEDIGREE_TRY(run_step(connection, kTables));
  if (version < 1 && !is_sqlite) PEDIGREE_TRY(run_step(connection, kNodes));
  if (version < 2) PEDIGREE_TRY(run_step(connection, kRevocation));
  if (version < 2 && is_sqlite) PEDIGREE_TRY(run_step(connection, kCounting));
  if (version < 3) PEDIGREE_TRY(run_step(connection, kSigners));
  if (version < 4) {
    PEDIGREE_TRY(run_step(connection, kAudit));
    // PostgreSQL came later than the log.
    if (is_sqlite) PEDIGREE_TRY(log_old_events(connection, crypto));
  }
  if (version < 5) PEDIGREE_TRY(run_step(connection, kProtocols));
  if (version < 6) PEDIGREE_TRY(run_step(connection, kListing));
  if (version < 7) PEDIGREE_TRY(run_step(connection, kCrlPartitions));
  if (version < 8) PEDIGREE_TRY(run_step(connection, kIssuers));
  if (version < 9) PEDIGREE_TRY(run_step(connection, kUnconfirmed));
  const std::string number = std::to_string(kSchemaVersion);
  return connection.execute(
      ((is_sqlite ? "PRAGMA user_version = " : "UPDATE schema_version SET number = ") + number).c_str());
}

/// Migrates inside a transaction of its own, after whoever else is about to. Errors: unsupported_version.
Result<Ending> try_migration(Connection& connection, const crypto::Crypto& crypto) {
  if (!connection.begin()) return connection.give_up();
  const auto version = version_of(connection);
  if (!version) return connection.give_up();
  if (*version < 0 || *version > kSchemaVersion) {
    (void)connection.give_up();
    return fail(ErrorCode::unsupported_version);
  }
  if (*version < kSchemaVersion && !migrate(connection, crypto, *version)) return connection.give_up();
  return connection.commit();
}

/// The table of PostgreSQL's version, in a transaction of its own: of two that make it at once one may fail.
Result<void> make_version_table(Connection& connection) {
  constexpr int kAttempts = 3;
  bool made = false;
  for (int attempt = 0; attempt < kAttempts && !made; ++attempt) {
    made = connection.execute(
               "CREATE TABLE IF NOT EXISTS schema_version (one BIGINT PRIMARY KEY CHECK (one = 1), "
               "number BIGINT NOT NULL)") &&
           connection.execute(
               "INSERT INTO schema_version (one, number) VALUES (1, 0) ON CONFLICT (one) DO NOTHING");
  }
  if (!made) return fail(ErrorCode::database_failure);
  return {};
}

}  // namespace

Result<void> prepare_schema(Connection& connection, const crypto::Crypto& crypto) {
  if (connection.dialect() == Dialect::sqlite) {
    PEDIGREE_TRY(connection.execute("PRAGMA journal_mode = WAL"));
    PEDIGREE_TRY(connection.execute("PRAGMA synchronous = FULL"));
    PEDIGREE_TRY(connection.execute("PRAGMA foreign_keys = ON"));
    PEDIGREE_ASSIGN(const std::int64_t version, version_of(connection));
    if (version == kSchemaVersion) return {};
  } else {
    PEDIGREE_TRY(make_version_table(connection));
  }
  Ending ending = Ending::again;
  while (ending == Ending::again) {
    PEDIGREE_ASSIGN(ending, try_migration(connection, crypto));
  }
  if (ending == Ending::failed) return fail(ErrorCode::database_failure);
  return {};
}

}  // namespace pedigree::store
