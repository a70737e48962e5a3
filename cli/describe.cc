// SPDX-License-Identifier: Apache-2.0
#include "cli/describe.h"

#include <charconv>
#include <chrono>

#include "core/x509/name.h"
#include "core/x509/oids.h"
#include "crypto/openssl/openssl_crypto.h"
#include "verifier/text.h"

namespace pedigree::cli {
namespace {

/// A number of exactly `digits` digits at the start of `text`, which is then removed.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  int value = 0;
  if (text.size() < digits) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
  if (error != std::errc{} || end != text.data() + digits || text[0] == '-') return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, char expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<der::UnixTime> take_day(std::string_view& text) {
  const auto year = take_number(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_number(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count() * std::int64_t{86400};
}

}  // namespace

std::string name_text(Bytes name) {
  return verifier::name_text(name);
}

std::string title_of(const x509::Certificate& certificate) {
  const std::string common(as_text(x509::find_attribute(certificate.subject(), x509::oid::kCommonName)));
  const std::string serial(as_text(x509::find_attribute(certificate.subject(), x509::oid::kSerialNumber)));
  constexpr std::size_t kDeviceIdDigits = 66;
  const bool device = serial.size() == kDeviceIdDigits && from_hex(serial).has_value();
  if (device) return shorten(serial) + " (device)";
  return common.empty() ? name_text(certificate.subject()) : common;
}

std::string time_text(der::UnixTime when) {
  return verifier::time_text(when);
}

std::string day_text(der::UnixTime when) {
  return time_text(when).substr(0, 10);
}

std::string key_text(const x509::SubjectPublicKeyInfo& spki) {
  return spki.key ? std::string(crypto::name(spki.key->type)) : "unsupported key " + oid_text(spki.oid);
}

std::string oid_text(Bytes oid) {
  const auto print = [oid](Writer& out) { x509::print_oid(oid, out); };
  Writer size;
  print(size);
  Octets buffer(size.size());
  Writer out(buffer);
  print(out);
  return std::string(as_text(out.written()));
}

std::string sha256_hex(Bytes octets) {
  const crypto::OpenSslCrypto crypto;
  const auto digest = crypto.sha256(octets);
  return digest ? to_hex(*digest) : std::string(sentence(digest.error().code));
}

der::UnixTime unix_now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(since).count();
}

std::optional<der::UnixTime> parse_time(std::string_view text) {
  if (take(text, '@')) {
    der::UnixTime seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return seconds;
  }
  const auto day = take_day(text);
  if (!day || text.empty()) return day;
  if (!take(text, 'T')) return std::nullopt;
  const auto hour = take_number(text, 2);
  if (!hour || *hour > 23 || !take(text, ':')) return std::nullopt;
  const auto minute = take_number(text, 2);
  if (!minute || *minute > 59 || !take(text, ':')) return std::nullopt;
  const auto second = take_number(text, 2);
  if (!second || *second > 59 || text != "Z") return std::nullopt;
  return *day + *hour * 3600 + *minute * 60 + *second;
}

std::optional<Octets> parse_oid(std::string_view text) {
  std::vector<std::uint64_t> arcs;
  while (true) {
    std::uint32_t arc = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), arc);
    if (error != std::errc{}) return std::nullopt;
    arcs.push_back(arc);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.empty()) break;
    if (!take(text, '.')) return std::nullopt;
  }
  // X.690 8.19.4: the first two arcs share one number.
  if (arcs.size() < 2 || arcs[0] > 2 || (arcs[0] < 2 && arcs[1] > 39)) return std::nullopt;
  arcs[1] += 40 * arcs[0];
  Octets oid;
  for (std::size_t i = 1; i < arcs.size(); ++i) {
    unsigned shift = 0;
    while (arcs[i] >> (shift + 7U) != 0) shift += 7;
    for (; shift > 0; shift -= 7)
      oid.push_back(static_cast<std::uint8_t>(0x80U | ((arcs[i] >> shift) & 0x7FU)));
    oid.push_back(static_cast<std::uint8_t>(arcs[i] & 0x7FU));
  }
  return oid;
}

}  // namespace pedigree::cli
