// SPDX-License-Identifier: Apache-2.0
// The tables and the rules that the database itself enforces.
#pragma once

#include "core/crypto/crypto.h"
#include "server/store/sql.h"

namespace pedigree::store {

/// PRAGMA user_version of the schema below; the row of schema_version with PostgreSQL.
inline constexpr int kSchemaVersion = 9;

/// Sets SQLite's write-ahead log with full synchronisation, creates the tables in an empty database, and adds
/// to an older one what came later. Errors: unsupported_version (made by another version), database_failure.
[[nodiscard]] Result<void> prepare_schema(Connection& connection, const crypto::Crypto& crypto);

}  // namespace pedigree::store
