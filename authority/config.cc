// SPDX-License-Identifier: Apache-2.0
#include "authority/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "authority/config_operations.h"
#include "authority/config_profile.h"
#include "authority/text.h"

namespace pedigree::authority {
namespace {

Answer<void> read_authority(const toml::table& table, Config& config) {
  Settings settings(table, "authority.");
  settings.only({"admission", "nonce_seconds", "crl_days", "crl_url", "crl_partitions", "crl_critical",
                 "crl_delta_hours", "hardware_type"});
  std::string admission = config.listed_only ? "listed" : "open";
  settings.read("admission", admission);
  settings.read_count("nonce_seconds", config.nonce_seconds, 10, 86400);
  settings.read_count("crl_days", config.crl_days, 1, 365);
  settings.read("crl_url", config.crl_url);
  settings.read("crl_partitions", config.crl_partitions);
  settings.read("crl_critical", config.crl_critical);
  settings.read_count("crl_delta_hours", config.crl_delta_hours, 0, 720);
  std::string hardware_type = dotted(config.hardware_type);
  settings.read("hardware_type", hardware_type);
  if (!settings.fault().empty()) return bad(settings.fault());
  if (admission != "open" && admission != "listed")
    return bad("authority.admission must be \"open\" or \"listed\"");
  config.listed_only = admission == "listed";
  config.hardware_type = parse_oid(hardware_type);
  if (config.hardware_type.empty()) return bad("authority.hardware_type must be an object identifier");
  if (config.crl_url.size() > 200) return bad("authority.crl_url is longer than 200 characters");
  if (config.crl_delta_hours != 0 && config.crl_url.empty()) {
    return bad("authority.crl_delta_hours needs crl_url: a CRL says where its delta CRL is");
  }
  if (config.crl_delta_hours >= config.crl_days * 24) {
    return bad("authority.crl_delta_hours must be less than crl_days: a delta CRL is what is newer");
  }
  return {};
}

Answer<void> read_verify(const toml::table& table, Config& config) {
  Settings settings(table, "verify.");
  settings.only({"nonce_seconds", "nonces"});
  std::string nonces = config.verify.issued_nonces_only ? "issued" : "any";
  settings.read("nonces", nonces);
  settings.read_count("nonce_seconds", config.verify.nonce_seconds, 10, 3600);
  if (!settings.fault().empty()) return bad(settings.fault());
  if (nonces != "any" && nonces != "issued") return bad("verify.nonces must be \"any\" or \"issued\"");
  config.verify.issued_nonces_only = nonces == "issued";
  return {};
}

Answer<void> read_protocols(const toml::table& table, Config& config) {
  ProtocolsConfig& protocols = config.protocols;
  Settings settings(table, "protocols.");
  settings.only({"est", "cmp", "ocsp", "http_listen", "liteboot_listen", "profile", "hub_name", "hub_port",
                 "ocsp_hours", "cmp_clock_seconds"});
  settings.read("est", protocols.est);
  settings.read("cmp", protocols.cmp);
  settings.read("ocsp", protocols.ocsp);
  settings.read("http_listen", protocols.http_listen);
  settings.read("liteboot_listen", protocols.liteboot_listen);
  settings.read("profile", protocols.profile);
  settings.read("hub_name", protocols.hub_name);
  settings.read_count("hub_port", protocols.hub_port, 1, 65535);
  settings.read_count("ocsp_hours", protocols.ocsp_hours, 1, 24 * 30);
  settings.read_count("cmp_clock_seconds", protocols.cmp_clock_seconds, 1, 86400);
  if (!settings.fault().empty()) return bad(settings.fault());
  if (!is_listen(protocols.http_listen) || !is_listen(protocols.liteboot_listen)) {
    return bad("protocols.http_listen and liteboot_listen must be an address and a port, or empty");
  }
  if (!config.profiles.contains(protocols.profile)) {
    return bad(fmt::format("protocols.profile: there is no profile \"{}\"", protocols.profile));
  }
  // An answer must stay below 1 KB, and a name in it is one of a host.
  if (protocols.hub_name.size() > 253) return bad("protocols.hub_name is longer than 253 characters");
  return {};
}

Answer<void> read_database(const toml::table& table, Config& config) {
  Settings settings(table, "database.");
  settings.only({"url"});
  settings.read("url", config.database.url);
  if (!settings.fault().empty()) return bad(settings.fault());
  return {};
}

/// A date-time of TOML, with its offset: RFC 3339.
void read_time(Settings& settings, std::string_view key, std::optional<der::UnixTime>& out) {
  const toml::node* node = settings.get(key);
  if (node == nullptr) return;
  const auto value = node->value_exact<toml::date_time>();
  if (!value || !value->offset)
    return settings.wrong(key, *node, "must be a time such as 2027-01-01T00:00:00Z");
  const std::chrono::year_month_day day{std::chrono::year(value->date.year),
                                        std::chrono::month(value->date.month),
                                        std::chrono::day(value->date.day)};
  const auto seconds = std::chrono::sys_days(day).time_since_epoch() + std::chrono::hours(value->time.hour) +
                       std::chrono::minutes(value->time.minute - value->offset->minutes);
  out = std::chrono::duration_cast<std::chrono::seconds>(seconds).count() + value->time.second;
}

Answer<void> read_issuer(const toml::table& table, Config& config) {
  Settings settings(table, "issuer.");
  settings.only({"name", "parent", "state", "profiles", "key", "factory", "from", "until"});
  IssuerConfig issuer;
  issuer.parent = "root";
  std::string state = "active";
  settings.read("name", issuer.name);
  settings.read("parent", issuer.parent);
  settings.read("state", state);
  settings.read("key", issuer.key);
  settings.read("factory", issuer.factory);
  read_time(settings, "from", issuer.from);
  read_time(settings, "until", issuer.until);
  settings.read_list("profiles", [&](const std::string& profile) {
    issuer.profiles.push_back(profile);
    const auto known = config.profiles.find(profile);
    return known != config.profiles.end() && known->second.kind == ProfileKind::device;
  });
  if (!settings.fault().empty()) return bad(settings.fault());
  if (!is_name(issuer.name)) return bad(fmt::format("issuer.name \"{}\" is not a name", issuer.name));
  if (find_issuer(config, issuer.name) != nullptr)
    return bad(fmt::format("issuer {} is there twice", issuer.name));
  if (issuer.parent != "root" && find_issuer(config, issuer.parent) == nullptr) {
    return bad(fmt::format("issuer {}: its parent {} does not stand before it", issuer.name, issuer.parent));
  }
  const auto known = registry::parse_issuer_state(state);
  if (!known) {
    return bad(fmt::format("issuer {}: state must be \"standby\", \"active\" or \"retired\"", issuer.name));
  }
  if (!issuer.key.empty() && !issuer.key.starts_with("pkcs11:")) {
    return bad(fmt::format("issuer {}: key must be a pkcs11: URI", issuer.name));
  }
  if (!issuer.factory.empty() && !is_name(issuer.factory)) {
    return bad(fmt::format("issuer {}: factory \"{}\" is not a name", issuer.name, issuer.factory));
  }
  if (issuer.from && issuer.until && *issuer.from > *issuer.until) {
    return bad(fmt::format("issuer {}: from is after until", issuer.name));
  }
  issuer.state = *known;
  config.issuers.push_back(std::move(issuer));
  return {};
}

Answer<void> read_issuers(const toml::table& document, Config& config) {
  const toml::node* node = document.get("issuer");
  if (node == nullptr) return {};
  const toml::array* list = node->as_array();
  if (list == nullptr) return bad("issuers are written as [[issuer]]");
  for (const toml::node& item : *list) {
    const toml::table* table = item.as_table();
    if (table == nullptr) return bad("issuers are written as [[issuer]]");
    if (const auto read = read_issuer(*table, config); !read) return read;
  }
  return {};
}

}  // namespace

const IssuerConfig* find_issuer(const Config& config, std::string_view name) noexcept {
  const auto found = std::ranges::find(config.issuers, name, &IssuerConfig::name);
  return found == config.issuers.end() ? nullptr : &*found;
}

Config default_config() {
  Config config;
  config.hardware_type = parse_oid("1.3.6.1.4.1.32473.1");  // RFC 5612: the enterprise number of examples
  for (Profile& profile : default_profiles()) config.profiles.emplace(profile.name, profile);
  return config;
}

Answer<Config> read_config(std::string_view text) {
  toml::table document;
  try {
    document = toml::parse(text);
  } catch (const toml::parse_error& error) {
    return bad(fmt::format("line {}: {}", error.source().begin.line, error.description()));
  }
  Config config = default_config();
  Settings settings(document, "");
  settings.only(
      {"authority", "database", "issuer", "limits", "log", "metrics", "profile", "protocols", "verify"});
  if (!settings.fault().empty()) return bad(settings.fault());
  for (const auto& [key, read] :
       {std::pair{"authority", &read_authority}, std::pair{"profile", &read_profiles},
        std::pair{"verify", &read_verify}, std::pair{"protocols", &read_protocols},
        std::pair{"database", &read_database}, std::pair{"log", &read_log}, std::pair{"limits", &read_limits},
        std::pair{"metrics", &read_metrics}}) {
    const toml::node* node = document.get(key);
    if (node == nullptr) continue;
    if (node->as_table() == nullptr) return bad(fmt::format("{} must be a table", key));
    if (const auto done = read(*node->as_table(), config); !done) return std::unexpected(done.error());
  }
  if (const auto done = read_issuers(document, config); !done) return std::unexpected(done.error());
  return config;
}

}  // namespace pedigree::authority
