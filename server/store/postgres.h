// SPDX-License-Identifier: Apache-2.0
// PostgreSQL, and what speaks its protocol, behind server/store/sql.h: libpq in pipeline mode.
//
// Inside a transaction changes are sent without waiting for their answers, and queries that were announced
// (Statement::foresee) are answered together: a group of changes costs a few round trips, however large it
// is. A connection that was lost is made again: by a query outside of a transaction, by begin(), and by
// give_up(), which waits for the database up to kPatience.
#pragma once

#include <chrono>

#include "server/store/sql.h"

namespace pedigree::store {

/// How long a group of changes waits for a database that went away, before its clients are told to retry.
inline constexpr std::chrono::milliseconds kPatience{4000};

/// Opens the location's URL. Errors: database_failure.
[[nodiscard]] Result<std::unique_ptr<Database>> open_postgres(const Location& location, std::string* why);

/// Takes a URL (postgresql://...) that PostgreSQL understands and that holds no password. Otherwise `why`
/// says what is wrong, without repeating any of it. Errors: bad_value.
[[nodiscard]] Result<void> check_url(const std::string& url, std::string& why);

/// Host, port and name of the database that a URL leads to, without user and password.
[[nodiscard]] std::string describe_url(const std::string& url);

}  // namespace pedigree::store
