// SPDX-License-Identifier: Apache-2.0
// The station's side of /v1: nonce, enrol, receipt, certificate.
#include <fmt/format.h>

#include <algorithm>

#include "server/http/api_call.h"
#include "server/http/appraiser.h"
#include "server/http/station_claim.h"

namespace pedigree::http {
namespace {

/// The answer to enrol, written by hand: it is the hot path, and every part of it is hex or base64.
Response enrol_response(const registry::Serial& serial, std::span<const Bytes> chain, bool reused) {
  Response response;
  std::string& body = response.body;
  body = R"({"serial":")" + registry::hex(serial) + R"(","chain":[)";
  for (const Bytes certificate : chain) {
    body += body.back() == '[' ? "\"" : ",\"";
    body += to_base64(certificate);
    body += '"';
  }
  body += reused ? R"(],"reused":true})" : R"(],"reused":false})";
  return response;
}

boost::json::value optional_time(const std::optional<der::UnixTime>& time) {
  if (!time) return nullptr;
  return *time;
}

}  // namespace

void Api::nonce(Call& call) {
  Body body(call.request.body);
  const registry::DeviceId device = body.device("device");
  const std::string profile(body.text("profile"));
  if (!body.fault().empty()) return call.respond(error_response(ErrorCode::bad_request, body.fault()));
  const der::UnixTime now = clock_();
  const auto made = engine_.nonce(device, profile, now);
  if (!made) return call.respond(error_response(made.error().code, made.error().detail));
  auto claim = claim_station(engine_, store_, *call.request.client, {device, profile, std::nullopt}, now);
  if (!claim) return call.respond(error_response(claim.error().code, claim.error().detail));
  registry::Asking asking{device,           profile, call.actor(), now, engine_.config().listed_only,
                          *std::move(claim)};
  const bool evidence = engine_.needs_evidence(profile);
  store_.ask(std::move(asking),
             [this, made = *made, evidence, respond = std::move(call.respond)](const auto& outcome) {
               if (!outcome) return conflict(respond, outcome.error());
               respond(json_response({{"nonce", registry::hex(made.first)},
                                      {"expires", made.second},
                                      {"evidence", evidence ? "required" : "none"}}));
             });
}

void Api::enrol(Call& call) {
  Body body(call.request.body);
  authority::EnrolRequest request;
  request.device = body.device("device");
  request.profile = body.text("profile");
  request.issuer = body.optional_text("issuer");
  const authority::Nonce nonce = body.nonce("nonce");
  const std::vector<std::uint8_t> csr = body.octets("csr");
  if (!body.fault().empty()) return call.respond(error_response(ErrorCode::bad_request, body.fault()));
  request.nonce = nonce;
  request.csr = csr;
  auto claim = claim_station(engine_, store_, *call.request.client,
                             {request.device, request.profile, request.issuer}, clock_());
  if (!claim) return call.respond(error_response(claim.error().code, claim.error().detail));
  std::vector<registry::Certificate> known;
  if (engine_.needs_evidence(request.profile)) {
    auto found = store_.certificates(request.device);
    if (!found) return call.respond(error_response(found.error().code, sentence(found.error().code)));
    known = *std::move(found);
  }
  request.known = known;
  const IssuanceMeter meter = meter_.value_or(IssuanceMeter(engine_, nullptr));
  auto certified = meter.certify(request.profile, request.issuer, [&] {
    return engine_.certify(request, appraiser_ == nullptr ? nullptr : &appraiser_->evidence(), clock_());
  });
  if (!certified) return call.respond(error_response(certified.error().code, certified.error().detail));
  registry::Issuance issuance{std::move(certified->certificate), call.actor(), engine_.config().listed_only,
                              engine_.parents(certified->issuer->config().name)};
  issuance.station = *std::move(claim);
  const std::string profile(request.profile);
  const std::string signer(certified->issuer->config().name);
  store_.issue(std::move(issuance), [this, meter, profile, signer,
                                     respond = std::move(call.respond)](const auto& outcome) {
    meter.stored(outcome, profile, signer);
    if (!outcome) return conflict(respond, outcome.error());
    // A new certificate was checked where it was stored.
    if (outcome->reused && issuer_is_revoked(outcome->certificate.issuer)) {
      return respond(error_response(ErrorCode::issuer_revoked, sentence(ErrorCode::issuer_revoked)));
    }
    const auto chain = engine_.chain(outcome->certificate);
    if (!chain) return respond(error_response(chain.error().code, chain.error().detail));
    respond(enrol_response(outcome->certificate.serial, *chain, outcome->reused));
  });
}

bool Api::issuer_is_revoked(const std::string& issuer) {
  const auto revoked = store_.revoked_issuers();
  if (!revoked) return true;  // nothing is handed out on a guess
  std::vector<std::string> names = engine_.parents(issuer);
  names.push_back(issuer);
  return std::ranges::any_of(
      *revoked, [&](const auto& one) { return std::ranges::find(names, one.name) != names.end(); });
}

void Api::receipt(Call& call) {
  Body body(call.request.body);
  const registry::DeviceId device = body.device("device");
  const registry::Serial serial = body.serial("serial");
  const authority::Nonce nonce = body.nonce("nonce");
  const std::vector<std::uint8_t> receipt = body.octets("receipt");
  if (!body.fault().empty()) return call.respond(error_response(ErrorCode::bad_request, body.fault()));
  const auto certificate = store_.certificate(serial);
  if (!certificate) {
    const ErrorCode code = certificate.error().code;
    return call.respond(error_response(code, sentence(code)));
  }
  if (certificate->device != device) {
    return call.respond(
        error_response(ErrorCode::bad_receipt, "the serial number belongs to another device"));
  }
  const der::UnixTime now = clock_();
  const auto checked = engine_.check_receipt(*certificate, nonce, receipt, now);
  if (!checked) return call.respond(error_response(checked.error().code, checked.error().detail));
  store_.activate(serial, call.actor(), now, [this, respond = std::move(call.respond)](const auto& outcome) {
    if (!outcome) return conflict(respond, outcome.error());
    respond(json_response({{"state", name(*outcome)}}));
  });
}

void Api::certificate(Call& call) {
  const auto serial = registry::parse_serial(call.argument);
  if (!serial) {
    return call.respond(
        error_response(ErrorCode::bad_request, "a serial number is 32 lower-case hex digits"));
  }
  const auto found = store_.certificate(*serial);
  if (!found) return call.respond(error_response(found.error().code, sentence(found.error().code)));
  call.respond(json_response({{"serial", call.argument},
                              {"device", registry::hex(found->device)},
                              {"profile", found->profile},
                              {"issuer", found->issuer},
                              {"state", name(found->state)},
                              {"not_before", found->not_before},
                              {"not_after", found->not_after},
                              {"issued_at", found->issued_at},
                              {"receipt_at", optional_time(found->receipt_at)},
                              {"revoked_at", optional_time(found->revoked_at)},
                              {"reason", x509::name(found->reason)},
                              {"key_sha256", registry::hex(found->key)},
                              {"certificate", to_base64(found->der)}}));
}

}  // namespace pedigree::http
