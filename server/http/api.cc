// SPDX-License-Identifier: Apache-2.0
#include "server/http/api.h"

#include <fmt/format.h>

#include "server/http/api_call.h"
#include "server/http/conflict.h"

namespace pedigree::http {

enum class Access : std::uint8_t {
  anyone,
  client,  ///< whoever has a role
  station,
  operator_,
  both,       ///< station or operator
  reader,     ///< auditor or operator: what changes nothing
  records,    ///< station, auditor or operator
  appraiser,  ///< relying party or operator
};

struct Api::Route {
  Method method;
  std::string_view path;  ///< with one '*' for the variable part, or "**" at its end for one with slashes
  Access access;
  Handler handler;
  bool cbor = false;  ///< takes CBOR as well as JSON
};

const Api::Route Api::kRoutes[] = {
    {Method::post, "/v1/verify", Access::appraiser, &Api::verify, true},
    {Method::post, "/v1/verify/batch", Access::appraiser, &Api::verify_batch, true},
    {Method::post, "/v1/verify/nonce", Access::appraiser, &Api::verify_nonce, true},
    {Method::get, "/v1/verify/key", Access::client, &Api::verify_key},
    {Method::post, "/v1/enrol", Access::station, &Api::enrol},
    {Method::post, "/v1/nonce", Access::station, &Api::nonce},
    {Method::post, "/v1/receipt", Access::station, &Api::receipt},
    {Method::post, "/v1/grants", Access::both, &Api::grant},
    {Method::get, "/v1/audit/checkpoint", Access::client, &Api::audit_checkpoint},
    {Method::get, "/v1/audit/consistency", Access::client, &Api::audit_consistency},
    {Method::get, "/v1/audit/proof/*", Access::reader, &Api::audit_proof},
    {Method::get, "/metrics", Access::reader, &Api::metrics},
    {Method::get, "/v1/health", Access::anyone, &Api::health},
    {Method::get, "/v1/health/live", Access::anyone, &Api::live},
    {Method::get, "/v1/issuers", Access::client, &Api::issuers},
    {Method::post, "/v1/issuers/*/revoke", Access::operator_, &Api::revoke_issuer},
    {Method::post, "/v1/issuers/*/state", Access::operator_, &Api::issuer_state},
    {Method::get, "/v1/signer-revocations", Access::client, &Api::signer_revocations},
    {Method::post, "/v1/signer-revocations", Access::operator_, &Api::revoke_signer},
    {Method::get, "/v1/crl/**", Access::anyone, &Api::crl},
    {Method::get, "/v1/certificates/*", Access::records, &Api::certificate},
    {Method::post, "/v1/revoke", Access::operator_, &Api::revoke},
    {Method::get, "/v1/devices", Access::reader, &Api::devices},
    {Method::post, "/v1/devices", Access::operator_, &Api::import},
    {Method::get, "/v1/devices/*", Access::reader, &Api::device},
    {Method::get, "/v1/events", Access::reader, &Api::events},
    {Method::get, "/v1/batches", Access::reader, &Api::batches},
    {Method::get, "/v1/stations", Access::reader, &Api::stations},
    {Method::post, "/v1/devices/*/state", Access::operator_, &Api::device_state},
};

namespace {

/// The variable part of `path` if it matches `pattern`; for patterns without one, an empty text.
std::optional<std::string_view> match(std::string_view pattern, std::string_view path) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) {
    if (pattern != path) return std::nullopt;
    return std::string_view();
  }
  const std::string_view before = pattern.substr(0, star);
  if (pattern.ends_with("**")) {
    if (path.size() <= before.size() || !path.starts_with(before)) return std::nullopt;
    return path.substr(before.size());
  }
  const std::string_view after = pattern.substr(star + 1);
  if (path.size() <= before.size() + after.size()) return std::nullopt;
  if (!path.starts_with(before) || !path.ends_with(after)) return std::nullopt;
  const std::string_view part = path.substr(before.size(), path.size() - before.size() - after.size());
  if (part.find('/') != std::string_view::npos) return std::nullopt;
  return part;
}

