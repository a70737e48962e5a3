// SPDX-License-Identifier: Apache-2.0
#include "server/store/sql.h"

#include <algorithm>

#include "core/x509/text.h"
#include "server/store/postgres.h"
#include "server/store/rows.h"
#include "server/store/sqlite.h"

namespace pedigree::store {

void Statement::blob(int column, MutableBytes out) const noexcept {
  const Bytes octets = blob(column);
  std::fill(out.begin(), out.end(), std::uint8_t{0});
  if (octets.size() == out.size()) std::copy(octets.begin(), octets.end(), out.begin());
}

bool is_storable(std::string_view text) noexcept {
  return text.find('\0') == std::string_view::npos &&
         x509::is_well_formed_text(der::kUtf8String, as_bytes(text));
}

Result<Connection> Connection::open(const Location& location, bool writable, std::string* why) {
  auto database = location.url.empty() ? open_sqlite(location, writable, why) : open_postgres(location, why);
  if (!database) return std::unexpected(database.error());
  return Connection(*std::move(database));
}

}  // namespace pedigree::store
