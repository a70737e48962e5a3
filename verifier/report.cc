// SPDX-License-Identifier: Apache-2.0
#include "verifier/report.h"

#include "core/x509/crl.h"
#include "verifier/text.h"

namespace pedigree::verifier {
namespace {

namespace json = boost::json;

json::value text_or_null(std::string_view text) {
  return text.empty() ? json::value() : json::value(json::string(text));
}

json::value hex_or_null(Bytes octets) {
  return octets.empty() ? json::value() : json::value(json::string(hex(octets)));
}

json::object check_json(const Appraisal& appraisal, const Check& check) {
  return {{"check", name(check.kind)},
          {"outcome", name(check.outcome)},
          {"code", check.code ? json::value(json::string(pedigree::name(*check.code))) : json::value()},
          {"where", check.where},
          {"sentence", sentence(appraisal, check)}};
}

json::array components_json(const psa_token::Claims& claims) {
  json::array out;
  Reader in(claims.software_components);
  for (std::size_t i = 0; i < claims.software_component_count; ++i) {
    const auto component = psa_token::read_component(in);
    if (!component) break;
    out.push_back(
        json::object{{"measurement_type", text_or_null(component->measurement_type)},
                     {"measurement_value", hex_or_null(component->measurement_value)},
                     {"version", text_or_null(component->version)},
                     {"signer_id", hex_or_null(component->signer_id)},
                     {"measurement_description", text_or_null(component->measurement_description)}});
  }
  return out;
}

json::value image_json(const KnownImage* image) {
  if (image == nullptr) return {};
  json::array lineage;
  for (const ImageParent& parent : image->lineage) {
    lineage.push_back(json::object{
        {"name", parent.name}, {"version", parent.version}, {"signer", parent.signer}, {"oem", parent.oem}});
  }
  return json::object{{"name", text_or_null(image->name)},
                      {"version", image->version},
                      {"oem", image->oem},
                      {"signer", image->signer},
                      {"signer_id", hex(image->signer_id)},
                      {"root", text_or_null(image->root)},
                      {"lineage", std::move(lineage)},
                      {"file", image->source}};
}

json::object certificate_json(Bytes der) {
  const auto certificate = x509::Certificate::parse(der);
  if (!certificate) return {{"title", title_of(der)}};
  return {{"title", title_of(*certificate)},
          {"subject", name_text(certificate->subject())},
          {"issuer", name_text(certificate->issuer())},
          {"serial", hex(certificate->serial())},
          {"not_before", time_text(certificate->not_before())},
          {"not_after", time_text(certificate->not_after())},
          {"key", key_text(certificate->spki().whole)}};
}

json::value key_json(const Appraisal& appraisal) {
  if (appraisal.key_source == KeySource::none) return {};
  return json::object{{"source", appraisal.key_source == KeySource::chain ? "chain" : "policy"},
                      {"type", key_text(appraisal.attested_key)},
                      {"spki", hex(appraisal.attested_key)}};
}

json::value device_json(const Appraisal& appraisal) {
  if (!appraisal.device_id) return {};
  const der::UnixTime since = appraisal.device_since;
  return json::object{{"id", hex(*appraisal.device_id)},
                      {"state", text_or_null(appraisal.device_state)},
                      {"since", since == 0 ? json::value() : json::value(json::string(time_text(since)))},
                      {"model", text_or_null(appraisal.model)}};
}

}  // namespace

json::object to_json(const Revocation& revocation) {
  return {{"since", time_text(revocation.since)},
          {"reason", x509::name(static_cast<x509::RevocationReason>(revocation.reason))}};
}

json::object to_json(const psa_token::Claims& claims) {
  const auto lifecycle = psa_token::lifecycle_state(claims.security_lifecycle);
  return {{"profile", psa_token::name(claims.profile)},
          {"nonce", hex(claims.nonce)},
          {"instance_id", hex(claims.instance_id)},
          {"implementation_id", hex(claims.implementation_id)},
          {"client_id", claims.client_id},
          {"security_lifecycle", claims.security_lifecycle},
          {"lifecycle", lifecycle ? json::value(json::string(psa_token::name(*lifecycle))) : json::value()},
          {"boot_seed", hex_or_null(claims.boot_seed)},
          {"certification_reference", text_or_null(claims.certification_reference)},
          {"verification_service", text_or_null(claims.verification_service)},
          {"software_components", components_json(claims)},
          {"entropy", claims.entropy == 0 ? json::value() : json::value(claims.entropy)},
          {"unknown_claims", claims.unknown_claims}};
}

json::object to_json(const Appraisal& appraisal) {
  json::object out{{"verdict", name(appraisal.verdict)}};
  const Check* reason = appraisal.reason();
  out["reason"] = reason != nullptr ? json::value(check_json(appraisal, *reason)) : json::value();
  out["appraised_at"] = time_text(appraisal.appraised_at);
  out["device"] = device_json(appraisal);
  json::array checks;
  for (const Check& check : appraisal.checks) checks.push_back(check_json(appraisal, check));
  out["checks"] = std::move(checks);
  out["key"] = key_json(appraisal);
  out["claims"] = appraisal.claims ? json::value(to_json(*appraisal.claims)) : json::value();
  if (!appraisal.images.empty()) {
    json::array images;
    for (const auto& image : appraisal.images) images.push_back(image_json(image.get()));
    out["images"] = std::move(images);
  }
  if (!appraisal.claims) out["payload"] = hex_or_null(appraisal.payload);
  json::array chain;
  for (const Bytes certificate : appraisal.chain) chain.push_back(certificate_json(certificate));
  out["chain"] = std::move(chain);
  out["root"] = appraisal.root ? json::value(certificate_json(*appraisal.root)) : json::value();
  out["revocation"] = appraisal.revocation ? json::value(to_json(*appraisal.revocation)) : json::value();
  return out;
}

}  // namespace pedigree::verifier
