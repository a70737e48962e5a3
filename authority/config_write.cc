// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "authority/config.h"
#include "authority/text.h"

namespace pedigree::authority {
namespace {

std::string write_names(const Profile& profile) {
  std::string out;
  std::vector<std::string> texts;
  for (const SubjectPart& part : profile.subject) texts.push_back(subject_part_text(part));
  if (!texts.empty()) out += fmt::format("subject = {}\n", quote_list(texts));
  texts.clear();
  for (const AlternativeName& name : profile.alternative_names) texts.push_back(alternative_name_text(name));
  if (!texts.empty()) out += fmt::format("subject_alt_names = {}\n", quote_list(texts));
  if (profile.basic_constraints) out += "basic_constraints = true\n";
  if (profile.path_len) out += fmt::format("path_len = {}\n", *profile.path_len);
  if (!profile.permitted_dns.empty()) {
    out += fmt::format("permitted_dns = {}\n", quote_list(profile.permitted_dns));
  }
  if (!profile.accepted_by.empty()) {
    out += fmt::format("accepted_by = {}\n", quote_list(profile.accepted_by));
  }
  return out;
}

/// What is for devices alone.
std::string write_device(const Profile& profile) {
  if (profile.kind != ProfileKind::device) return {};
  std::vector<std::string> lifecycles;
  for (const auto state : profile.evidence_lifecycles) lifecycles.emplace_back(lifecycle_name(state));
  return fmt::format(
      "hardware_module_name = {}\ndevice_uri = {}\ntest_keys = {}\nattestation = {}\nevidence = \"{}\"\n"
      "evidence_lifecycles = {}\n",
      profile.hardware_module_name, profile.device_uri, profile.test_keys, profile.attestation,
      profile.evidence_required ? "required" : "none", quote_list(lifecycles));
}

std::string write_profile(const Profile& profile) {
  std::vector<std::string> keys;
  for (const crypto::KeyType type : profile.keys) keys.emplace_back(crypto::name(type));
  std::vector<std::string> uses;
  for (unsigned bit = 0; bit < 9; ++bit) {
    const auto mask = static_cast<std::uint16_t>(1U << bit);
    if ((profile.key_usage & mask) != 0) uses.emplace_back(key_usage_name(mask));
  }
  std::vector<std::string> purposes;
  for (const auto& purpose : profile.key_purposes) purposes.push_back(dotted(purpose));
  std::string out = fmt::format("\n[profile.{}]\n", profile.name);
  if (profile.kind != ProfileKind::device) out += fmt::format("kind = \"{}\"\n", name(profile.kind));
  out += fmt::format("keys = {}\nkey_usage = {}\nextended_key_usage = {}\nvalidity = {}\n", quote_list(keys),
                     quote_list(uses), quote_list(purposes),
                     profile.days ? std::to_string(*profile.days) : std::string("\"forever\""));
  return out + write_names(profile) + write_device(profile);
}

}  // namespace

std::string write_issuer(const IssuerConfig& issuer) {
  std::string out =
      fmt::format("\n[[issuer]]\nname = \"{}\"\nparent = \"{}\"\nstate = \"{}\"\nprofiles = {}\n",
                  issuer.name, issuer.parent, name(issuer.state), quote_list(issuer.profiles));
  // A literal string: a URI may hold escapes with %, and no quote.
  if (!issuer.key.empty()) out += fmt::format("key = '{}'\n", issuer.key);
  if (!issuer.factory.empty()) out += fmt::format("factory = \"{}\"\n", issuer.factory);
  if (issuer.from) out += fmt::format("from = {}\n", iso_time(*issuer.from));
  if (issuer.until) out += fmt::format("until = {}\n", iso_time(*issuer.until));
  return out;
}

std::string write_config(const Config& config) {
  std::string out = fmt::format(
      "# Read when the authority starts; a mistake is refused with its line.\n"
      "[authority]\n"
      "# \"open\": any device that a station brings; \"listed\": only devices imported as expected.\n"
      "admission = \"{}\"\n"
      "nonce_seconds = {}\n"
      "crl_days = {}\n"
      "# Base URL of CRL distribution points in certificates, such as \"http://crl.example/v1/crl\"; \"\" "
      "writes none.\n"
      "crl_url = \"{}\"\n"
      "# true: a certificate names a part of its issuer's CRL, of at most 64 KiB. Its scope is an extension "
      "that\n"
      "# RFC 5280 wants critical and Mbed TLS then refuses; so it is not critical unless asked for.\n"
      "crl_partitions = {}\n"
      "crl_critical = {}\n"
      "# Delta CRLs of an issuer's whole CRL, valid so long; 0: none.\n"
      "crl_delta_hours = {}\n"
      "# hwType of hardwareModuleName (RFC 4108). This one is reserved for examples: use an arc of your "
      "own.\n"
      "hardware_type = \"{}\"\n"
      "\n"
      "# What /v1/verify accepts as fresh; its policy is in verifier.toml, where that file exists.\n"
      "[verify]\n"
      "# \"any\": a relying party may bring a nonce of its own; \"issued\": only those of /v1/verify/nonce.\n"
      "nonces = \"{}\"\n"
      "nonce_seconds = {}\n"
      "\n"
      "# Beside /v1: EST, CMP and OCSP on its listener; http_listen (\"HOST:PORT\") for OCSP and CRLs over "
      "plain "
      "HTTP;\n"
      "# liteboot_listen for lite_bootstrap_server's API (its port is 1443). \"\" and false: off.\n"
      "[protocols]\n"
      "est = {}\n"
      "cmp = {}\n"
      "ocsp = {}\n"
      "http_listen = \"{}\"\n"
      "liteboot_listen = \"{}\"\n"
      "# What is issued to requests that name no profile.\n"
      "profile = \"{}\"\n"
      "hub_name = \"{}\"\n"
      "hub_port = {}\n"
      "# From thisUpdate to nextUpdate of an OCSP answer.\n"
      "ocsp_hours = {}\n"
      "# What the messageTime of a CMP message may be off from this machine's clock; without one it is "
      "taken.\n"
      "cmp_clock_seconds = {}\n"
      "\n"
      "# The registry: \"\" is SQLite, in this directory; or PostgreSQL, \"postgresql://user@host/name\", "
      "which any\n"
      "# number of nodes may share. A password stands in ~/.pgpass or a service file, never here.\n"
      "[database]\n"
      "url = \"{}\"\n"
      "\n"
      "# A line for each request and event: \"text\" or \"json\", to standard error or to a file.\n"
      "[log]\n"
      "format = \"{}\"\n"
      "level = \"{}\"\n"
      "requests = {}\n"
      "file = \"{}\"\n"
      "\n"
      "# Connections that each listener takes, and how many of them from one address (an IPv4 address, or a\n"
      "# /64 of IPv6). More are closed at once: behind one gateway there may be many stations.\n"
      "[limits]\n"
      "connections = {}\n"
      "connections_per_address = {}\n"
      "\n"
      "# Metrics for Prometheus and health over plain HTTP, such as \"127.0.0.1:9464\"; \"\": off.\n"
      "[metrics]\n"
      "listen = \"{}\"\n",
      config.listed_only ? "listed" : "open", config.nonce_seconds, config.crl_days, config.crl_url,
      config.crl_partitions, config.crl_critical, config.crl_delta_hours, dotted(config.hardware_type),
      config.verify.issued_nonces_only ? "issued" : "any", config.verify.nonce_seconds, config.protocols.est,
      config.protocols.cmp, config.protocols.ocsp, config.protocols.http_listen,
      config.protocols.liteboot_listen, config.protocols.profile, config.protocols.hub_name,
      config.protocols.hub_port, config.protocols.ocsp_hours, config.protocols.cmp_clock_seconds,
      config.database.url, config.log.format == LogFormat::json ? "json" : "text", name(config.log.level),
      config.log.requests, config.log.file, config.limits.connections, config.limits.connections_per_address,
      config.metrics_listen);
  for (const auto& [name, profile] : config.profiles) out += write_profile(profile);
  for (const IssuerConfig& issuer : config.issuers) out += write_issuer(issuer);
  return out;
}

}  // namespace pedigree::authority
