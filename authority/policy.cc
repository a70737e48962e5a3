// SPDX-License-Identifier: Apache-2.0
#include "authority/policy.h"

#include <fmt/format.h>

#include "authority/config.h"
#include "authority/grant.h"
#include "authority/settings.h"
#include "authority/text.h"
#include "registry/listing.h"

namespace pedigree::authority {
namespace {

using Texts = std::optional<std::vector<std::string>>;

constexpr std::size_t kMaxPattern = 128;

bool fits(std::string_view pattern, std::string_view text) noexcept {
  if (!pattern.ends_with('*')) return pattern == text;
  return text.starts_with(pattern.substr(0, pattern.size() - 1));
}

bool any_fits(const std::vector<std::string>& patterns, std::string_view text) noexcept {
  return std::ranges::any_of(patterns, [&](const std::string& pattern) { return fits(pattern, text); });
}

/// A '*' is nowhere but at the end.
bool is_pattern(std::string_view text) noexcept {
  const std::string_view body = text.ends_with('*') ? text.substr(0, text.size() - 1) : text;
  return !text.empty() && body.find('*') == std::string_view::npos &&
         registry::is_plain_text(body, kMaxPattern);
}

bool is_device_pattern(std::string_view text) noexcept {
  constexpr std::size_t kDigits = 2 * sizeof(registry::DeviceId);
  const bool open = text.ends_with('*');
  const std::string_view digits = open ? text.substr(0, text.size() - 1) : text;
  const bool hex =
      std::ranges::all_of(digits, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  return hex && (open ? digits.size() <= kDigits : digits.size() == kDigits);
}

/// A list that is there allows what it names; an empty one would be read as "all" by some and "none" by
/// others.
template <typename Known>
void read_texts(Settings& settings, std::string_view key, Texts& out, Known known) {
  const toml::node* node = settings.get(key);
  if (node == nullptr) return;
  out.emplace();
  settings.read_list(key, [&](const std::string& text) {
    out->push_back(text);
    return known(text);
  });
  if (out->empty()) settings.wrong(key, *node, "is empty: leave it out to allow all");
}

Answer<StationRule> read_rule(const toml::table& table, const Config& config) {
  Settings settings(table, "station.");
  settings.only({"name", "profiles", "issuers", "devices", "batches", "products", "per_day"});
  StationRule rule;
  rule.name.clear();
  settings.read("name", rule.name);
  read_texts(settings, "profiles", rule.profiles,
             [&](const std::string& name) { return config.profiles.contains(name); });
  read_texts(settings, "issuers", rule.issuers,
             [&](const std::string& name) { return find_issuer(config, name) != nullptr; });
  read_texts(settings, "devices", rule.devices, is_device_pattern);
  read_texts(settings, "batches", rule.batches, is_pattern);
  read_texts(settings, "products", rule.products, is_pattern);
  settings.read_count("per_day", rule.per_day, 0, 1'000'000'000);
  if (!settings.fault().empty()) return bad(settings.fault());
  if (!is_pattern(rule.name)) {
    return bad(fmt::format("line {}: station.name must be a name, or the beginning of one and a '*'",
                           table.source().begin.line));
  }
  return rule;
}

Answer<void> read_stations(const toml::table& document, const Config& config, Policy& policy) {
  const toml::node* node = document.get("station");
  if (node == nullptr) return {};
  const toml::array* list = node->as_array();
  if (list == nullptr) return bad("stations are written as [[station]]");
  for (const toml::node& item : *list) {
    const toml::table* table = item.as_table();
    if (table == nullptr) return bad("stations are written as [[station]]");
    auto rule = read_rule(*table, config);
    if (!rule) return std::unexpected(rule.error());
    // A rule that can never decide is a mistake in the order, and somebody relies on it.
    for (const StationRule& before : policy.stations) {
      if (!before.name.ends_with('*') && before.name != rule->name) continue;
      if (!fits(before.name, rule->name)) continue;
      return bad(fmt::format("line {}: \"{}\" stands before \"{}\" and decides for it: put it after",
                             table->source().begin.line, before.name, rule->name));
    }
    policy.stations.push_back(*std::move(rule));
  }
  return {};
}

Answer<GrantRule> read_grant_rule(const toml::table& table) {
  Settings settings(table, "grant.");
  settings.only({"role", "name", "operations", "devices"});
  GrantRule rule;
  std::string role = "operator";
  rule.name.clear();
  settings.read("role", role);
  settings.read("name", rule.name);
  Texts operations;
  read_texts(settings, "operations", operations,
             [](const std::string& name) { return parse_operation(name).has_value(); });
  read_texts(settings, "devices", rule.devices, is_device_pattern);
  if (!settings.fault().empty()) return bad(settings.fault());
  const auto line = table.source().begin.line;
  if (role != "operator" && role != "station") {
    return bad(fmt::format("line {}: grant.role must be \"operator\" or \"station\"", line));
  }
  if (!is_pattern(rule.name)) {
    return bad(fmt::format("line {}: grant.name must be a name, or the beginning of one and a '*'", line));
  }
  if (!operations) return bad(fmt::format("line {}: grant.operations is missing", line));
  rule.is_operator = role == "operator";
  rule.operations = *std::move(operations);
  return rule;
}

Answer<void> read_grants(const toml::table& document, Policy& policy) {
  const toml::node* node = document.get("grant");
  if (node == nullptr) return {};
  const toml::array* list = node->as_array();
  if (list == nullptr) return bad("rules for grants are written as [[grant]]");
  for (const toml::node& item : *list) {
    const toml::table* table = item.as_table();
    if (table == nullptr) return bad("rules for grants are written as [[grant]]");
    auto rule = read_grant_rule(*table);
    if (!rule) return std::unexpected(rule.error());
    policy.grants.push_back(*std::move(rule));
  }
  return {};
}

std::unexpected<Refusal> not_given(const StationWish& wish, std::string_view what) {
  return refuse(ErrorCode::not_authorised,
                fmt::format("the policy does not let station \"{}\" enrol {}", wish.station, what));
}

}  // namespace

Policy open_policy() {
  return {false, {StationRule{}}};
}

Answer<Policy> read_policy(std::string_view text, const Config& config) {
  toml::table document;
  try {
    document = toml::parse(text);
  } catch (const toml::parse_error& error) {
    return bad(fmt::format("line {}: {}", error.source().begin.line, error.description()));
  }
  Settings all(document, "");
  all.only({"policy", "station", "grant"});
  if (!all.fault().empty()) return bad(all.fault());
  Policy policy;
  if (const toml::node* node = document.get("policy")) {
    if (node->as_table() == nullptr) return bad("policy must be a table");
    Settings settings(*node->as_table(), "policy.");
    settings.only({"stations"});
    std::string stations = "any";
    settings.read("stations", stations);
    if (!settings.fault().empty()) return bad(settings.fault());
    if (stations != "any" && stations != "registered") {
      return bad("policy.stations must be \"any\" or \"registered\"");
    }
    policy.registered_only = stations == "registered";
  }
  if (const auto read = read_stations(document, config, policy); !read) return std::unexpected(read.error());
  if (const auto read = read_grants(document, policy); !read) return std::unexpected(read.error());
  return policy;
}

std::string write_policy(const Policy& policy) {
  std::string out = fmt::format(
      "# Which station may enrol which devices for which profiles, and how many a day.\n"
      "[policy]\n"
      "# \"any\": every station with a certificate of the system CA; \"registered\": only those of\n"
      "# `pedigree authority station register`.\n"
      "stations = \"{}\"\n"
      "\n"
      "# The first [[station]] whose name fits decides; a station that fits none is refused. A '*' at the "
      "end of a\n"
      "# name stands for anything. Settings that narrow, each a list; one that is left out allows all:\n"
      "#   profiles, issuers: names of authority.toml\n"
      "#   devices: beginnings of device ids in hex, as \"01a4*\"\n"
      "#   batches, products: of the allow-list, as \"2026-11-*\"\n"
      "# per_day: certificates that a station may have issued in a day of UTC; 0: any number.\n",
      policy.registered_only ? "registered" : "any");
  for (const StationRule& rule : policy.stations) {
    out += fmt::format("\n[[station]]\nname = {}\n", quote(rule.name));
    const auto line = [&](std::string_view key, const Texts& texts) {
      if (texts) out += fmt::format("{} = {}\n", key, quote_list(*texts));
    };
    line("profiles", rule.profiles);
    line("issuers", rule.issuers);
    line("devices", rule.devices);
    line("batches", rule.batches);
    line("products", rule.products);
    out += fmt::format("per_day = {}\n", rule.per_day);
  }
  out +=
      "\n# Who may have what granted to devices that are secured, by role (operator, station) and name:\n"
      "# operations are begin, replace, destroy, repin and decommission. Without a [[grant]] for operators "
      "each of\n"
      "# them may have anything granted; a station may have only what one names.\n";
  for (const GrantRule& rule : policy.grants) {
    out +=
        fmt::format("\n[[grant]]\nrole = \"{}\"\nname = {}\noperations = {}\n",
                    rule.is_operator ? "operator" : "station", quote(rule.name), quote_list(rule.operations));
    if (rule.devices) out += fmt::format("devices = {}\n", quote_list(*rule.devices));
  }
  return out;
}

const GrantRule* find_grant_rule(const Policy& policy, bool is_operator, std::string_view client) noexcept {
  const auto found = std::ranges::find_if(policy.grants, [&](const GrantRule& rule) {
    return rule.is_operator == is_operator && fits(rule.name, client);
  });
  return found == policy.grants.end() ? nullptr : &*found;
}

bool names_device(const GrantRule& rule, const registry::DeviceId& device) {
  return !rule.devices || any_fits(*rule.devices, registry::hex(device));
}

const StationRule* find_rule(const Policy& policy, std::string_view station) noexcept {
  const auto found = std::ranges::find_if(policy.stations,
                                          [&](const StationRule& rule) { return fits(rule.name, station); });
  return found == policy.stations.end() ? nullptr : &*found;
}

Answer<void> check_wish(const StationRule& rule, const StationWish& wish) {
  const auto names = [](const Texts& list, std::string_view text) {
    return !list || std::ranges::find(*list, text) != list->end();
  };
  if (!names(rule.profiles, wish.profile)) return not_given(wish, fmt::format("profile {}", wish.profile));
  if (!wish.issuer.empty() && !names(rule.issuers, wish.issuer)) {
    return not_given(wish, fmt::format("with intermediate {}", wish.issuer));
  }
  if (rule.devices && !any_fits(*rule.devices, registry::hex(wish.device))) {
    return not_given(wish, "this device: its id is not among those of the rule");
  }
  return {};
}

bool needs_listing(const StationRule& rule) noexcept {
  return rule.batches.has_value() || rule.products.has_value();
}

Answer<void> check_listing(const StationRule& rule, const StationWish& wish, const registry::Device* device) {
  if (!needs_listing(rule)) return {};
  if (device == nullptr) return not_given(wish, "devices that are on no allow-list");
  if (rule.batches && !any_fits(*rule.batches, device->batch)) {
    return not_given(wish, device->batch.empty() ? "devices of no batch"
                                                 : fmt::format("devices of batch \"{}\"", device->batch));
  }
  if (rule.products && !any_fits(*rule.products, device->product)) {
    return not_given(wish, device->product.empty()
                               ? "devices of no product"
                               : fmt::format("devices of product \"{}\"", device->product));
  }
  return {};
}

}  // namespace pedigree::authority
