// SPDX-License-Identifier: Apache-2.0
#include "server/store/device_search.h"

#include "server/store/rows.h"

namespace pedigree::store {
namespace {

using registry::DeviceId;

/// Devices by their ids. Only devices that are not served have a state above 4 (active), so the index of
/// states holds few.
std::string scanned(std::string_view columns, std::string_view way) {
  return examined("device", "id", columns, way);
}

/// PostgreSQL has to meet a parameter beside something that has a type before it meets it alone.
std::string rows_of(std::string_view way) {
  return "SELECT s.id, s.state, s.profiles, s.created, s.changed, b.name, s.product, s.label, s.station FROM "
         "(" +
         scanned("id, state, profiles, created, changed, batch, product, label, station", way) +
         ") AS s LEFT JOIN batch AS b ON b.number = s.batch WHERE (s.state = ?4 OR ?4 IS NULL) AND "
         "(s.batch = ?5 OR ?5 IS NULL) AND (s.station = ?6 OR ?6 IS NULL) AND (s.label = ?7 OR ?7 IS NULL) "
         "AND "
         "s.changed >= ?8 AND s.changed < ?9 AND (coalesce(?10, '') = '' OR EXISTS (SELECT 1 FROM "
         "certificate AS c "
         "WHERE "
         "c.device = s.id AND c.profile = ?10 AND c.state <> 3)) ORDER BY s.id LIMIT ?11";
}

std::string end_of(std::string_view way) {
  return last_examined("id", scanned("id", way), {"?4", "?5", "?6"});
}

constexpr std::string_view kByState = "state = ?4 AND state > 4 AND ";
constexpr std::string_view kByBatch = "batch = ?5 AND batch IS NOT NULL AND ";
constexpr std::string_view kByStation = "station = ?6 AND station IS NOT NULL AND ";

registry::Batch read_batch(const Statement& row) {
  return {std::string(row.text(0)), row.integer(1), std::string(row.text(2)),
          static_cast<std::uint64_t>(row.integer(3))};
}

/// Bounds of the ids: above the first, below the second.
struct Bounds {
  std::vector<std::uint8_t> above{0x00}, below{0x02};  // every id begins with 01
};

/// The ids that begin with these hex digits. Errors: bad_value.
Result<Bounds> bounds(const registry::DevicePage& page) {
  Bounds bounds;
  if (!page.prefix.empty()) {
    if (page.prefix.size() > 2 * std::tuple_size_v<DeviceId>) return fail(ErrorCode::bad_value);
    DeviceId first{}, last{};
    std::string low = page.prefix, high = page.prefix;
    low.resize(2 * first.size(), '0');
    high.resize(2 * last.size(), 'f');
    PEDIGREE_TRY(registry::unhex(low, first));
    PEDIGREE_TRY(registry::unhex(high, last));
    bounds.below.assign(last.begin(), last.end());
    bounds.below.push_back(0);  // the last one itself is below it
    // Above the one before the first: the first without its last octet's least part sorts below it.
    bounds.above.assign(first.begin(), first.end());
    while (!bounds.above.empty() && bounds.above.back() == 0) bounds.above.pop_back();
    if (bounds.above.size() == first.size()) {
      bounds.above.back() = static_cast<std::uint8_t>(bounds.above.back() - 1);
      bounds.above.push_back(0xff);
    }
  }
  if (page.after && std::ranges::lexicographical_compare(bounds.above, *page.after)) {
    bounds.above.assign(page.after->begin(), page.after->end());
  }
  return bounds;
}

}  // namespace

DeviceSearch::DeviceSearch(const Connection& connection)
    : by_id_{connection.prepare(rows_of("")), connection.prepare(end_of(""))},
      by_state_{connection.prepare(rows_of(kByState)), connection.prepare(end_of(kByState))},
      by_batch_{connection.prepare(rows_of(kByBatch)), connection.prepare(end_of(kByBatch))},
      by_station_{connection.prepare(rows_of(kByStation)), connection.prepare(end_of(kByStation))},
      batch_number_(connection.prepare("SELECT number FROM batch WHERE name = ?1")),
      batches_(connection.prepare("SELECT name, made_at, who, imported FROM batch WHERE name > ?1 "
                                  "ORDER BY name LIMIT ?2")),
      batch_(connection.prepare("SELECT name, made_at, who, imported FROM batch WHERE name = ?1")),
      batch_counts_(connection.prepare(
          "SELECT state, coalesce(station, ''), count(*), min(changed), max(changed) FROM device "
          "WHERE batch = ?1 AND batch IS NOT NULL GROUP BY state, coalesce(station, '') ORDER BY 1, 2")),
      stations_(connection.prepare(
          "SELECT s.name, s.certificate, s.enabled, s.changed, d.issued, d.refused FROM station AS s "
          "LEFT JOIN station_day AS d ON d.station = s.name AND d.day = ?1 ORDER BY s.name")) {}

Result<std::optional<std::int64_t>> DeviceSearch::batch_number(std::string_view name) {
  return read_first(batch_number_.bind(name), read_number);
}

Result<registry::DeviceList> DeviceSearch::devices(const registry::DevicePage& page) {
  constexpr std::int64_t kEver = INT64_MAX;
  registry::DeviceList list;
  PEDIGREE_ASSIGN(const Bounds ids, bounds(page));
  std::optional<std::int64_t> batch;
  if (!page.batch.empty()) {
    PEDIGREE_ASSIGN(batch, batch_number(page.batch));
    if (!batch) return list;
  }
  const bool is_rare = page.state && *page.state > registry::DeviceState::active;
  Way& way = batch ? by_batch_ : !page.station.empty() ? by_station_ : is_rare ? by_state_ : by_id_;
  const auto station = given(page.station);
  way.rows.bind(ids.above, ids.below, kScan, page.state, batch, station, given(page.label),
                page.from.value_or(0), page.until.value_or(kEver), given(page.profile),
                static_cast<std::int64_t>(page.limit));
  PEDIGREE_ASSIGN(list.devices, read_all(way.rows, read_device));
  if (list.devices.size() == page.limit && page.limit > 0) {
    list.next = list.devices.back().id;
    return list;
  }
  way.end.bind(ids.above, ids.below, kScan, page.state, batch, station);
  PEDIGREE_ASSIGN(list.next, read_first(way.end, [](const Statement& row) {
                    DeviceId id{};
                    row.blob(0, id);
                    return id;
                  }));
  return list;
}

Result<std::vector<registry::Batch>> DeviceSearch::batches(std::string_view after, std::size_t limit) {
  return read_all(batches_.bind(after, static_cast<std::int64_t>(limit)), read_batch);
}

Result<registry::Batch> DeviceSearch::batch(std::string_view name) {
  return read_one(batch_.bind(name), read_batch);
}

Result<std::vector<registry::BatchCount>> DeviceSearch::batch_counts(std::string_view name) {
  PEDIGREE_ASSIGN(const auto number, batch_number(name));
  if (!number) return std::vector<registry::BatchCount>();
  return read_all(batch_counts_.bind(*number), [](const Statement& row) {
    return registry::BatchCount{static_cast<registry::DeviceState>(row.integer(0)), std::string(row.text(1)),
                                static_cast<std::uint64_t>(row.integer(2)), row.integer(3), row.integer(4)};
  });
}

Result<std::vector<registry::Station>> DeviceSearch::stations(std::int64_t day) {
  return read_all(stations_.bind(day), [](const Statement& row) {
    return registry::Station{std::string(row.text(0)),
                             optional_array<Sha256>(row, 1),
                             row.integer(2) != 0,
                             row.integer(3),
                             static_cast<std::uint64_t>(row.integer(4)),
                             static_cast<std::uint64_t>(row.integer(5))};
  });
}

}  // namespace pedigree::store
