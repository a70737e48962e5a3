// SPDX-License-Identifier: Apache-2.0
#include "authority/text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <chrono>
#include <optional>

#include "core/x509/name.h"
#include "core/x509/oids.h"

namespace pedigree::authority {
namespace {

constexpr std::array<std::string_view, 9> kKeyUsageNames{
    "digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement",
    "keyCertSign",      "cRLSign",        "encipherOnly",    "decipherOnly"};

void append_base128(std::vector<std::uint8_t>& out, std::uint64_t arc) {
  std::array<std::uint8_t, 10> digits{};
  std::size_t count = 0;
  do {
    digits.at(count++) = static_cast<std::uint8_t>(arc & 0x7fU);
    arc >>= 7U;
  } while (arc != 0);
  while (count-- > 0) out.push_back(static_cast<std::uint8_t>(digits.at(count) | (count > 0 ? 0x80U : 0U)));
}

std::optional<std::vector<std::uint64_t>> parse_arcs(std::string_view text) {
  std::vector<std::uint64_t> arcs;
  const char* at = text.data();
  const char* end = at + text.size();
  for (;;) {
    std::uint32_t arc = 0;
    const auto [next, error] = std::from_chars(at, end, arc);
    if (error != std::errc()) return std::nullopt;
    arcs.push_back(arc);
    if (next == end) return arcs;
    if (*next != '.') return std::nullopt;
    at = next + 1;
  }
}

}  // namespace

std::optional<crypto::KeyType> parse_key_type(std::string_view text) noexcept {
  using enum crypto::KeyType;
  for (const auto type : {p256, p384, ed25519, rsa2048, rsa3072, rsa4096}) {
    if (crypto::name(type) == text) return type;
  }
  return std::nullopt;
}

std::optional<std::uint16_t> parse_key_usage(std::string_view text) noexcept {
  for (std::size_t i = 0; i < kKeyUsageNames.size(); ++i) {
    if (kKeyUsageNames[i] == text) return static_cast<std::uint16_t>(1U << i);
  }
  return std::nullopt;
}

std::string_view key_usage_name(std::uint16_t bit) noexcept {
  for (std::size_t i = 0; i < kKeyUsageNames.size(); ++i) {
    if (bit == (1U << i)) return kKeyUsageNames[i];
  }
  return "unknown";
}

std::vector<std::uint8_t> parse_key_purpose(std::string_view text) {
  namespace oid = x509::oid;
  const auto octets = [](const auto& value) { return std::vector<std::uint8_t>(value.begin(), value.end()); };
  if (text == "clientAuth") return octets(oid::kClientAuth);
  if (text == "serverAuth") return octets(oid::kServerAuth);
  if (text == "codeSigning") return octets(oid::kCodeSigning);
  if (text == "OCSPSigning") return octets(oid::kOcspSigning);
  if (text == "documentSigning") return octets(oid::kDocumentSigning);
  if (text == "attestationKey") return octets(oid::kAttestationKey);
  return parse_oid(text);
}

std::vector<std::uint8_t> parse_oid(std::string_view dotted) {
  const auto arcs = parse_arcs(dotted);
  if (!arcs || arcs->size() < 2 || (*arcs)[0] > 2 || ((*arcs)[0] < 2 && (*arcs)[1] > 39)) return {};
  std::vector<std::uint8_t> out;
  append_base128(out, (*arcs)[0] * 40 + (*arcs)[1]);
  for (std::size_t i = 2; i < arcs->size(); ++i) append_base128(out, (*arcs)[i]);
  return out;
}

std::string dotted(Bytes oid) {
  std::array<std::uint8_t, 256> buffer{};
  Writer out(buffer);
  x509::print_oid(oid, out);
  return std::string(as_text(out.written()));
}

std::string_view lifecycle_name(psa_token::Lifecycle state) noexcept {
  using enum psa_token::Lifecycle;
  switch (state) {
    case unknown:
      return "unknown";
    case assembly_and_test:
      return "assembly-and-test";
    case psa_rot_provisioning:
      return "psa-rot-provisioning";
    case secured:
      return "secured";
    case non_psa_rot_debug:
      return "non-psa-rot-debug";
    case recoverable_psa_rot_debug:
      return "recoverable-psa-rot-debug";
    case decommissioned:
      return "decommissioned";
  }
  return {};
}

std::optional<psa_token::Lifecycle> parse_lifecycle(std::string_view text) noexcept {
  using enum psa_token::Lifecycle;
  for (const auto state : {unknown, assembly_and_test, psa_rot_provisioning, secured, non_psa_rot_debug,
                           recoverable_psa_rot_debug, decommissioned}) {
    if (lifecycle_name(state) == text) return state;
  }
  return std::nullopt;
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string quote_list(const std::vector<std::string>& texts) {
  std::vector<std::string> quoted;
  quoted.reserve(texts.size());
  for (const std::string& text : texts) quoted.push_back(quote(text));
  return fmt::format("[{}]", fmt::join(quoted, ", "));
}

std::string iso_time(der::UnixTime when) {
  const std::chrono::sys_seconds time{std::chrono::seconds(when)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

bool is_name(std::string_view text) noexcept {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !text.empty() && text.size() <= 64 && text != "root" && std::ranges::all_of(text, allowed);
}

}  // namespace pedigree::authority
