// SPDX-License-Identifier: Apache-2.0
// Changes of the allow-list, of batches and of stations, and what a station may.
#include "registry/listing.h"
#include "server/store/rows.h"
#include "server/store/writes.h"

namespace pedigree::store {

using registry::Conflict;
using registry::Outcome;

namespace {

constexpr der::UnixTime kDay = 86400;

/// Places of the lines in the order of their device ids, in which their hashes make the tree.
std::vector<std::size_t> by_id(const std::vector<registry::Expected>& lines) {
  std::vector<std::size_t> places(lines.size());
  for (std::size_t i = 0; i < places.size(); ++i) places[i] = i;
  std::ranges::sort(places, {}, [&](std::size_t i) { return std::pair(lines[i].device, i); });
  return places;
}

Outcome<void> check_import(const registry::Import& import) {
  using registry::is_plain_text;
  if (import.devices.size() > registry::kMaxImport) return refuse(ErrorCode::request_limit);
  bool plain = is_plain_text(import.batch, registry::kMaxBatchName);
  for (const registry::Expected& line : import.devices) {
    plain = plain && is_plain_text(line.profiles, registry::kMaxProfilesText) &&
            is_plain_text(line.product, registry::kMaxListingText) &&
            is_plain_text(line.label, registry::kMaxListingText);
  }
  if (plain) return {};
  return refuse(ErrorCode::bad_value, "a text is too long, or has control characters");
}

}  // namespace

Outcome<void> check_texts(const registry::Actor& actor, std::string_view why) {
  if (is_storable(why) && is_storable(actor.who) && is_storable(actor.from)) return {};
  return refuse(ErrorCode::bad_value, "a text has a NUL, or is no UTF-8");
}

Result<std::optional<std::int64_t>> Writes::batch_of(const registry::Import& import) {
  if (import.batch.empty()) return std::nullopt;
  const std::string_view name = import.batch;
  PEDIGREE_ASSIGN(auto number, read_first(find_batch_.bind(name), read_number));
  if (!number) {
    PEDIGREE_TRY(
        insert_batch_.bind(name, import.when, std::string_view(import.actor.who)).run_on({as_bytes(name)}));
    PEDIGREE_ASSIGN(number, read_one(find_batch_.bind(name), read_number));
  }
  return number;
}

Result<bool> Writes::is_listed(const registry::Expected& line, std::string_view batch) {
  if (find_listing_.bind(line.device).step() != Statement::Step::row) {
    return fail(ErrorCode::database_failure);
  }
  const bool same = find_listing_.text(0) == line.profiles && find_listing_.text(1) == line.product &&
                    find_listing_.text(2) == line.label && find_listing_.text(3) == batch;
  find_listing_.reset();
  return same;
}

void Writes::foresee(const registry::Import& import, int wave) {
  if (wave != 0) return;
  for (const registry::Expected& line : import.devices) find_listing_.bind(line.device).foresee();
}

Result<bool> Writes::list(const registry::Expected& line, std::optional<std::int64_t> batch,
                          der::UnixTime when, Bytes seal) {
  // To ask whether the insertion did anything is a round trip for each line where the database is behind a
  // network; what was foreseen has been asked for already.
  const bool looks_first = connection_.dialect() == Dialect::postgresql;
  if (looks_first) {
    const Statement::Step step = find_listing_.bind(line.device).step();
    find_listing_.reset();
    if (step == Statement::Step::failed) return fail(ErrorCode::database_failure);
    if (step == Statement::Step::row) return false;
  }
  PEDIGREE_TRY(list_device_
                   .bind(line.device, std::string_view(line.profiles), when, batch,
                         std::string_view(line.product), std::string_view(line.label), log_.next_number(),
                         seal)
                   .run_on({line.device}));
  return looks_first || connection_.changes() > 0;
}

Outcome<registry::Imported> Writes::import(const registry::Import& import) {
  if (const auto checked = check_import(import); !checked) return std::unexpected(checked.error());
  const auto batch = batch_of(import);
  if (!batch) return broken();
  registry::Imported imported;
  registry::merkle::Frontier tree;
  for (const std::size_t place : by_id(import.devices)) {
    const registry::Expected& line = import.devices[place];
    const auto leaf = registry::listing_leaf(log_.crypto(), line, import.batch, import.when);
    if (!leaf) return broken();
    const auto is_new = list(line, *batch, import.when, Bytes(*leaf).first(registry::kSealSize));
    if (!is_new) return broken();
    if (!*is_new) {
      const auto same = is_listed(line, import.batch);
      if (!same) return broken();
      ++imported.known;
      if (!*same) imported.different.push_back(place);
      continue;
    }
    ++imported.added;
    const auto keep = [](unsigned, std::uint64_t, const Sha256&) -> Result<void> { return {}; };
    if (!tree.append(log_.crypto(), *leaf, keep)) return broken();
  }
  std::ranges::sort(imported.different);
  if (imported.added == 0) return imported;
  const auto root = tree.root(log_.crypto());
  if (!root || !log_.append(registry::import_event(import, imported.added, *root))) return broken();
  if (*batch && !count_batch_.bind(**batch, static_cast<std::int64_t>(imported.added)).run_on({})) {
    return broken();
  }
  return imported;
}

Result<void> Writes::set_station_of(const registry::DeviceId& device,
                                    const std::optional<registry::StationClaim>& station) {
  if (!station) return {};
  return device_station_.bind(device, std::string_view(station->name)).run_on({device});
}

Outcome<registry::Station> Writes::set_station(const registry::StationChange& change) {
  if (const auto checked = check_texts(change.actor, change.why); !checked)
    return std::unexpected(checked.error());
  const registry::Station& station = change.station;
  // A colon ends the name in the event's text.
  const bool is_named = !station.name.empty() &&
                        registry::is_plain_text(station.name, registry::kMaxBatchName) &&
                        station.name.find(':') == std::string::npos;
  if (!is_named) {
    return refuse(ErrorCode::bad_value,
                  "a station's name has 1 to 64 octets, no control characters and no colon");
  }
  const bool stored = upsert_station_
                          .bind(std::string_view(station.name), station.certificate,
                                std::int64_t{station.enabled ? 1 : 0}, change.when)
                          .run()
                          .has_value();
  if (!stored || !log_.append(registry::station_event(change))) return broken();
  registry::Station answer = station;
  answer.changed = change.when;
  return answer;
}

Outcome<void> Writes::refuse_station(const Occasion& occasion, const std::string& station, std::string why) {
  const auto noted = note_refusal({station, occasion.device, why, occasion.actor, occasion.when});
  if (!noted) return noted;
  return refuse(ErrorCode::not_authorised, std::move(why));
}

Outcome<void> Writes::note_refusal(const registry::StationRefusal& refusal) {
  const std::int64_t day = refusal.when / kDay;
  if (!count_refused_.bind(std::string_view(refusal.station), day).run_on({})) return broken();
  if (find_refused_.bind(std::string_view(refusal.station), day).step() != Statement::Step::row) {
    return broken();
  }
  const auto count = static_cast<std::uint64_t>(find_refused_.integer(0));
  find_refused_.reset();
  if (!registry::is_logged_refusal(count)) return {};
  const std::string why = refusal.why + " (refusal " + std::to_string(count) + " of this day)";
  if (!note({refusal.device, refusal.actor, refusal.when}, "refused", {}, {}, why)) return broken();
  return {};
}

Outcome<void> Writes::admit_station(const Occasion& occasion,
                                    const std::optional<registry::StationClaim>& station) {
  if (!station) return {};
  const Statement::Step step = find_station_.bind(std::string_view(station->name)).step();
  if (step == Statement::Step::failed) return broken();
  if (step == Statement::Step::done) {
    if (!station->registered_only) return {};
    return refuse_station(occasion, station->name, "station \"" + station->name + "\" is not registered");
  }
  const auto certificate = optional_array<Sha256>(find_station_, 0);
  const bool is_enabled = find_station_.integer(1) != 0;
  find_station_.reset();
  if (!is_enabled) {
    return refuse_station(occasion, station->name, "station \"" + station->name + "\" is disabled");
  }
  if (certificate && *certificate != station->certificate) {
    return refuse_station(
        occasion, station->name,
        "station \"" + station->name + "\" shows another certificate than the one that is registered for it");
  }
  return {};
}

Outcome<void> Writes::count_issued(const Occasion& occasion,
                                   const std::optional<registry::StationClaim>& station) {
  if (!station || station->per_day == 0) return {};
  const std::int64_t day = occasion.when / kDay;
  const auto limit = static_cast<std::int64_t>(station->per_day);
  if (!count_issued_.bind(std::string_view(station->name), day, limit).run_on({})) return broken();
  if (connection_.changes() > 0) return {};
  return refuse_station(occasion, station->name,
                        "station \"" + station->name + "\" has had the " + std::to_string(limit) +
                            " certificates of its day; the next begins at 00:00 UTC");
}

}  // namespace pedigree::store
