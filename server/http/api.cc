// SPDX-License-Identifier: Apache-2.0
#include "server/http/api.h"

#include <fmt/format.h>

#include "authority/text.h"
#include "server/http/api_call.h"

namespace pedigree::http {

enum class Access : std::uint8_t { anyone, station, operator_, both };

struct Api::Route {
  Method method;
  std::string_view path;  ///< with one '*' for the variable part
  Access access;
  Handler handler;
};

const Api::Route Api::kRoutes[] = {
    {Method::post, "/v1/enrol", Access::station, &Api::enrol},
    {Method::post, "/v1/nonce", Access::station, &Api::nonce},
    {Method::post, "/v1/receipt", Access::station, &Api::receipt},
    {Method::get, "/v1/health", Access::anyone, &Api::health},
    {Method::get, "/v1/issuers", Access::both, &Api::issuers},
    {Method::get, "/v1/crl/*", Access::anyone, &Api::crl},
    {Method::get, "/v1/certificates/*", Access::both, &Api::certificate},
    {Method::post, "/v1/revoke", Access::operator_, &Api::revoke},
    {Method::get, "/v1/devices", Access::operator_, &Api::devices},
    {Method::post, "/v1/devices", Access::operator_, &Api::import},
    {Method::get, "/v1/devices/*", Access::operator_, &Api::device},
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
      return role != Role::none;
  }
  return false;
}

std::string_view needed(Access access) {
  return access == Access::station     ? "a station certificate"
         : access == Access::operator_ ? "an operator certificate"
                                       : "a client certificate of this authority";
}

}  // namespace

Api::Api(const authority::Engine& engine, registry::Store& store, std::function<der::UnixTime()> clock)
    : engine_(engine), store_(store), clock_(std::move(clock)) {}

void Api::handle(const Request& request, Respond respond) {
  const std::size_t mark = std::min(request.target.find('?'), request.target.size());
  const std::string_view path = request.target.substr(0, mark);
  const std::string_view query = request.target.substr(std::min(mark + 1, request.target.size()));
  bool path_known = false;
  for (const Route& route : kRoutes) {
    const auto argument = match(route.path, path);
    if (!argument) continue;
    path_known = true;
    if (route.method != request.method) continue;
    if (!allowed(route.access, request.client->role)) {
      return respond(error_response(ErrorCode::not_authorised,
                                    fmt::format("{} needs {}", route.path, needed(route.access))));
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
  const bool well = store_.health().has_value();
  Response response = json_response({{"status", well ? "ok" : "failing"},
                                     {"version", PEDIGREE_VERSION},
                                     {"store", well ? "ok" : "failing"}});
  if (!well) response.status = 503;
  call.respond(std::move(response));
}

void Api::issuers(Call& call) {
  boost::json::array list;
  for (const authority::Issuer& issuer : engine_.issuers()) {
    boost::json::array profiles;
    for (const std::string& profile : issuer.config().profiles) profiles.emplace_back(profile);
    boost::json::array chain;
    for (const authority::Der& certificate : issuer.chain()) chain.emplace_back(to_base64(certificate));
    std::array<std::uint8_t, 512> subject{};
    Writer text(subject);
    if (const auto certificate = x509::Certificate::parse(issuer.chain().front())) {
      x509::print_name(certificate->subject(), text);
    }
    list.push_back({{"name", issuer.config().name},
                    {"subject", as_text(text.written())},
                    {"state", name(issuer.config().state)},
                    {"profiles", std::move(profiles)},
                    {"chain", std::move(chain)},
                    {"root_spki_sha256", registry::hex(engine_.root_spki_sha256())}});
  }
  call.respond(json_response({{"issuers", std::move(list)}, {"root", to_base64(engine_.root())}}));
}

void Api::crl(Call& call) {
  if (engine_.find_issuer(call.argument) == nullptr) {
    return call.respond(error_response(ErrorCode::not_found, "there is no such intermediate"));
  }
  const der::UnixTime now = clock_();
  const auto count = store_.revoked_count(call.argument);
  if (!count) return call.respond(error_response(count.error().code, sentence(count.error().code)));
  const std::lock_guard lock(crl_mutex_);
  CachedCrl& cached = crls_[std::string(call.argument)];
  // A fresh one after every revocation, and well before the old one lapses.
  const bool usable = !cached.der.empty() && cached.revoked == *count && now - cached.made < 3600;
  if (!usable) {
    const auto revoked = store_.revoked(call.argument);
    if (!revoked) return call.respond(error_response(revoked.error().code, sentence(revoked.error().code)));
    std::vector<x509::RevokedEntry> entries;
    entries.reserve(revoked->size());
    for (const registry::Revoked& one : *revoked) entries.push_back({one.serial, one.when, one.reason});
    const auto crl = engine_.make_crl(call.argument, entries, now);
    if (!crl) return call.respond(error_response(crl.error().code, crl.error().detail));
    cached = {revoked->size(), now, std::string(as_text(*crl))};
  }
  call.respond({200, "application/pkix-crl", cached.der});
}

std::string Api::describe_revoked(const registry::Certificate& certificate) const {
  const authority::Issuer* issuer = engine_.find_issuer(certificate.issuer);
  const std::size_t length =
      issuer == nullptr ? 1 : issuer->chain().size() + 2;  // with the leaf and the root
  return fmt::format("certificate 1 of {} (serial {}) is revoked since {} ({})", length,
                     registry::hex(certificate.serial),
                     authority::iso_time(certificate.revoked_at.value_or(0)), x509::name(certificate.reason));
}

std::string Api::describe(const registry::Conflict& conflict) const {
  const auto& other = conflict.certificate;
  switch (conflict.code) {
    case ErrorCode::device_revoked:
    case ErrorCode::revoked:
      return other ? describe_revoked(*other) : std::string(sentence(conflict.code));
    case ErrorCode::duplicate_key:
      return fmt::format("the key is certified as serial {} for profile {} of device {}",
                         registry::hex(other->serial), other->profile, registry::hex(other->device));
    case ErrorCode::second_key:
      return fmt::format(
          "the device holds serial {} of profile {} for another key; revoke that as superseded first",
          registry::hex(other->serial), other->profile);
    case ErrorCode::unknown_profile:
      return "the allow-list does not give this profile to this device";
    default:
      return std::string(sentence(conflict.code));
  }
}

void Api::conflict(const Respond& respond, const registry::Conflict& conflict) const {
  respond(error_response(conflict.code, describe(conflict)));
}

}  // namespace pedigree::http
