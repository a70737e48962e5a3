// SPDX-License-Identifier: Apache-2.0
#include <boost/json.hpp>

#include "verifier/ear/claims.h"
#include "verifier/text.h"

namespace pedigree::verifier {
namespace {

namespace json = boost::json;

// RFC 4648 5 without padding, or 4 with it.
std::string base64(Bytes octets, bool url) {
  static constexpr std::string_view kUrl = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  static constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::string_view digits = url ? kUrl : kPlain;
  std::string text;
  for (std::size_t at = 0; at < octets.size(); at += 3) {
    const std::size_t count = std::min<std::size_t>(3, octets.size() - at);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) group = group << 8U | (i < count ? octets[at + i] : 0U);
    for (std::size_t i = 0; i < 4; ++i) {
      if (i <= count) {
        text += digits[group >> (18 - 6 * i) & 63U];
      } else if (!url) {
        text += '=';
      }
    }
  }
  return text;
}

constexpr std::array<std::string_view, kTrustClaims> kClaimNames{
    "instance-identity", "configuration",  "executables",    "file-system",
    "hardware",          "runtime-opaque", "storage-opaque", "sourced-data"};

std::string_view tier_name(Verdict verdict) {
  return verdict == Verdict::trusted   ? "affirming"
         : verdict == Verdict::warning ? "warning"
                                       : "contraindicated";
}

json::object submodule(const Appraisal& appraisal, const EarOptions& options) {
  json::object out{{"ear_status", tier_name(appraisal.verdict)}};
  json::object claims;
  const TrustVector vector = trust_vector(appraisal);
  for (std::size_t i = 0; i < vector.size(); ++i) {
    if (vector[i]) claims[kClaimNames[i]] = *vector[i];
  }
  out["ear_trustworthiness_vector"] = std::move(claims);
  if (!options.policy.empty()) out["ear_appraisal_policy_ids"] = json::array{options.policy};
  if (appraisal.claims) out["eat_nonce"] = base64(appraisal.claims->nonce, false);
  if (appraisal.device_id && appraisal.verdict != Verdict::rejected)
    out["ueid"] = base64(*appraisal.device_id, true);
  if (names_key(appraisal)) {
    out["ear_veraison_key_attestation"] = json::object{{"akpub", base64(appraisal.attested_key, true)}};
  }
  if (const Check* reason = appraisal.reason(); reason != nullptr) {
    out["pedigree_reason"] = json::object{{"check", name(reason->kind)},
                                          {"code", reason->code ? pedigree::name(*reason->code) : ""},
                                          {"sentence", sentence(appraisal, *reason)}};
  }
  return out;
}

json::object claims_set(const Appraisal& appraisal, const EarOptions& options) {
  json::object out{
      {"eat_profile", kEarProfile}, {"ear_status", tier_name(appraisal.verdict)}, {"iat", options.issued_at}};
  if (options.lifetime) out["exp"] = options.issued_at + *options.lifetime;
  out["ear_verifier_id"] = json::object{{"developer", options.developer}, {"build", kEarBuild}};
  if (options.raw_evidence) out["ear_raw_evidence"] = base64(appraisal.evidence, true);
  if (!options.nonce.empty()) out["eat_nonce"] = base64(options.nonce, false);
  out["submods"] = json::object{{kEarSubmodule, submodule(appraisal, options)}};
  return out;
}

}  // namespace

Result<std::string> write_ear_jwt(const crypto::Crypto& crypto, const crypto::PrivateKey& key,
                                  const Appraisal& appraisal, const EarOptions& options) {
  PEDIGREE_TRY(check_ear_options(options));
  PEDIGREE_ASSIGN(const Sha256 key_id, ear_key_id(crypto, key));
  const json::object header{{"alg", "ES256"}, {"typ", "JWT"}, {"kid", hex(key_id)}};
  std::string token = base64(as_bytes(json::serialize(header)), true) + "." +
                      base64(as_bytes(json::serialize(claims_set(appraisal, options))), true);
  std::array<std::uint8_t, crypto::kMaxSignatureSize> buffer{};
  PEDIGREE_ASSIGN(const Bytes signature,
                  crypto.sign(key, crypto::default_algorithm(key.type), as_bytes(token), buffer));
  return token + "." + base64(signature, true);
}

}  // namespace pedigree::verifier
