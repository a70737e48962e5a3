// SPDX-License-Identifier: Apache-2.0
// The operator's side of /v1: devices, states, the allow-list, revocation.
#include <fmt/format.h>

#include <charconv>

#include "server/http/api_call.h"

namespace pedigree::http {
namespace {

constexpr std::size_t kMaxPage = 1000;

boost::json::object describe_device(const registry::Device& device) {
  return {{"device", registry::hex(device.id)},
          {"state", name(device.state)},
          {"profiles", device.profiles},
          {"created", device.created},
          {"changed", device.changed}};
}

boost::json::object describe_certificate(const registry::Certificate& certificate) {
  boost::json::object out{{"serial", registry::hex(certificate.serial)},
                          {"profile", certificate.profile},
                          {"issuer", certificate.issuer},
                          {"state", name(certificate.state)},
                          {"not_after", certificate.not_after},
                          {"issued_at", certificate.issued_at},
                          {"certificate", to_base64(certificate.der)}};
  if (certificate.revoked_at) {
    out["revoked_at"] = *certificate.revoked_at;
    out["reason"] = x509::name(certificate.reason);
  }
  return out;
}

boost::json::object describe_event(const registry::Event& event) {
  boost::json::object out{{"when", event.when},
                          {"who", event.actor.who},
                          {"from", event.actor.from},
                          {"what", event.what},
                          {"why", event.why}};
  if (event.from) out["old_state"] = name(*event.from);
  if (event.to) out["new_state"] = name(*event.to);
  return out;
}

}  // namespace

void Api::devices(Call& call) {
  registry::DevicePage page;
  const std::string_view state = query_parameter(call.query, "state");
  const std::string_view after = query_parameter(call.query, "after");
  const std::string_view limit = query_parameter(call.query, "limit");
  const auto wrong = [&](std::string_view what) {
    call.respond(error_response(ErrorCode::bad_request, what));
  };
  if (!state.empty()) {
    page.state = registry::parse_device_state(state);
    if (!page.state) return wrong("\"state\" is not a device state");
  }
  if (!after.empty()) {
    const auto id = registry::parse_device_id(after);
    if (!id) return wrong("\"after\" is not a device id");
    page.after = *id;
  }
  if (!limit.empty()) {
    const auto [end, error] = std::from_chars(limit.data(), limit.data() + limit.size(), page.limit);
    if (error != std::errc() || end != limit.data() + limit.size() || page.limit == 0 ||
        page.limit > kMaxPage) {
      return wrong("\"limit\" must be 1 to 1000");
    }
  }
  const auto found = store_.devices(page);
  if (!found) return call.respond(error_response(found.error().code, sentence(found.error().code)));
  boost::json::array list;
  for (const registry::Device& one : found->devices) list.push_back(describe_device(one));
  boost::json::object answer{{"devices", std::move(list)}};
  if (found->next) answer["next"] = registry::hex(*found->next);
  call.respond(json_response(std::move(answer)));
}

void Api::device(Call& call) {
  const auto id = registry::parse_device_id(call.argument);
  if (!id)
    return call.respond(error_response(ErrorCode::bad_request, "a device id is 66 lower-case hex digits"));
  const auto found = store_.device(*id);
  if (!found) return call.respond(error_response(found.error().code, sentence(found.error().code)));
  const auto certificates = store_.certificates(*id);
  const auto events = store_.events(*id);
  if (!certificates || !events) {
    return call.respond(error_response(ErrorCode::database_failure, sentence(ErrorCode::database_failure)));
  }
  boost::json::object answer = describe_device(*found);
  boost::json::array& list = answer["certificates"].emplace_array();
  for (const registry::Certificate& one : *certificates) list.push_back(describe_certificate(one));
  boost::json::array& history = answer["events"].emplace_array();
  for (const registry::Event& one : *events) history.push_back(describe_event(one));
  call.respond(json_response(std::move(answer)));
}

void Api::device_state(Call& call) {
  const auto id = registry::parse_device_id(call.argument);
  if (!id)
    return call.respond(error_response(ErrorCode::bad_request, "a device id is 66 lower-case hex digits"));
  Body body(call.request.body);
  const auto state = registry::parse_device_state(body.text("state"));
  if (!state) body.wrong("\"state\" is not a device state");
  const std::string why(body.text("why"));
  if (why.empty() || why.size() > 500) body.wrong("\"why\" must be 1 to 500 characters");
  if (!body.fault().empty()) return call.respond(error_response(ErrorCode::bad_request, body.fault()));
  registry::StateChange change{*id, *state, why, call.actor(), clock_()};
  store_.change_state(std::move(change), [this, respond = std::move(call.respond)](const auto& outcome) {
    if (!outcome) return conflict(respond, outcome.error());
    respond(json_response({{"state", name(*outcome)}}));
  });
}

void Api::import(Call& call) {
  Body body(call.request.body);
  registry::Import import{{}, call.actor(), clock_()};
  if (const boost::json::array* list = body.array("devices")) {
    for (const boost::json::value& item : *list) {
      const boost::json::object* line = item.if_object();
      const boost::json::value* device = line == nullptr ? nullptr : line->if_contains("device");
      const boost::json::value* profile = line == nullptr ? nullptr : line->if_contains("profile");
      const auto id =
          registry::parse_device_id(device != nullptr && device->is_string() ? device->get_string() : "");
      const std::size_t number = import.devices.size() + 1;
      if (!id) body.wrong(fmt::format("device {} of the list has no valid \"device\"", number));
      if (profile != nullptr && !(profile->is_string() && engine_.config().profiles.contains(
                                                              std::string_view(profile->get_string())))) {
        body.wrong(fmt::format("device {} of the list names an unknown profile", number));
      }
      if (!body.fault().empty()) break;
      import.devices.push_back(
          {*id, profile == nullptr ? std::string() : std::string(profile->get_string())});
    }
  }
  if (!body.fault().empty()) return call.respond(error_response(ErrorCode::bad_request, body.fault()));
  store_.import(std::move(import), [this, respond = std::move(call.respond)](const auto& outcome) {
    if (!outcome) return conflict(respond, outcome.error());
    respond(json_response({{"added", outcome->added}, {"known", outcome->known}}));
  });
}

void Api::revoke(Call& call) {
  Body body(call.request.body);
  const registry::Serial serial = body.serial("serial");
  const auto reason = registry::parse_reason(body.text("reason"));
  if (!reason) body.wrong("\"reason\" is not a reason of RFC 5280 5.3.1 that can be used here");
  const std::string why(body.optional_text("why"));
  if (why.size() > 500) body.wrong("\"why\" is longer than 500 characters");
  if (!body.fault().empty()) return call.respond(error_response(ErrorCode::bad_request, body.fault()));
  registry::Revocation revocation{serial, *reason, why, call.actor(), clock_()};
  store_.revoke(std::move(revocation), [this, respond = std::move(call.respond)](const auto& outcome) {
    if (!outcome) return conflict(respond, outcome.error());
    respond(json_response({{"serial", registry::hex(outcome->serial)},
                           {"revoked_at", *outcome->revoked_at},
                           {"reason", x509::name(outcome->reason)}}));
  });
}

}  // namespace pedigree::http
