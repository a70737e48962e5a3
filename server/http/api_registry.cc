// SPDX-License-Identifier: Apache-2.0
// The operator's questions to the registry: devices, batches, stations, and who did what.
#include <charconv>

#include "registry/listing.h"
#include "server/http/api_call.h"
#include "server/http/describe.h"

namespace pedigree::http {
namespace {

constexpr std::size_t kMaxPage = 1000;

/// Parameters of a query, read by name; the first fault is kept as a sentence.
class Query {
 public:
  explicit Query(std::string_view text) : text_(text) {}

  /// Empty: absent.
  std::string text(std::string_view key, std::size_t most) {
    auto value = query_text(text_, key);
    if (value && registry::is_plain_text(*value, most)) return *std::move(value);
    wrong(key, "is no text, or is too long");
    return {};
  }
  std::optional<std::int64_t> number(std::string_view key, std::int64_t least, std::int64_t most) {
    const std::string_view digits = query_parameter(text_, key);
    if (digits.empty()) return std::nullopt;
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error == std::errc() && end == digits.data() + digits.size() && value >= least && value <= most)
      return value;
    wrong(key, "must be " + std::to_string(least) + " to " + std::to_string(most));
    return std::nullopt;
  }
  template <typename T, typename Parse>
  void read(std::string_view key, std::optional<T>& out, Parse parse, std::string_view what) {
    const std::string_view value = query_parameter(text_, key);
    if (value.empty()) return;
    const auto read = parse(value);
    if (read) out = *read;
    if (!read) wrong(key, what);
  }
  [[nodiscard]] const std::string& fault() const { return fault_; }
  void wrong(std::string_view key, std::string_view what) {
    if (fault_.empty()) fault_ = '"' + std::string(key) + "\" " + std::string(what);
  }

 private:
  std::string_view text_;
  std::string fault_;
};

constexpr std::int64_t kMaxTime = der::kNoWellDefinedExpiration;

/// Lower-case hex digits that a device id may begin with.
std::string read_prefix(Query& query) {
  std::string prefix = query.text("prefix", 2 * sizeof(registry::DeviceId));
  const bool hex =
      std::ranges::all_of(prefix, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (!hex) query.wrong("prefix", "must be lower-case hex digits");
  return prefix;
}

boost::json::object describe_logged(const registry::LoggedEvent& logged) {
  const registry::Event& event = logged.event;
  boost::json::object out{{"event", event.number},  {"when", event.when},        {"what", event.what},
                          {"who", event.actor.who}, {"where", event.actor.from}, {"why", event.why}};
  if (event.device != registry::DeviceId{}) out["device"] = registry::hex(event.device);
  if (event.serial) out["serial"] = registry::hex(*event.serial);
  if (!logged.profile.empty()) out["profile"] = logged.profile;
  if (!logged.issuer.empty()) out["issuer"] = logged.issuer;
  if (!logged.batch.empty()) out["batch"] = logged.batch;
  return out;
}

void fail(const Respond& respond, const Error& error) {
  respond(error_response(error.code, sentence(error.code)));
}

}  // namespace

void Api::devices(Call& call) {
  Query query(call.query);
  registry::DevicePage page;
  query.read("state", page.state, registry::parse_device_state, "is not a device state");
  query.read("after", page.after, registry::parse_device_id, "is not a device id");
  page.limit = static_cast<std::size_t>(query.number("limit", 1, kMaxPage).value_or(100));
  page.batch = query.text("batch", registry::kMaxBatchName);
  page.station = query.text("station", registry::kMaxBatchName);
  page.profile = query.text("profile", registry::kMaxBatchName);
  page.label = query.text("label", registry::kMaxListingText);
  page.prefix = read_prefix(query);
  page.from = query.number("from", 0, kMaxTime);
  page.until = query.number("until", 0, kMaxTime);
  if (!query.fault().empty()) return call.respond(error_response(ErrorCode::bad_request, query.fault()));
  const auto found = store_.devices(page);
  if (!found) return fail(call.respond, found.error());
  boost::json::array list;
  for (const registry::Device& one : found->devices) list.push_back(describe(one));
  boost::json::object answer{{"devices", std::move(list)}};
  if (found->next) answer["next"] = registry::hex(*found->next);
  call.respond(json_response(std::move(answer)));
}

void Api::events(Call& call) {
  Query query(call.query);
  registry::EventQuery wanted;
  query.read("device", wanted.device, registry::parse_device_id, "is not a device id");
  query.read("serial", wanted.serial, registry::parse_serial, "is not a serial number");
  wanted.who = query.text("who", registry::kMaxListingText);
  wanted.batch = query.text("batch", registry::kMaxBatchName);
  wanted.what = query.text("what", registry::kMaxBatchName);
  wanted.alarms = query.number("alarms", 0, 1).value_or(0) == 1;
  wanted.from = query.number("from", 0, kMaxTime);
  wanted.until = query.number("until", 0, kMaxTime);
  wanted.after = query.number("after", 0, std::numeric_limits<std::int64_t>::max()).value_or(0);
  wanted.limit = static_cast<std::size_t>(query.number("limit", 1, kMaxPage).value_or(100));
  if (!query.fault().empty()) return call.respond(error_response(ErrorCode::bad_request, query.fault()));
  const auto found = store_.search_events(wanted);
  if (!found) return fail(call.respond, found.error());
  boost::json::array list;
  for (const registry::LoggedEvent& one : found->events) list.push_back(describe_logged(one));
  boost::json::object answer{{"events", std::move(list)}};
  if (found->next) answer["next"] = *found->next;
  call.respond(json_response(std::move(answer)));
}

void Api::batches(Call& call) {
  Query query(call.query);
  const std::string name = query.text("name", registry::kMaxBatchName);
  const std::string after = query.text("after", registry::kMaxBatchName);
  const auto limit = static_cast<std::size_t>(query.number("limit", 1, kMaxPage).value_or(100));
  if (!query.fault().empty()) return call.respond(error_response(ErrorCode::bad_request, query.fault()));
  if (!name.empty()) return batch(call, name);
  const auto found = store_.batches(after, limit);
  if (!found) return fail(call.respond, found.error());
  boost::json::array list;
  for (const registry::Batch& one : *found) {
    list.push_back(describe(one));
  }
  boost::json::object answer{{"batches", std::move(list)}};
  if (found->size() == limit) answer["next"] = found->back().name;
  call.respond(json_response(std::move(answer)));
}

void Api::batch(Call& call, const std::string& name) {
  const auto found = store_.batch(name);
  if (!found) return fail(call.respond, found.error());
  const auto counts = store_.batch_counts(name);
  if (!counts) return fail(call.respond, counts.error());
  boost::json::array list;
  for (const registry::BatchCount& one : *counts) {
    list.push_back(describe(one));
  }
  call.respond(
      json_response({{"batch", found->name}, {"imported", found->imported}, {"counts", std::move(list)}}));
}

void Api::stations(Call& call) {
  constexpr der::UnixTime kDay = 86400;
  const auto found = store_.stations(clock_() / kDay);
  if (!found) return fail(call.respond, found.error());
  boost::json::array list;
  for (const registry::Station& one : *found) {
    list.push_back(describe(one));
  }
  call.respond(json_response({{"stations", std::move(list)}}));
}

}  // namespace pedigree::http
