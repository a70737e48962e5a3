// SPDX-License-Identifier: Apache-2.0
#include "device/ports/mps2/secure/nv_store.h"

#include "core/bytes/reader.h"
#include "core/bytes/writer.h"
#include "device/service/record.h"

namespace pedigree::mps2 {
namespace {

constexpr std::uint32_t kBankMagic = 0x50445342;    // "PDSB"
constexpr std::uint32_t kRecordMagic = 0x50445352;  // "PDSR"
constexpr std::size_t kBankHeader = 16;
constexpr std::size_t kRecordHeader = 32;
constexpr std::size_t kMarkSize = 8;
constexpr std::array<std::uint8_t, kMarkSize> kCommitted{0x43, 0x4f, 0x4d, 0x4d, 0x49, 0x54, 0x0d, 0x0a};
constexpr std::size_t kChunk = 64;

constexpr std::size_t padded(std::size_t size) noexcept {
  return (size + 7) / 8 * 8;
}

std::unexpected<Error> corrupt_at(std::size_t offset) noexcept {
  return fail(ErrorCode::storage_corrupt, static_cast<std::uint32_t>(offset));
}

bool all(Bytes octets, std::uint8_t value) noexcept {
  return std::ranges::all_of(octets, [value](std::uint8_t octet) { return octet == value; });
}

}  // namespace

std::size_t NvStore::Record::data() const noexcept {
  return offset + kRecordHeader;
}
std::size_t NvStore::Record::mark() const noexcept {
  return data() + padded(size);
}
std::size_t NvStore::Record::end() const noexcept {
  return mark() + kMarkSize;
}

bool NvStore::blank(std::size_t from, std::size_t to) const noexcept {
  return all(medium_.contents().subspan(from, to - from), 0xff);
}

std::optional<std::uint32_t> NvStore::read_generation(std::size_t bank) const noexcept {
  const Bytes header = medium_.contents().subspan(bank * bank_size(), kBankHeader);
  Reader in(header);
  const auto magic = in.big_endian(4);
  const auto generation = in.big_endian(4);
  const auto crc = in.big_endian(4);
  if (magic != kBankMagic || !generation || crc != device::crc32(header.first(8))) return std::nullopt;
  return static_cast<std::uint32_t>(*generation);
}

std::optional<NvStore::Record> NvStore::read_record(std::size_t offset) const noexcept {
  if (bank_end() - offset < kRecordHeader) return std::nullopt;
  const Bytes header = medium_.contents().subspan(offset, kRecordHeader);
  if (Reader(header.last(4)).big_endian(4) != device::crc32(header.first(kRecordHeader - 4))) {
    return std::nullopt;
  }
  Reader in(header);
  if (in.big_endian(4) != kRecordMagic) return std::nullopt;
  Record record;
  record.kind = static_cast<Kind>(in.big_endian(4).value_or(0));
  record.size = static_cast<std::size_t>(in.big_endian(4).value_or(0));
  record.uid = in.big_endian(8).value_or(0);
  record.data_crc = static_cast<std::uint32_t>(in.big_endian(4).value_or(0));
  record.offset = offset;
  const bool sound = record.kind == Kind::set || (record.kind == Kind::remove && record.size == 0);
  if (!sound || record.size > kMaxAssetSize || record.end() > bank_end()) return std::nullopt;
  return record;
}

NvStore::Mark NvStore::mark_of(const Record& record) const noexcept {
  const Bytes mark = medium_.contents().subspan(record.mark(), kMarkSize);
  if (equal(mark, kCommitted)) return Mark::committed;
  const bool torn = std::ranges::equal(
      mark, kCommitted, [](std::uint8_t found, std::uint8_t whole) { return (found & whole) == whole; });
  return torn ? Mark::torn : Mark::wiped;
}

Bytes NvStore::data_of(const Record& record) const noexcept {
  return medium_.contents().subspan(record.data(), record.size);
}

NvStore::Record* NvStore::entry(std::uint64_t uid) noexcept {
  const auto used = std::span(entries_).first(count_);
  const auto found = std::ranges::find(used, uid, &Record::uid);
  return found == used.end() ? nullptr : &*found;
}

Result<void> NvStore::choose_bank() noexcept {
  const auto first = read_generation(0);
  const auto second = read_generation(1);
  if (!first && !second) {
    // A bank's header is the last thing programmed to it, and the first thing at all to memory never used.
    if (!blank(kBankHeader, 2 * bank_size())) return fail(ErrorCode::storage_corrupt);
    medium_.erase(0, bank_size());
    program_header(0, 1);
    bank_ = 0;
    generation_ = 1;
    return {};
  }
  bank_ = !first || (second && *second > *first) ? 1 : 0;
  generation_ = bank_ == 0 ? *first : *second;
  return {};
}

Result<void> NvStore::apply(const Record& record) noexcept {
  Record* const known = entry(record.uid);
  if (record.kind == Kind::remove) {
    if (known != nullptr) *known = entries_[--count_];
    return {};
  }
  if (known != nullptr) {
    *known = record;
    return {};
  }
  if (count_ == kMaxAssets) return fail(ErrorCode::storage_corrupt);
  entries_[count_++] = record;
  return {};
}

bool NvStore::superseded(const Record& record) const noexcept {
  for (std::size_t offset = record.end(); !blank(offset, bank_end());) {
    const auto later = read_record(offset);
    if (!later) return false;
    if (later->uid == record.uid) return record.kind == Kind::set && mark_of(*later) != Mark::torn;
    offset = later->end();
  }
  return false;
}

Result<bool> NvStore::replay() noexcept {
  count_ = 0;
  end_ = bank_ * bank_size() + kBankHeader;
  while (!blank(end_, bank_end())) {
    const auto record = read_record(end_);
    if (!record) {
      // The header is programmed before the data.
      if (!blank(std::min(end_ + kRecordHeader, bank_end()), bank_end())) {
        return corrupt_at(end_);
      }
      return true;
    }
    switch (mark_of(*record)) {
      case Mark::torn:
        if (blank(record->end(), bank_end())) return true;
        return corrupt_at(end_);
      case Mark::wiped:
        if (!superseded(*record)) return corrupt_at(end_);
        break;
      case Mark::committed:
        if (device::crc32(data_of(*record)) != record->data_crc) return corrupt_at(end_);
        PEDIGREE_TRY(apply(*record));
        break;
    }
    end_ = record->end();
  }
  return false;
}

void NvStore::wipe_record(const Record& record) noexcept {
  // The mark goes first: from then on the data is not looked at.
  constexpr std::array<std::uint8_t, kChunk> kZeros{};
  if (!all(medium_.contents().subspan(record.mark(), kMarkSize), 0)) {
    program(record.mark(), Bytes(kZeros).first(kMarkSize));
  }
  if (all(data_of(record), 0)) return;
  for (std::size_t done = 0; done < padded(record.size); done += kChunk) {
    program(record.data() + done, Bytes(kZeros).first(std::min(kChunk, padded(record.size) - done)));
  }
}

void NvStore::scrub() noexcept {
  for (std::size_t offset = bank_ * bank_size() + kBankHeader; offset < end_;) {
    const auto record = read_record(offset);
    if (!record) return;
    const Record* const living = entry(record->uid);
    const bool lives = living != nullptr && living->offset == offset;
    if (record->kind == Kind::set && !lives) wipe_record(*record);
    offset = record->end();
  }
}

Result<void> NvStore::mount() noexcept {
  PEDIGREE_TRY(choose_bank());
  PEDIGREE_ASSIGN(const bool torn, replay());
  const std::size_t other = (1 - bank_) * bank_size();
  if (!blank(other, other + bank_size())) medium_.erase(other, bank_size());
  if (torn) {
    compact();
  } else {
    scrub();
  }
  return {};
}

void NvStore::program(std::size_t offset, Bytes data) noexcept {
  for (std::size_t done = 0; done < data.size(); done += kChunk) {
    medium_.program(offset + done, data.subspan(done, std::min(kChunk, data.size() - done)));
  }
}

void NvStore::program_header(std::size_t bank, std::uint32_t generation) noexcept {
  std::array<std::uint8_t, kBankHeader> header{};
  Writer out(header);
  out.big_endian(kBankMagic, 4);
  out.big_endian(generation, 4);
  out.big_endian(device::crc32(out.written()), 4);
  program(bank * bank_size(), header);
}

NvStore::Record NvStore::append(Kind kind, std::uint64_t uid, Bytes data) noexcept {
  Record record{kind, uid, device::crc32(data), end_, data.size()};
  std::array<std::uint8_t, kRecordHeader> header{};
  Writer out(header);
  out.big_endian(kRecordMagic, 4);
  out.big_endian(static_cast<std::uint32_t>(kind), 4);
  out.big_endian(record.size, 4);
  out.big_endian(uid, 8);
  out.big_endian(record.data_crc, 4);
  out.big_endian(0, 4);
  out.big_endian(device::crc32(out.written()), 4);
  program(record.offset, header);
  program(record.data(), data);
  program(record.mark(), kCommitted);
  end_ = record.end();
  return record;
}

void NvStore::compact() noexcept {
  const std::size_t old = bank_;
  bank_ = 1 - old;
  medium_.erase(bank_ * bank_size(), bank_size());
  end_ = bank_ * bank_size() + kBankHeader;
  for (Record& living : std::span(entries_).first(count_)) {
    living = append(Kind::set, living.uid, data_of(living));
  }
  ++generation_;
  program_header(bank_, generation_);
  medium_.erase(old * bank_size(), bank_size());
}

Result<void> NvStore::reserve(Kind kind, std::size_t size) noexcept {
  // A remove must always find room, or a full store could never be emptied.
  const std::size_t spare = kind == Kind::remove ? 0 : kRecordHeader + kMarkSize;
  const std::size_t needed = kRecordHeader + padded(size) + kMarkSize + spare;
  if (bank_end() - end_ >= needed) return {};
  std::size_t living = kBankHeader;
  for (const Record& record : std::span(entries_).first(count_)) living += record.end() - record.offset;
  if (living + needed > bank_size()) return fail(ErrorCode::storage_full);
  compact();
  return {};
}

Result<Bytes> NvStore::find(std::uint64_t uid) const noexcept {
  const auto used = std::span(entries_).first(count_);
  const auto found = std::ranges::find(used, uid, &Record::uid);
  if (found == used.end()) return fail(ErrorCode::not_found);
  return data_of(*found);
}

Result<void> NvStore::set(std::uint64_t uid, Bytes data) noexcept {
  if (data.size() > kMaxAssetSize) return fail(ErrorCode::too_long);
  if (entry(uid) == nullptr && count_ == kMaxAssets) return fail(ErrorCode::storage_full);
  PEDIGREE_TRY(reserve(Kind::set, data.size()));
  const Record* const known = entry(uid);
  const Record old = known == nullptr ? Record{} : *known;
  PEDIGREE_TRY(apply(append(Kind::set, uid, data)));
  if (known != nullptr) wipe_record(old);
  return {};
}

Result<void> NvStore::remove(std::uint64_t uid) noexcept {
  if (entry(uid) == nullptr) return fail(ErrorCode::not_found);
  PEDIGREE_TRY(reserve(Kind::remove, 0));
  const Record old = *entry(uid);
  PEDIGREE_TRY(apply(append(Kind::remove, uid, {})));
  wipe_record(old);
  return {};
}

}  // namespace pedigree::mps2
