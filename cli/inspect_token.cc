// SPDX-License-Identifier: Apache-2.0
// The claims of attestation tokens, as people read them; token requests.
#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "cli/describe.h"
#include "cli/files.h"
#include "cli/inspect.h"
#include "core/evidence/challenge.h"
#include "core/evidence/evidence.h"

namespace pedigree::cli {
namespace {

using psa_token::Claims;
using psa_token::SoftwareComponent;

/// Octets, and the text that they are up to their zeros, if they are one.
std::string octets_text(Bytes octets) {
  std::string_view text = as_text(octets);
  text = text.substr(0, text.find_last_not_of('\0') + 1);
  const bool readable =
      !text.empty() && std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
  return readable ? fmt::format("{} (\"{}\")", to_hex(octets), text) : to_hex(octets);
}

bool is_unsigned(Bytes signer) {
  return std::ranges::all_of(signer, [](std::uint8_t octet) { return octet == 0; });
}

std::string component_text(const SoftwareComponent& component) {
  std::string text(component.measurement_type.empty() ? "component" : component.measurement_type);
  if (!component.version.empty()) text += " " + std::string(component.version);
  text += fmt::format(
      ", {} {}", component.measurement_description.empty() ? "measured" : component.measurement_description,
      shorten(to_hex(component.measurement_value), 16, 4));
  text += is_unsigned(component.signer_id) ? ", not signed"
                                           : ", signer " + shorten(to_hex(component.signer_id), 16, 4);
  return printable(text);
}

boost::json::object component_json(const SoftwareComponent& component) {
  return {{"type", component.measurement_type},
          {"measurement", to_hex(component.measurement_value)},
          {"hash", component.measurement_description},
          {"version", component.version},
          {"signer_id", to_hex(component.signer_id)}};
}

void add_components(Report& report, const Claims& claims) {
  if (claims.no_software_measurements) {
    report.add("software components", "none were measured", boost::json::array{});
    return;
  }
  std::string text;
  boost::json::array list;
  Reader in(claims.software_components);
  for (std::size_t i = 0; i < claims.software_component_count; ++i) {
    const auto component = psa_token::read_component(in);
    if (!component) break;  // parse has read them all
    text += (text.empty() ? "" : "\n") + component_text(*component);
    list.push_back(component_json(*component));
  }
  report.add("software components", text, std::move(list));
}

void add_lifecycle(Report& report, std::uint16_t claim) {
  const auto state = psa_token::lifecycle_state(claim);
  const std::string name(state ? psa_token::name(*state) : "unknown");
  report.add("lifecycle", fmt::format("{} (0x{:04x})", name, claim), boost::json::value(name));
}

}  // namespace

void add_claims(Report& report, const Claims& claims) {
  report.kind = "attestation token";
  report.title = "attestation token of device " + shorten(to_hex(claims.instance_id));
  report.add("profile",
             claims.profile_stated ? std::string(psa_token::name(claims.profile))
                                   : std::string(psa_token::name(claims.profile)) + " (not stated)",
             boost::json::value(psa_token::name(claims.profile)));
  const bool reserved = evidence::is_reserved_challenge(claims.nonce);
  if (reserved) {
    const std::string_view label = as_text(claims.nonce.first(32));
    report.add("statement", printable(label.substr(0, label.find('\0'))));
  }
  report.add("nonce", to_hex(claims.nonce));
  report.add("instance id", to_hex(claims.instance_id));
  report.add("implementation id", octets_text(claims.implementation_id),
             boost::json::value(to_hex(claims.implementation_id)));
  report.add("client id",
             fmt::format("{} ({})", claims.client_id, claims.client_id < 0 ? "non-secure" : "secure"),
             boost::json::value(claims.client_id));
  add_lifecycle(report, claims.security_lifecycle);
  if (!claims.boot_seed.empty()) report.add("boot seed", to_hex(claims.boot_seed));
  if (!claims.certification_reference.empty())
    report.add("certification reference", printable(claims.certification_reference));
  if (!claims.verification_service.empty())
    report.add("verification service", printable(claims.verification_service));
  add_components(report, claims);
  if (claims.entropy != 0)
    report.add("entropy", std::to_string(claims.entropy), boost::json::value(claims.entropy));
  if (claims.unknown_claims > 0) {
    report.add("unknown claims", std::to_string(claims.unknown_claims),
               boost::json::value(claims.unknown_claims));
  }
}

void add_evidence(Report& report, Bytes token, der::UnixTime now) {
  const auto inside = report_sign1(token, now);
  if (!inside) {
    report.add("evidence", "malformed: " + inside.error().reason, nullptr);
    report.warnings.emplace_back("the evidence is no readable token");
    return;
  }
  report.add("evidence", fmt::format("{}, {} octets", inside->title, token.size()), to_json(*inside));
}

ReportResult report_token_request(Bytes cbor, der::UnixTime now) {
  const auto request = evidence::TokenRequest::parse(cbor);
  if (!request) return std::unexpected(to_inspect_error(request.error(), "the token request"));
  Report report{.kind = "token request", .title = "token request", .remark = "in place of PKCS#10"};
  add_key_facts(report, request->spki);
  const auto token = report_sign1(request->token, now);
  if (!token) return token;
  report.parts_name = "token";
  report.parts.push_back(*token);
  return report;
}

}  // namespace pedigree::cli
