// SPDX-License-Identifier: Apache-2.0
// Revoked firmware signers under /v1: who is, and the signed list for devices.
#include <algorithm>

#include "server/http/api_call.h"

namespace pedigree::http {
namespace {

constexpr std::size_t kMaxWhy = 500;
constexpr std::size_t kMaxSubject = 500;

}  // namespace

void Api::signer_revocations(Call& call) {
  const auto list = store_.signer_list();
  if (!list && list.error().code == ErrorCode::not_found) {
    return call.respond(error_response(ErrorCode::not_found, "no list of revoked signers was issued yet"));
  }
  if (!list) return call.respond(error_response(list.error().code, sentence(list.error().code)));
  call.respond(json_response(
      {{"number", list->number}, {"issued_at", list->issued_at}, {"list", to_base64(list->message)}}));
}

void Api::revoke_signer(Call& call) {
  Body body(call.request.body);
  registry::SignerRevocation revocation;
  const auto key = body.octets("key");
  if (key.size() == revocation.key.size()) {
    std::ranges::copy(key, revocation.key.begin());
  } else {
    body.wrong("\"key\" must be the SHA-256 of a SubjectPublicKeyInfo, base64");
  }
  revocation.name = body.optional_text("name");
  if (revocation.name.size() > kMaxSubject) body.wrong("\"name\" has more than 500 characters");
  revocation.why = body.text("why");
  if (revocation.why.empty() || revocation.why.size() > kMaxWhy) {
    body.wrong("\"why\" must be 1 to 500 characters");
  }
  if (body.fault().empty() && revocation.key == engine_.root_spki_sha256()) {
    body.wrong("\"key\" is the root's: devices are made with it, and no list can take it from them");
  }
  if (!body.fault().empty()) return call.respond(error_response(ErrorCode::bad_request, body.fault()));
  revocation.actor = call.actor();
  revocation.when = clock_();
  store_.revoke_signer(std::move(revocation), [this, respond = std::move(call.respond)](const auto& outcome) {
    if (!outcome) return conflict(respond, outcome.error());
    respond(json_response({{"key", registry::hex(outcome->key)},
                           {"name", outcome->name},
                           {"revoked_at", outcome->when},
                           {"why", outcome->why}}));
  });
}

}  // namespace pedigree::http
