// SPDX-License-Identifier: Apache-2.0
// Looks at a database without changing it, and copies it while others write.
#pragma once

#include <filesystem>
#include <functional>

#include "core/bytes/error.h"
#include "server/store/sql.h"

namespace pedigree::store {

/// Whether a database can be read, is whole for SQLite, and is of a version that this program knows or can
/// bring up to date. `why` gets the database's own words where it cannot be opened. Errors: database_failure,
/// unsupported_version.
[[nodiscard]] Result<void> check_database(const Location& location, std::string* why = nullptr);

/// Told how many pages of how many are copied.
using CopyProgress = std::function<void(int done, int all)>;

/// Copies a database of SQLite as it is at one moment, however much is written meanwhile, into a new file of
/// mode 0600, and synchronises it. Where it fails, no file is left. Errors: io_failure (the target: full, or
/// it is there already), database_failure.
[[nodiscard]] Result<void> copy_database(const std::filesystem::path& from, const std::filesystem::path& to,
                                         const CopyProgress& progress);

}  // namespace pedigree::store
