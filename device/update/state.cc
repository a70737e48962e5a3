// SPDX-License-Identifier: Apache-2.0
#include "device/update/state.h"

#include "core/bytes/reader.h"
#include "device/service/record.h"

namespace pedigree::update {
namespace {

constexpr std::uint32_t kMagic = 0x50445550;  // "PDUP"
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kCrcSize = 4;

bool is_slot(std::uint8_t number) noexcept {
  return number < kSlots || number == kNoSlot;
}

std::uint32_t u32(Reader& in) noexcept {
  return static_cast<std::uint32_t>(in.big_endian(4).value_or(0));
}
std::uint8_t u8(Reader& in) noexcept {
  return in.u8().value_or(0);
}

}  // namespace

void encode(const State& state, Writer& out) noexcept {
  const std::size_t start = out.size();
  out.big_endian(kMagic, 4);
  out.u8(kVersion);
  out.big_endian(state.sequence, 4);
  out.u8(state.confirmed);
  out.u8(state.pending);
  out.u8(state.permanent ? 1 : 0);
  out.u8(state.trying);
  for (const SlotState& slot : state.slots) {
    out.u8(static_cast<std::uint8_t>(slot.content));
    out.big_endian(slot.size, 4);
    out.big_endian(slot.refused, 2);
  }
  out.big_endian(state.upload.id, 4);
  out.u8(state.upload.slot);
  out.u8(state.upload.has_sha ? 1 : 0);
  out.bytes(state.upload.sha256);
  for (const std::uint32_t counter : state.counters) out.big_endian(counter, 4);
  out.u8(state.list.bank);
  out.big_endian(state.list.size, 4);
  out.big_endian(state.list.number, 8);
  out.big_endian(state.list.entries, 4);
  out.big_endian(state.list.entries_size, 4);
  out.big_endian(state.list.crc, 4);
  while (out.size() - start < kRecordSize - kCrcSize) out.u8(0);
  out.big_endian(device::crc32(out.written(start)), kCrcSize);
}

bool decode(Bytes record, State& state) noexcept {
  if (record.size() != kRecordSize) return false;
  if (Reader(record.last(kCrcSize)).big_endian(kCrcSize) !=
      device::crc32(record.first(kRecordSize - kCrcSize))) {
    return false;
  }
  Reader in(record);
  if (u32(in) != kMagic || u8(in) != kVersion) return false;
  state.sequence = u32(in);
  state.confirmed = u8(in);
  state.pending = u8(in);
  state.permanent = u8(in) != 0;
  state.trying = u8(in);
  bool sound = is_slot(state.confirmed) && is_slot(state.pending) && is_slot(state.trying);
  for (SlotState& slot : state.slots) {
    slot.content = static_cast<Content>(u8(in));
    slot.size = u32(in);
    slot.refused = static_cast<std::uint16_t>(in.big_endian(2).value_or(0));
    sound = sound && slot.content <= Content::whole;
  }
  state.upload.id = u32(in);
  state.upload.slot = u8(in);
  state.upload.has_sha = u8(in) != 0;
  const Bytes sha256 = in.take(sizeof(Sha256)).value_or(Bytes());
  std::copy(sha256.begin(), sha256.end(), state.upload.sha256.begin());
  for (std::uint32_t& counter : state.counters) counter = u32(in);
  state.list.bank = u8(in);
  state.list.size = u32(in);
  state.list.number = in.big_endian(8).value_or(0);
  state.list.entries = u32(in);
  state.list.entries_size = u32(in);
  state.list.crc = u32(in);
  return sound && is_slot(state.upload.slot) && is_slot(state.list.bank);
}

Result<State> StateLog::read() noexcept {
  State newest;
  bool found = false;
  for (std::size_t at = 0; at + kRecordSize <= 2 * layout_.sector; at += kRecordSize) {
    State state;
    if (!decode(place(at), state)) continue;
    if (found && state.sequence <= newest.sequence) continue;
    newest = state;
    newest_ = at;
    found = true;
  }
  if (!found) return fail(ErrorCode::storage_corrupt);
  return newest;
}

void StateLog::append(const State& state, std::size_t offset) noexcept {
  std::array<std::uint8_t, kRecordSize> record{};
  Writer out(record);
  encode(state, out);
  program(flash_, offset, record);
  newest_ = offset;
}

void StateLog::write(State& state) noexcept {
  ++state.sequence;
  const std::size_t half = newest_ / layout_.sector;
  // A place that a loss of power has torn is passed over.
  for (std::size_t at = newest_ + kRecordSize; at < (half + 1) * layout_.sector; at += kRecordSize) {
    if (is_blank(place(at))) return append(state, at);
  }
  const std::size_t other = layout_.records(1 - half);
  erase(flash_, layout_, other, layout_.sector);
  append(state, other);
}

void StateLog::make_new(State& state) noexcept {
  state.sequence = 1;
  append(state, 0);
}

}  // namespace pedigree::update
