// SPDX-License-Identifier: Apache-2.0
// Grants under /v1: what a secured device may be made to do, on whose order.
#include "authority/grant.h"
#include "server/http/api_call.h"

namespace pedigree::http {
namespace {

using authority::GrantOrder;
using grant::Operation;

constexpr std::size_t kMaxWhy = 500;

void read_key(Body& body, GrantOrder& order) {
  using enrol::Purpose;
  const std::string_view purpose = body.text("purpose");
  bool known = false;
  for (const Purpose one : {Purpose::iak, Purpose::idevid, Purpose::tls, Purpose::data}) {
    if (purpose != enrol::name(one)) continue;
    order.purpose = one;
    known = true;
  }
  if (!known) body.wrong("\"purpose\" must be iak, idevid, tls or data");
  const std::string_view type = body.text("algorithm");
  if (type != name(crypto::KeyType::p256) && type != name(crypto::KeyType::p384)) {
    body.wrong("\"algorithm\" must be P-256 or P-384");
  }
  order.type = type == name(crypto::KeyType::p384) ? crypto::KeyType::p384 : crypto::KeyType::p256;
}

GrantOrder read_order(Body& body) {
  GrantOrder order;
  order.device = body.device("device");
  order.nonce = body.nonce("nonce");
  const auto operation = authority::parse_operation(body.text("operation"));
  if (!operation) {
    body.wrong("\"operation\" must be begin, replace, destroy, repin or decommission");
    return order;
  }
  order.operation = *operation;
  if (*operation <= Operation::destroy) {
    order.slot = static_cast<std::uint8_t>(body.number("slot", 1, enrol::kMaxSlots));
  }
  if (*operation <= Operation::replace) read_key(body, order);
  if (*operation == Operation::repin) order.root = body.nonce("root");
  return order;
}

/// A device that is out of service gets no new keys; it may still be emptied.
bool forbids(registry::DeviceState state, Operation operation) noexcept {
  return operation <= Operation::replace && state >= registry::DeviceState::suspended;
}

ErrorCode error_of(registry::DeviceState state) noexcept {
  if (state == registry::DeviceState::suspended) return ErrorCode::device_suspended;
  return state == registry::DeviceState::revoked ? ErrorCode::device_revoked : ErrorCode::retired;
}

}  // namespace

void Api::grant(Call& call) {
  if (grant_signer_ == nullptr) {
    return call.respond(error_response(ErrorCode::not_found,
                                       "this authority has no signer of grants; one is made by pedigree "
                                       "authority grant-signer"));
  }
  Body body(call.request.body);
  const GrantOrder order = read_order(body);
  const std::string why(body.text("why"));
  if (why.empty() || why.size() > kMaxWhy) body.wrong("\"why\" must be 1 to 500 characters");
  if (!body.fault().empty()) return call.respond(error_response(ErrorCode::bad_request, body.fault()));
  const Identity& client = *call.request.client;
  if (const auto allowed =
          authority::check_grant(engine_.config().policy, client.role == Role::operator_, client.name, order);
      !allowed) {
    return call.respond(error_response(allowed.error().code, allowed.error().detail));
  }
  const auto device = store_.device(order.device);
  if (!device) {
    const bool unknown = device.error().code == ErrorCode::not_found;
    const ErrorCode code = unknown ? ErrorCode::unknown_device : device.error().code;
    return call.respond(error_response(code, sentence(code)));
  }
  if (forbids(device->state, order.operation)) {
    return call.respond(error_response(error_of(device->state), sentence(error_of(device->state))));
  }
  auto made = grant_signer_->sign(order, clock_());
  if (!made) return call.respond(error_response(made.error().code, made.error().detail));
  const auto digest = engine_.crypto().sha256(made->message);
  if (!digest)
    return call.respond(error_response(ErrorCode::crypto_failure, sentence(ErrorCode::crypto_failure)));
  registry::GrantNote note{order.device, authority::describe(order) + ": " + why,
                           *digest,      order.operation == Operation::decommission,
                           call.actor(), made->issued_at};
  if (client.role != Role::operator_) {
    note.station = {client.name, client.fingerprint, engine_.config().policy.registered_only, 0};
  }
  // It leaves only when the log has it.
  store_.note_grant(std::move(note),
                    [this, made = *std::move(made), respond = std::move(call.respond)](const auto& outcome) {
                      if (!outcome) return conflict(respond, outcome.error());
                      respond(json_response({{"grant", to_base64(made.message)},
                                             {"issued_at", made.issued_at},
                                             {"expires_at", made.expires_at},
                                             {"state", name(*outcome)}}));
                    });
}

}  // namespace pedigree::http
