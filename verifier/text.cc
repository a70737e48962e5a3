// SPDX-License-Identifier: Apache-2.0
#include "verifier/text.h"

#include <fmt/format.h>

#include <vector>

#include "core/psa_token/psa_token.h"
#include "core/x509/name.h"
#include "core/x509/oids.h"

namespace pedigree::verifier {
namespace {

/// Sizes with a counting writer, then writes.
template <typename Print>
std::string collect(Print print) {
  Writer size;
  print(size);
  std::vector<std::uint8_t> buffer(size.size());
  Writer out(buffer);
  print(out);
  return std::string(as_text(out.written()));
}

}  // namespace

std::string hex(Bytes octets) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(2 * octets.size());
  for (const std::uint8_t octet : octets) {
    out += kDigits[octet >> 4U];
    out += kDigits[octet & 15U];
  }
  return out;
}

std::string short_hex(Bytes octets) {
  const std::string digits = hex(octets);
  return digits.size() <= 8 ? digits : digits.substr(0, 4) + ".." + digits.substr(digits.size() - 2);
}

std::string name_text(Bytes name) {
  if (name.size() <= 2) return "(empty name)";
  return collect([name](Writer& out) { x509::print_name(name, out); });
}

std::string title_of(const x509::Certificate& certificate) {
  const Bytes serial = x509::find_attribute(certificate.subject(), x509::oid::kSerialNumber);
  if (serial.size() == 2 * psa_token::kInstanceIdSize) {
    const std::string_view digits = as_text(serial);
    const bool is_hex = digits.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
    if (is_hex) return fmt::format("{}..{}", digits.substr(0, 4), digits.substr(digits.size() - 2));
  }
  const Bytes common = x509::find_attribute(certificate.subject(), x509::oid::kCommonName);
  return common.empty() ? name_text(certificate.subject()) : std::string(as_text(common));
}

std::string title_of(Bytes der) {
  const auto certificate = x509::Certificate::parse(der);
  return certificate ? title_of(*certificate) : "an unreadable certificate";
}

std::string time_text(der::UnixTime when) {
  return collect([when](Writer& out) { der::print_time(when, out); });
}

std::string key_text(Bytes spki) {
  const auto parsed = x509::parse_spki(spki);
  if (!parsed || !parsed->key) return "an unsupported key";
  return std::string(crypto::name(parsed->key->type));
}

}  // namespace pedigree::verifier