bool allowed(Access access, Role role) {
  switch (access) {
    case Access::anyone:
      return true;
    case Access::station:
      return role == Role::station;
    case Access::operator_:
      return role == Role::operator_;
    case Access::both:
      return role == Role::station || role == Role::operator_;
    case Access::reader:
      return role == Role::auditor || role == Role::operator_;
    case Access::records:
      return role == Role::station || role == Role::auditor || role == Role::operator_;
    case Access::appraiser:
      return role == Role::relying_party || role == Role::operator_;
    case Access::client:
      return role == Role::station || role == Role::operator_ || role == Role::relying_party ||
             role == Role::auditor;
  }
  return false;
}

std::string_view needed(Access access) {
  switch (access) {
    case Access::station:
      return "a station certificate";
    case Access::operator_:
      return "an operator certificate";
    case Access::both:
      return "a station or operator certificate";
    case Access::reader:
      return "an auditor's or operator's certificate";
    case Access::records:
      return "a station, auditor or operator certificate";
    case Access::appraiser:
      return "a relying party's or operator's certificate";
    case Access::anyone:
    case Access::client:
      break;
  }
  return "a client certificate of this authority";
}

}  // namespace

Api::Api(const authority::Engine& engine, registry::Store& store, Appraiser* appraiser,
         std::function<der::UnixTime()> clock)
    : engine_(engine), store_(store), appraiser_(appraiser), clock_(clock), crls_(engine, store, clock) {}

void Api::handle(const Request& request, Respond respond) {
  // A browser sends a form or plain text to any address without asking first, with the client certificate of
  // whoever sits before it; these two types it does not.
  if (request.method == Method::post && !request.cbor &&
      !is_media_type(request.content_type, "application/json")) {
    Response response = error_response(ErrorCode::bad_request, "the Content-Type must be application/json");
    response.status = 415;
    return respond(std::move(response));
  }
  const std::size_t mark = std::min(request.target.find('?'), request.target.size());
  const std::string_view path = request.target.substr(0, mark);
  const std::string_view query = request.target.substr(std::min(mark + 1, request.target.size()));
  bool path_known = false;
  for (const Route& route : kRoutes) {
    const auto argument = match(route.path, path);
    if (!argument) continue;
    path_known = true;
    if (request.trace != nullptr) request.trace->route = route.path;
    if (route.method != request.method) continue;
    if (!allowed(route.access, request.client->role)) {
      return respond(error_response(ErrorCode::not_authorised,
                                    fmt::format("{} needs {}", route.path, needed(route.access))));
    }
    if (request.cbor && !route.cbor) {
      Response response = error_response(ErrorCode::bad_request, "the Content-Type must be application/json");
      response.status = 415;
      return respond(std::move(response));
    }
    Call call{request, *argument, query, std::move(respond)};
    return (this->*route.handler)(call);
  }
  Response response = path_known
                          ? error_response(ErrorCode::bad_request, "this path does not take this method")
                          : error_response(ErrorCode::not_found, "there is no such path");
  if (path_known) response.status = 405;
  respond(std::move(response));
}

void Api::health(Call& call) {
  if (dependencies_) return call.respond(health_response(dependencies_()));
  const auto state = store_.health() ? DependencyState::ok : DependencyState::failing;
  call.respond(health_response({{"database", state, {}}}));
}

void Api::live(Call& call) {
  call.respond(json_response({{"status", "ok"}}));
}

void Api::metrics(Call& call) {
  if (!metrics_text_) return call.respond(error_response(ErrorCode::not_found, "nothing is counted here"));
  call.respond({200, std::string(observe::Exposition::kContentType), metrics_text_()});
}

void Api::conflict(const Respond& respond, const registry::Conflict& conflict) const {
  Response response = error_response(conflict.code, describe(engine_, conflict));
  // By a rotation in between: whoever asks again gets the new intermediate.
  if (conflict.code == ErrorCode::unknown_issuer) response.status = 503;
  respond(std::move(response));
}

}  // namespace pedigree::http
