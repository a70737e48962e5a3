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

Result<std::int64_t> user_version(Connection& connection) {
  Statement query = connection.prepare("PRAGMA user_version");
  if (query.step() != Statement::Step::row) return fail(ErrorCode::database_failure);
  return query.integer(0);
}

/// What was added after `version`, step by step.
Result<void> migrate(Connection& connection, const crypto::Crypto& crypto, std::int64_t version) {
  if (version < 1) PEDIGREE_TRY(connection.execute(kTables));
  if (version < 2) PEDIGREE_TRY(connection.execute(kRevocation));
  if (version < 3) PEDIGREE_TRY(connection.execute(kSigners));
  if (version < 4) {
    PEDIGREE_TRY(connection.execute(kAudit));
    PEDIGREE_TRY(log_old_events(connection, crypto));
  }
  if (version < 5) PEDIGREE_TRY(connection.execute(kProtocols));
  if (version < 6) PEDIGREE_TRY(connection.execute(kListing));
  return connection.execute(("PRAGMA user_version = " + std::to_string(kSchemaVersion)).c_str());
}

Result<void> create(Connection& connection, const crypto::Crypto& crypto) {
  PEDIGREE_TRY(connection.execute("BEGIN IMMEDIATE"));
  // Another process may have created them while this one waited for the lock.
  const auto version = user_version(connection);
  if (version && *version == kSchemaVersion) return connection.execute("COMMIT");
  if (version && migrate(connection, crypto, *version) && connection.execute("COMMIT")) return {};
  (void)connection.execute("ROLLBACK");
  return fail(ErrorCode::database_failure);
}

}  // namespace

Result<void> prepare_schema(Connection& connection, const crypto::Crypto& crypto) {
  PEDIGREE_TRY(connection.execute("PRAGMA journal_mode = WAL"));
  PEDIGREE_TRY(connection.execute("PRAGMA synchronous = FULL"));
  PEDIGREE_TRY(connection.execute("PRAGMA foreign_keys = ON"));
  PEDIGREE_ASSIGN(const std::int64_t version, user_version(connection));
  if (version == kSchemaVersion) return {};
  if (version < 0 || version > kSchemaVersion) return fail(ErrorCode::unsupported_version);
  return create(connection, crypto);
}

}  // namespace pedigree::store
