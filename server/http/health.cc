// SPDX-License-Identifier: Apache-2.0
#include "server/http/health.h"

#include <algorithm>

#include "server/http/json.h"
#include "server/observe/metrics.h"

namespace pedigree::http {

std::string_view name(DependencyState state) noexcept {
  switch (state) {
    case DependencyState::warning:
      return "warning";
    case DependencyState::failing:
      return "failing";
    case DependencyState::ok:
      break;
  }
  return "ok";
}

Response health_response(const std::vector<Dependency>& dependencies) {
  DependencyState worst = DependencyState::ok;
  std::string_view store = "ok";
  boost::json::array checks;
  for (const Dependency& one : dependencies) {
    worst = std::max(worst, one.state);
    if (one.name == "database") store = name(one.state);
    boost::json::object check{{"name", one.name}, {"state", name(one.state)}};
    if (!one.reason.empty()) check["reason"] = one.reason;
    checks.push_back(std::move(check));
  }
  Response response = json_response({{"status", name(worst)},
                                     {"version", PEDIGREE_VERSION},
                                     {"store", store},
                                     {"checks", std::move(checks)}});
  if (worst == DependencyState::failing) response.status = 503;
  return response;
}

void MonitorHandler::handle(const Request& request, Respond respond) {
  const std::string_view path = request.target.substr(0, request.target.find('?'));
  for (const std::string_view known : {"/metrics", "/v1/health", "/v1/health/live"}) {
    if (path != known) continue;
    if (request.trace != nullptr) request.trace->route = known;
    if (request.method != Method::get) {
      Response response = error_response(ErrorCode::bad_request, "this path does not take this method");
      response.status = 405;
      return respond(std::move(response));
    }
    if (known == "/metrics")
      return respond({200, std::string(observe::Exposition::kContentType), metrics_()});
    if (known == "/v1/health/live") return respond(json_response({{"status", "ok"}}));
    return respond(health_response(dependencies_()));
  }
  respond(error_response(ErrorCode::not_found, "there is no such path"));
}

}  // namespace pedigree::http
