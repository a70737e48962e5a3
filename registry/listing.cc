// SPDX-License-Identifier: Apache-2.0
#include "registry/listing.h"

#include "core/cbor/cbor.h"
#include "core/x509/text.h"

namespace pedigree::registry {
namespace {

bool is_control(std::uint32_t c) noexcept {
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
  x509::Text points(der::kUtf8String, as_bytes(text));
  std::uint32_t point = points.next();
  while (point != x509::Text::kEnd) {
    if ((point & x509::Text::kInvalid) != 0 || is_control(point)) return false;
    point = points.next();
  }
  return true;
}

}  // namespace pedigree::registry
