// SPDX-License-Identifier: Apache-2.0
// SQLite behind server/store/sql.h.
#pragma once

#include "server/store/sql.h"

namespace pedigree::store {

/// Opens the location's file. Errors: database_failure.
[[nodiscard]] Result<std::unique_ptr<Database>> open_sqlite(const Location& location, bool writable,
                                                            std::string* why);

}  // namespace pedigree::store
