// SPDX-License-Identifier: Apache-2.0
#include "registry/listing.h"

#include "core/cbor/cbor.h"

namespace pedigree::registry {
namespace {

/// One code point from the front of `text`, which it is removed from; empty: not UTF-8 in shortest form.
std::optional<char32_t> take_code_point(std::string_view& text) noexcept {
  const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = octet(0);
  const std::size_t size = first < 0x80   ? 1
                           : first < 0xc2 ? 0
                           : first < 0xe0 ? 2
                           : first < 0xf0 ? 3
                           : first < 0xf5 ? 4
                                          : 0;
  if (size == 0 || text.size() < size) return std::nullopt;
  char32_t value = size == 1 ? first : first & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((octet(i) & 0xc0U) != 0x80) return std::nullopt;
    value = value << 6U | (octet(i) & 0x3fU);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kLeast[size] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return std::nullopt;
  text.remove_prefix(size);
  return value;
}

bool is_control(char32_t c) noexcept {
  const bool bidi = c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
                    (c >= 0x2066 && c <= 0x2069);
  // U+2028 and 2029 break lines; U+FEFF is invisible.
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || bidi || c == 0x2028 || c == 0x2029 || c == 0xfeff;
}

}  // namespace

Result<Sha256> listing_leaf(const crypto::Crypto& crypto, const Expected& line, std::string_view batch,
                            der::UnixTime created) {
  std::array<std::uint8_t, 1024> buffer;  // NOLINT: what is read was written
  Writer out(buffer);
  cbor::Encoder cbor(out);
  cbor.array(6);
  cbor.bstr(line.device);
  for (const std::string_view text : {std::string_view(line.profiles), batch, std::string_view(line.product),
                                      std::string_view(line.label)}) {
    cbor.tstr(text);
  }
  cbor.integer(created);
  if (!out.fits()) return fail(ErrorCode::too_long);
  return merkle::leaf_hash(crypto, out.written());
}

Event import_event(const Import& import, std::size_t count, const Sha256& root) {
  Event event;
  event.when = import.when;
  event.actor = import.actor;
  event.what = "imported";
  event.why = import.batch + ": " + std::to_string(count) + (count == 1 ? " device" : " devices");
  event.digest = root;
  return event;
}

std::string station_text(const Station& station) {
  return station.name + ": " + (station.enabled ? "enabled" : "disabled") + ", certificate " +
         (station.certificate ? hex(*station.certificate) : "any");
}

Event station_event(const StationChange& change) {
  Event event;
  event.when = change.when;
  event.actor = change.actor;
  event.what = "station";
  event.why = station_text(change.station) + ": " + change.why;
  return event;
}

bool is_plain_text(std::string_view text, std::size_t most) noexcept {
  if (text.size() > most) return false;
  while (!text.empty()) {
    const auto c = take_code_point(text);
    if (!c || is_control(*c)) return false;
  }
  return true;
}

}  // namespace pedigree::registry
