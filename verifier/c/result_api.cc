// SPDX-License-Identifier: Apache-2.0
// pedigree_result_*. Texts are made when they are asked for, and kept.
#include <ctime>
#include <mutex>

#include "verifier/c/handles.h"
#include "verifier/ear/ear.h"
#include "verifier/report.h"

using namespace pedigree;
using c_api::bad_argument;
using c_api::guarded;
using c_api::guarded_text;

namespace {

const verifier::Check* check_at(const pedigree_result* result, std::size_t index) {
  return result != nullptr && index < result->appraisal.checks.size() ? &result->appraisal.checks[index]
                                                                      : nullptr;
}

verifier::EarOptions ear_options(const pedigree_verifier& from, pedigree_bytes nonce, std::int64_t lifetime) {
  verifier::EarOptions options;
  options.issued_at = std::time(nullptr);
  if (lifetime > 0) options.lifetime = lifetime;
  options.policy = from.policy.name;
  options.nonce = c_api::octets(nonce);
  return options;
}

/// Makes an EAR by `write` into `into`.
template <typename Into, typename Write>
int make_ear(pedigree_result* result, const pedigree_verifier* from, pedigree_bytes nonce,
             std::int64_t lifetime, Into& into, Write write) {
  const std::shared_lock lock(from->mutex);
  if (!from->ear_key) return bad_argument("the verifier has no key for EARs");
  auto made =
      write(from->crypto, from->ear_key->view(), result->appraisal, ear_options(*from, nonce, lifetime));
  if (!made) return c_api::failed(made.error().code, sentence(made.error().code));
  into = *std::move(made);
  return 0;
}

bool ear_arguments(const pedigree_result* result, const pedigree_verifier* from, pedigree_bytes nonce,
                   std::int64_t lifetime) {
  return result != nullptr && from != nullptr && c_api::is_readable(nonce) && lifetime >= 0;
}

}  // namespace

extern "C" {

void pedigree_result_free(pedigree_result* result) {
  delete result;
}

pedigree_verdict pedigree_result_verdict(const pedigree_result* result) {
  if (result == nullptr) return PEDIGREE_REJECTED;
  switch (result->appraisal.verdict) {
    case verifier::Verdict::trusted:
      return PEDIGREE_TRUSTED;
    case verifier::Verdict::warning:
      return PEDIGREE_WARNING;
    case verifier::Verdict::rejected:
      break;
  }
  return PEDIGREE_REJECTED;
}

const char* pedigree_result_reason(pedigree_result* result) {
  if (result == nullptr) return "";
  return guarded_text([&] {
    const verifier::Check* reason = result->appraisal.reason();
    if (reason != nullptr && result->reason.empty()) result->reason = sentence(result->appraisal, *reason);
    return result->reason.c_str();
  });
}

int pedigree_result_reason_code(const pedigree_result* result) {
  const verifier::Check* reason = result == nullptr ? nullptr : result->appraisal.reason();
  return reason != nullptr && reason->code ? static_cast<int>(*reason->code) : 0;
}

size_t pedigree_result_check_count(const pedigree_result* result) {
  return result == nullptr ? 0 : result->appraisal.checks.size();
}

const char* pedigree_result_check_kind(const pedigree_result* result, size_t index) {
  const verifier::Check* check = check_at(result, index);
  return check == nullptr ? nullptr : name(check->kind).data();  // a literal, which ends with a zero octet
}

pedigree_outcome pedigree_result_check_outcome(const pedigree_result* result, size_t index) {
  const verifier::Check* check = check_at(result, index);
  if (check == nullptr) return PEDIGREE_CHECK_SKIPPED;
  switch (check->outcome) {
    case verifier::Outcome::ok:
      return PEDIGREE_CHECK_OK;
    case verifier::Outcome::warning:
      return PEDIGREE_CHECK_WARNING;
    case verifier::Outcome::failed:
      return PEDIGREE_CHECK_FAILED;
    case verifier::Outcome::skipped:
      break;
  }
  return PEDIGREE_CHECK_SKIPPED;
}

const char* pedigree_result_check_sentence(pedigree_result* result, size_t index) {
  const verifier::Check* check = check_at(result, index);
  if (check == nullptr) return nullptr;
  return guarded_text([&] {
    result->sentences.resize(result->appraisal.checks.size());
    std::string& text = result->sentences[index];
    if (text.empty()) text = sentence(result->appraisal, *check);
    return text.c_str();
  });
}

const char* pedigree_result_json(pedigree_result* result) {
  if (result == nullptr) return nullptr;
  return guarded_text([&] {
    if (result->json.empty()) result->json = boost::json::serialize(to_json(result->appraisal));
    return result->json.c_str();
  });
}

const char* pedigree_result_claims_json(pedigree_result* result) {
  if (result == nullptr) return nullptr;
  return guarded_text([&] {
    const auto& claims = result->appraisal.claims;
    if (result->claims.empty())
      result->claims = claims ? boost::json::serialize(verifier::to_json(*claims)) : "null";
    return result->claims.c_str();
  });
}

pedigree_bytes pedigree_result_device_id(const pedigree_result* result) {
  if (result == nullptr || !result->appraisal.device_id) return {nullptr, 0};
  return c_api::lend(*result->appraisal.device_id);
}
pedigree_bytes pedigree_result_attested_key(const pedigree_result* result) {
  if (result == nullptr) return {nullptr, 0};
  return c_api::lend(result->appraisal.attested_key);
}
pedigree_bytes pedigree_result_payload(const pedigree_result* result) {
  if (result == nullptr) return {nullptr, 0};
  return c_api::lend(result->appraisal.payload);
}

int pedigree_result_ear_jwt(pedigree_result* result, const pedigree_verifier* verifier, pedigree_bytes nonce,
                            int64_t lifetime, const char** jwt) {
  if (jwt == nullptr) return bad_argument("jwt is NULL");
  *jwt = nullptr;
  if (!ear_arguments(result, verifier, nonce, lifetime))
    return bad_argument("result, verifier, nonce or lifetime");
  return guarded([&] {
    const int status = make_ear(result, verifier, nonce, lifetime, result->jwt, verifier::write_ear_jwt);
    if (status == 0) *jwt = result->jwt.c_str();
    return status;
  });
}

int pedigree_result_ear_cwt(pedigree_result* result, const pedigree_verifier* verifier, pedigree_bytes nonce,
                            int64_t lifetime, pedigree_bytes* cwt) {
  if (cwt == nullptr) return bad_argument("cwt is NULL");
  *cwt = {nullptr, 0};
  if (!ear_arguments(result, verifier, nonce, lifetime))
    return bad_argument("result, verifier, nonce or lifetime");
  return guarded([&] {
    const int status = make_ear(result, verifier, nonce, lifetime, result->cwt, verifier::write_ear_cwt);
    if (status == 0) *cwt = c_api::lend(result->cwt);
    return status;
  });
}

}  // extern "C"
