// SPDX-License-Identifier: Apache-2.0
// The relying party's side of /v1: nonces and appraisals.
#include "server/http/api_call.h"
#include "server/http/appraiser.h"
#include "server/http/cbor_value.h"
#include "verifier/report.h"

namespace pedigree::http {
namespace {

namespace json = boost::json;

constexpr std::string_view kNoAppraiser = "this process appraises nothing";

constexpr std::string_view kNoSigner =
    "no EAR can be signed: see verifier.key.pem in the authority's directory";

/// The members of a full report that say what decided.
json::object short_report(const verifier::Appraisal& appraisal) {
  json::object out{{"verdict", name(appraisal.verdict)}, {"reason", nullptr}, {"device", nullptr}};
  if (appraisal.device_id) out["device"] = json::object{{"id", registry::hex(*appraisal.device_id)}};
  const verifier::Check* reason = appraisal.reason();
  if (reason == nullptr) return out;
  json::object& why = out["reason"].emplace_object();
  why["check"] = name(reason->kind);
  why["outcome"] = name(reason->outcome);
  why["code"] = reason->code ? json::value(json::string(name(*reason->code))) : json::value();
  why["sentence"] = sentence(appraisal, *reason);
  return out;
}

Response answer(const Request& request, const json::value& value) {
  if (!request.cbor) return json_response(value);
  return {200, "application/cbor", to_cbor(value)};
}

}  // namespace

void Api::verify_nonce(Call& call) {
  if (appraiser_ == nullptr) return call.respond(error_response(ErrorCode::not_found, kNoAppraiser));
  const auto made = appraiser_->nonce(call.request.client->name, clock_());
  if (!made) return call.respond(error_response(made.error().code, sentence(made.error().code)));
  call.respond(answer(call.request, {{"nonce", registry::hex(made->first)}, {"expires", made->second}}));
}

boost::json::value Api::appraise(const Call& call, const VerifyItem& item, bool full) {
  if (!item.fault.empty()) return error_object(ErrorCode::bad_request, item.fault);
  const verifier::Appraisal appraisal = appraiser_->appraise(item, call.request.client->name, clock_());
  json::object report = full ? verifier::to_json(appraisal) : short_report(appraisal);
  if (item.ear == EarForm::none) return report;
  const auto ear = appraiser_->sign(appraisal, item.ear);
  if (!ear) return error_object(ear.error().code, kNoSigner);
  report["ear"] = *ear;
  return report;
}

void Api::verify_any(Call& call, bool batch) {
  if (appraiser_ == nullptr) return call.respond(error_response(ErrorCode::not_found, kNoAppraiser));
  const std::string_view report = query_parameter(call.query, "report");
  if (!report.empty() && report != "full" && report != "short") {
    return call.respond(error_response(ErrorCode::bad_request, "\"report\" must be full or short"));
  }
  const bool full = report.empty() ? !batch : report == "full";
  const auto parsed = call.request.cbor ? VerifyRequest::parse_cbor(as_bytes(call.request.body), batch)
                                        : VerifyRequest::parse_json(call.request.body, batch);
  if (!parsed) return call.respond(error_response(ErrorCode::bad_request, parsed.error()));
  if (!batch) {
    const VerifyItem& item = parsed->items().front();
    if (!item.fault.empty()) return call.respond(error_response(ErrorCode::bad_request, item.fault));
    return call.respond(answer(call.request, appraise(call, item, full)));
  }
  json::array results;
  results.reserve(parsed->items().size());
  for (const VerifyItem& item : parsed->items()) results.push_back(appraise(call, item, full));
  call.respond(answer(call.request, results));
}

void Api::verify_key(Call& call) {
  if (appraiser_ == nullptr || !appraiser_->signer()) {
    return call.respond(error_response(ErrorCode::not_found, kNoSigner));
  }
  const EarSigner& signer = *appraiser_->signer();
  const auto kid = signer.crypto.sha256(signer.spki);
  if (!kid) return call.respond(error_response(kid.error().code, sentence(kid.error().code)));
  call.respond(json_response({{"kid", registry::hex(*kid)}, {"spki", to_base64(signer.spki)}}));
}

void Api::verify(Call& call) {
  verify_any(call, false);
}

void Api::verify_batch(Call& call) {
  verify_any(call, true);
}

}  // namespace pedigree::http
