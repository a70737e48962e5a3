// SPDX-License-Identifier: Apache-2.0
// [log], [limits] and [metrics] of authority.toml: for whoever runs the authority.
#include "authority/config_operations.h"

#include <charconv>

namespace pedigree::authority {

Answer<void> read_log(const toml::table& table, Config& config) {
  Settings settings(table, "log.");
  settings.only({"format", "level", "requests", "file"});
  std::string format = config.log.format == LogFormat::json ? "json" : "text";
  std::string level(name(config.log.level));
  settings.read("format", format);
  settings.read("level", level);
  settings.read("requests", config.log.requests);
  settings.read("file", config.log.file);
  if (format != "text" && format != "json") {
    settings.wrong("format", *settings.get("format"), "must be \"text\" or \"json\"");
  }
  config.log.format = format == "json" ? LogFormat::json : LogFormat::text;
  bool is_known = false;
  for (const LogLevel one : {LogLevel::error, LogLevel::warning, LogLevel::info, LogLevel::debug}) {
    if (level != name(one)) continue;
    config.log.level = one;
    is_known = true;
  }
  if (!is_known) {
    settings.wrong("level", *settings.get("level"), "must be \"error\", \"warning\", \"info\" or \"debug\"");
  }
  if (!settings.fault().empty()) return bad(settings.fault());
  return {};
}

Answer<void> read_limits(const toml::table& table, Config& config) {
  constexpr std::int64_t kMost = 1'000'000;
  Settings settings(table, "limits.");
  settings.only({"connections", "connections_per_address"});
  settings.read_count("connections", config.limits.connections, 1, kMost);
  settings.read_count("connections_per_address", config.limits.connections_per_address, 1, kMost);
  if (!settings.fault().empty()) return bad(settings.fault());
  return {};
}

Answer<void> read_metrics(const toml::table& table, Config& config) {
  Settings settings(table, "metrics.");
  settings.only({"listen"});
  settings.read("listen", config.metrics_listen);
  if (!is_listen(config.metrics_listen)) {
    settings.wrong("listen", *settings.get("listen"), "must be an address and a port, or empty");
  }
  if (!settings.fault().empty()) return bad(settings.fault());
  return {};
}

bool parse_listen(std::string_view text, std::string& host, std::uint16_t& port) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data() + colon + 1, end, port);
  return error == std::errc() && at == end;
}

bool is_listen(std::string_view text) {
  std::string host;
  std::uint16_t port = 0;
  return text.empty() || parse_listen(text, host, port);
}

std::string_view name(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::error:
      return "error";
    case LogLevel::warning:
      return "warning";
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      break;
  }
  return "info";
}

}  // namespace pedigree::authority
