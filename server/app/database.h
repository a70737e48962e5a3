// SPDX-License-Identifier: Apache-2.0
// Where an authority's registry is: a file in its directory, or what [database] says.
#pragma once

#include "authority/config.h"
#include "server/app/files.h"
#include "server/store/sqlite_store.h"

namespace pedigree::app {

/// By the directory's settings. Errors: bad_configuration (the URL is none, or has a password in it).
[[nodiscard]] Answer<store::StoreOptions> database_of(const Layout& layout, const authority::Config& config);
/// The same, with the settings read from the directory. Errors also: io_failure.
[[nodiscard]] Answer<store::StoreOptions> database_of(const Layout& layout);
/// Refuses a URL as database_of does; empty is SQLite.
[[nodiscard]] Answer<void> check_database(const std::string& url);
/// The file's name, or the URL without user and password.
[[nodiscard]] std::string describe(const store::StoreOptions& database);
/// "SQLite", or "PostgreSQL" and where it is.
[[nodiscard]] std::string title(const store::StoreOptions& database);
/// That it cannot be used, with the database's own words where there are some.
[[nodiscard]] std::unexpected<authority::Refusal> refuse_database(const store::StoreOptions& database,
                                                                  ErrorCode code, const std::string& why);

}  // namespace pedigree::app
