// SPDX-License-Identifier: Apache-2.0
#include "server/store/event_search.h"

#include "server/store/rows.h"

namespace pedigree::store {
namespace {

/// Events that may have come between two whose clocks disagree.
constexpr std::int64_t kDisorder = 10'000;

std::string scanned(std::string_view columns, std::string_view way) {
  return examined("event", "number", columns, way);
}

std::string rows_of(std::string_view way) {
  return "SELECT e.number, e.device, e.at, e.who, e.place, e.what, e.old_state, e.new_state, e.why, "
         "e.serial, "
         "e.digest, e.leaf, c.profile, c.issuer, b.name FROM (" +
         scanned(kEventColumns, way) +
         ") AS e LEFT JOIN device AS d ON d.id = e.device LEFT JOIN batch AS b ON b.number = d.batch "
         "LEFT JOIN certificate AS c ON c.serial = e.serial WHERE "
         "(e.who = ?5 OR ?5 IS NULL) AND (e.what = ?6 OR ?6 IS NULL) AND (e.serial = ?7 OR ?7 IS NULL) AND "
         "(b.name = ?8 OR ?8 IS NULL OR (e.what = 'imported' AND substr(e.why, 1, length(?8) + 2) = ?8 || ': "
         "')) "
         "AND (?9 = 0 OR e.what IN ('alarm', 'refused')) AND e.at >= ?10 AND e.at < ?11 "
         "AND (?4 = ?4 OR ?4 IS NULL) ORDER BY e.number LIMIT ?12";
}

std::string end_of(std::string_view way) {
  return last_examined("number", scanned("number", way), {"?4", "?5"});
}

/// Its own, and that of the import of its line.
constexpr std::string_view kByDevice =
    "(device = ?4 OR number = (SELECT import FROM device WHERE id = ?4)) AND ";
constexpr std::string_view kByWho = "who = ?5 AND ";
constexpr std::string_view kAlarms = "what IN ('alarm', 'refused') AND ";

registry::LoggedEvent read_logged(const Statement& row) {
  return {read_event(row), std::string(row.text(12)), std::string(row.text(13)), std::string(row.text(14))};
}

}  // namespace

EventSearch::EventSearch(const Connection& connection)
    : by_number_{connection.prepare(rows_of("")), connection.prepare(end_of(""))},
      by_device_{connection.prepare(rows_of(kByDevice)), connection.prepare(end_of(kByDevice))},
      by_who_{connection.prepare(rows_of(kByWho)), connection.prepare(end_of(kByWho))},
      alarms_{connection.prepare(rows_of(kAlarms)), connection.prepare(end_of(kAlarms))},
      device_of_(connection.prepare("SELECT device FROM certificate WHERE serial = ?1")),
      batch_(connection.prepare("SELECT made_at FROM batch WHERE name = ?1")),
      first_at_(connection.prepare("SELECT number FROM event WHERE at >= ?1 ORDER BY at LIMIT 1")) {}

Result<std::int64_t> EventSearch::number_at(der::UnixTime when) {
  PEDIGREE_ASSIGN(const auto number, read_first(first_at_.bind(when), read_number));
  return number.value_or(INT64_MAX - kDisorder);
}

Result<registry::EventList> EventSearch::search(const registry::EventQuery& query) {
  registry::EventList list;
  std::optional<registry::DeviceId> device = query.device;
  if (query.serial && !device) {
    PEDIGREE_ASSIGN(device, read_first(device_of_.bind(*query.serial), [](const Statement& row) {
                      registry::DeviceId id{};
                      row.blob(0, id);
                      return id;
                    }));
    if (!device) return list;
  }
  der::UnixTime from = query.from.value_or(0);
  if (!query.batch.empty()) {
    // Nothing happened to a batch before it was there, so the search begins there.
    PEDIGREE_ASSIGN(const auto made_at, read_first(batch_.bind(std::string_view(query.batch)), read_number));
    if (!made_at) return list;
    from = std::max(from, *made_at);
  }
  std::int64_t after = query.after;
  std::int64_t below = INT64_MAX;
  if (from > 0) {
    PEDIGREE_ASSIGN(const std::int64_t first, number_at(from));
    after = std::max(after, first - 1 - kDisorder);
  }
  if (query.until) {
    PEDIGREE_ASSIGN(const std::int64_t last, number_at(*query.until));
    below = last + kDisorder;
  }
  Way& way = device ? by_device_ : !query.who.empty() ? by_who_ : query.alarms ? alarms_ : by_number_;
  const std::int64_t alarms = query.alarms ? 1 : 0;
  const auto who = given(query.who);
  way.rows.bind(after, below, kScan, device, who, given(query.what), query.serial, given(query.batch), alarms,
                from, query.until.value_or(INT64_MAX), static_cast<std::int64_t>(query.limit));
  PEDIGREE_ASSIGN(list.events, read_all(way.rows, read_logged));
  if (list.events.size() == query.limit && query.limit > 0) {
    list.next = list.events.back().event.number;
    return list;
  }
  PEDIGREE_ASSIGN(list.next, read_first(way.end.bind(after, below, kScan, device, who), read_number));
  return list;
}

}  // namespace pedigree::store
