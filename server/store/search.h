// SPDX-License-Identifier: Apache-2.0
// What searches by pages share: a page examines a bounded number of rows by an index that fits what is asked.
#pragma once

#include "server/store/sql.h"

namespace pedigree::store {

/// Rows that one page examines at most.
inline constexpr std::int64_t kScan = 20'000;

/// A query by one index: its rows that are asked for, and where it ended.
struct Way {
  Statement rows, end;
};

/// The rows that one page examines: those whose `key` is between ?1 and ?2, both excluded, at most ?3, in its
/// order. `way` narrows them to what an index holds: empty, or a condition and " AND ".
[[nodiscard]] inline std::string examined(std::string_view table, std::string_view key,
                                          std::string_view columns, std::string_view way) {
  const std::string by(key);
  return "SELECT " + std::string(columns) + " FROM " + std::string(table) + " WHERE " + std::string(way) +
         by + " > ?1 AND " + by + " < ?2 ORDER BY " + by + " LIMIT ?3";
}

/// The last of the rows that a page examines, by its `key`, where the page examined all that it may; no row
/// where it came to the end. `unused` are parameters that the query has and needs not.
[[nodiscard]] inline std::string last_examined(std::string_view key, std::string_view rows,
                                               std::initializer_list<std::string_view> unused) {
  std::string text = "SELECT " + std::string(key) + " FROM (" + std::string(rows) + ") AS r WHERE ";
  for (const std::string_view parameter : unused) {
    const std::string name(parameter);
    text += "(" + name + " = " + name + " OR " + name + " IS NULL) AND ";
  }
  return text + std::string(key) + " IS NOT NULL ORDER BY " + std::string(key) + " LIMIT 1 OFFSET " +
         std::to_string(kScan - 1);
}

/// A text that narrows a search; empty where it does not.
[[nodiscard]] inline std::optional<std::string_view> given(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return text;
}

}  // namespace pedigree::store
