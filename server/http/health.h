// SPDX-License-Identifier: Apache-2.0
// What an authority needs to do its work, and whether it has it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "server/http/handler.h"

namespace pedigree::http {

/// `warning` will become `failing` if nobody looks.
enum class DependencyState : std::uint8_t { ok, warning, failing };
/// "ok", "warning", "failing". Static storage.
[[nodiscard]] std::string_view name(DependencyState state) noexcept;

struct Dependency {
  std::string name;  ///< "database", "issuer devices", ...
  DependencyState state = DependencyState::ok;
  std::string reason;  ///< a sentence for people; empty where it is ok
};

using Dependencies = std::function<std::vector<Dependency>()>;

/// {"status","version","store","checks"}: 503 where a dependency fails.
[[nodiscard]] Response health_response(const std::vector<Dependency>& dependencies);

/// GET /metrics, /v1/health and /v1/health/live for a listener of its own, without TLS.
class MonitorHandler final : public Handler {
 public:
  MonitorHandler(std::function<std::string()> metrics, Dependencies dependencies)
      : metrics_(std::move(metrics)), dependencies_(std::move(dependencies)) {}
  void handle(const Request& request, Respond respond) override;

 private:
  std::function<std::string()> metrics_;
  Dependencies dependencies_;
};

}  // namespace pedigree::http
