// SPDX-License-Identifier: Apache-2.0
#include "registry/audit_entry.h"

#include <algorithm>

#include "core/cbor/cbor.h"

namespace pedigree::registry {
namespace {

enum Key : std::uint64_t { what = 1, when, who, place, device, old_state, new_state, why, serial, digest };

bool has_device(const Event& event) {
  return event.device != DeviceId{};
}

void write(const Event& event, Writer& out) {
  cbor::Encoder cbor(out);
  const std::array absent{!has_device(event), !event.from.has_value(), !event.to.has_value(),
                          !event.serial.has_value(), !event.digest.has_value()};
  cbor.map(10 - static_cast<std::size_t>(std::ranges::count(absent, true)));
  cbor.uint(Key::what), cbor.tstr(event.what);
  cbor.uint(Key::when), cbor.integer(event.when);
  cbor.uint(Key::who), cbor.tstr(event.actor.who);
  cbor.uint(Key::place), cbor.tstr(event.actor.from);
  if (has_device(event)) cbor.uint(Key::device), cbor.bstr(event.device);
  if (event.from) cbor.uint(Key::old_state), cbor.uint(static_cast<std::uint64_t>(*event.from));
  if (event.to) cbor.uint(Key::new_state), cbor.uint(static_cast<std::uint64_t>(*event.to));
  cbor.uint(Key::why), cbor.tstr(event.why);
  if (event.serial) cbor.uint(Key::serial), cbor.bstr(*event.serial);
  if (event.digest) cbor.uint(Key::digest), cbor.bstr(*event.digest);
}

Result<std::string> read_text(Reader& in) {
  PEDIGREE_ASSIGN(const std::string_view text, cbor::read_tstr(in));
  return std::string(text);
}

template <std::size_t N>
Result<std::array<std::uint8_t, N>> read_octets(Reader& in) {
  PEDIGREE_ASSIGN(const Bytes octets, cbor::read_bstr(in));
  std::array<std::uint8_t, N> out{};
  if (octets.size() != N) return fail(ErrorCode::bad_value);
  std::ranges::copy(octets, out.begin());
  return out;
}

Result<DeviceState> read_state(Reader& in) {
  PEDIGREE_ASSIGN(const std::uint64_t number, cbor::read_uint(in));
  if (number < 1 || number > static_cast<std::uint64_t>(DeviceState::retired)) {
    return fail(ErrorCode::bad_value);
  }
  return static_cast<DeviceState>(number);
}

template <typename T, typename U>
Result<void> take(T& out, Result<U> read) {
  if (!read) return std::unexpected(read.error());
  out = *std::move(read);
  return {};
}

Result<void> read_pair(Reader& in, Event& event) {
  PEDIGREE_ASSIGN(const std::uint64_t key, cbor::read_uint(in));
  switch (key) {
    case Key::what:
      return take(event.what, read_text(in));
    case Key::when:
      return take(event.when, cbor::read_int(in));
    case Key::who:
      return take(event.actor.who, read_text(in));
    case Key::place:
      return take(event.actor.from, read_text(in));
    case Key::device:
      return take(event.device, read_octets<std::tuple_size_v<DeviceId>>(in));
    case Key::old_state:
      return take(event.from, read_state(in));
    case Key::new_state:
      return take(event.to, read_state(in));
    case Key::why:
      return take(event.why, read_text(in));
    case Key::serial:
      return take(event.serial, read_octets<std::tuple_size_v<Serial>>(in));
    case Key::digest:
      return take(event.digest, read_octets<std::tuple_size_v<Sha256>>(in));
    default:
      return fail(ErrorCode::bad_value);
  }
}

}  // namespace

std::vector<std::uint8_t> encode_entry(const Event& event) {
  Writer counter;
  write(event, counter);
  std::vector<std::uint8_t> entry(counter.size());
  Writer out(entry);
  write(event, out);
  return entry;
}

Result<Event> decode_entry(Bytes entry) {
  Reader in(entry);
  PEDIGREE_ASSIGN(const std::size_t pairs, cbor::read_map(in));
  Event event;
  for (std::size_t i = 0; i < pairs; ++i) PEDIGREE_TRY(read_pair(in, event));
  // The one form in which it is written: order, what is absent, and nothing behind it.
  if (!equal(encode_entry(event), entry)) return fail(ErrorCode::bad_value);
  return event;
}

}  // namespace pedigree::registry
