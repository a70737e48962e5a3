// SPDX-License-Identifier: Apache-2.0
// The operator's side of /v1: devices, states, the allow-list, revocation.
#include <fmt/format.h>

#include "server/http/api_call.h"
#include "server/http/describe.h"

namespace pedigree::http {
namespace {

boost::json::object describe_certificate(const registry::Certificate& certificate) {
  boost::json::object out{{"serial", registry::hex(certificate.serial)},
                          {"profile", certificate.profile},
                          {"issuer", certificate.issuer},
                          {"state", name(certificate.state)},
                          {"key", registry::hex(certificate.key)},
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

/// A text of an object, where there is one; false: it is no text.
bool read_text(const boost::json::object& from, std::string_view key, std::string& out) {
  const boost::json::value* value = from.if_contains(key);
  if (value == nullptr) return true;
  if (!value->is_string()) return false;
  out = std::string(value->get_string());
  return true;
}

/// What is wrong with a line of the allow-list; empty: nothing, and it is in `out`.
std::string read_line(const boost::json::value& item, const authority::Config& config,
                      registry::Expected& out) {
  const boost::json::object* line = item.if_object();
  std::string device;
  if (line == nullptr || !read_text(*line, "device", device)) return "has no valid \"device\"";
  const auto id = registry::parse_device_id(device);
  if (!id) return "has no valid \"device\"";
  out.device = *id;
  if (!read_text(*line, "profile", out.profiles)) return "names an unknown profile";
  if (!out.profiles.empty() && !config.profiles.contains(out.profiles)) return "names an unknown profile";
  const bool texts = read_text(*line, "product", out.product) && read_text(*line, "label", out.label);
  return texts ? "" : "has a product or label that is no text";
}

}  // namespace

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
  boost::json::object answer = describe(*found);
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
  registry::Import import{{}, call.actor(), clock_(), std::string(body.optional_text("batch"))};
  if (const boost::json::array* list = body.array("devices")) {
    for (const boost::json::value& item : *list) {
      registry::Expected line;
      const std::string fault = read_line(item, engine_.config(), line);
      if (!fault.empty()) {
        body.wrong(fmt::format("device {} of the list {}", import.devices.size() + 1, fault));
        break;
      }
      import.devices.push_back(std::move(line));
    }
  }
  if (!body.fault().empty()) return call.respond(error_response(ErrorCode::bad_request, body.fault()));
  store_.import(std::move(import), [this, respond = std::move(call.respond)](const auto& outcome) {
    if (!outcome) return conflict(respond, outcome.error());
    respond(json_response(
        {{"added", outcome->added}, {"known", outcome->known}, {"different", outcome->different.size()}}));
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
