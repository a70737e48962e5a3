// SPDX-License-Identifier: Apache-2.0
#include "device/service/store.h"

#include "psa/crypto.h"
#include "psa/internal_trusted_storage.h"

namespace pedigree::device {
namespace {

constexpr std::uint64_t kRootRecordUid = 1;
constexpr std::uint64_t kSlotRecordUid = 0x10;
constexpr std::uint64_t kRootPartUid = 0x20;
constexpr std::uint64_t kBankUid = 0x40;
static_assert(kMaxParts <= kBankUid);
static_assert(kSlotRecordUid + enrol::kMaxSlots < kRootPartUid);

Result<void> as_result(psa_status_t status) noexcept {
  if (status == PSA_SUCCESS) return {};
  return fail(status == PSA_ERROR_INSUFFICIENT_STORAGE ? ErrorCode::storage_full
                                                       : ErrorCode::storage_failure);
}

Result<void> set(std::uint64_t uid, Bytes data) noexcept {
  return as_result(
      psa_its_set(uid, static_cast<std::uint32_t>(data.size()), data.data(), PSA_STORAGE_FLAG_NONE));
}

/// Removing what is not there succeeds.
Result<void> remove(std::uint64_t uid) noexcept {
  const psa_status_t status = psa_its_remove(uid);
  return status == PSA_ERROR_DOES_NOT_EXIST ? Result<void>{} : as_result(status);
}

/// Octets stored at `uid`; empty where there is no such asset. Errors: storage_failure.
Result<std::optional<std::size_t>> size_of(std::uint64_t uid) noexcept {
  psa_storage_info_t info{};
  const psa_status_t status = psa_its_get_info(uid, &info);
  if (status == PSA_ERROR_DOES_NOT_EXIST) return std::optional<std::size_t>{};
  PEDIGREE_TRY(as_result(status));
  return std::optional<std::size_t>(info.size);
}

/// Reads a whole asset into `out`; empty where there is none.
/// Errors: storage_corrupt (larger than `out`, or failing the platform's integrity check), storage_failure.
Result<std::optional<Bytes>> get(std::uint64_t uid, MutableBytes out) noexcept {
  PEDIGREE_ASSIGN(const std::optional<std::size_t> size, size_of(uid));
  if (!size) return std::optional<Bytes>{};
  if (*size > out.size()) return fail(ErrorCode::storage_corrupt);
  std::size_t read = 0;
  const psa_status_t status = psa_its_get(uid, 0, static_cast<std::uint32_t>(*size), out.data(), &read);
  if (status == PSA_ERROR_DATA_CORRUPT || status == PSA_ERROR_DATA_INVALID) {
    return fail(ErrorCode::storage_corrupt);
  }
  PEDIGREE_TRY(as_result(status));
  return std::optional<Bytes>(Bytes(out).first(read));
}

/// Stores one part of a blob: its octets from part * part_size.
Result<void> set_part(std::uint64_t base, std::size_t part, std::size_t part_size, Bytes blob) noexcept {
  const Bytes rest = blob.subspan(part * part_size);
  return set(base + part, rest.first(std::min(rest.size(), part_size)));
}

/// Reads octets of a blob from `offset`, across parts. Errors: storage_corrupt (a part is missing or short).
Result<void> read_parts(std::uint64_t base, std::size_t part_size, std::size_t offset,
                        MutableBytes out) noexcept {
  while (!out.empty()) {
    const std::size_t in_part = offset % part_size;
    const std::size_t wanted = std::min(out.size(), part_size - in_part);
    std::size_t read = 0;
    const psa_status_t status = psa_its_get(base + offset / part_size, static_cast<std::uint32_t>(in_part),
                                            static_cast<std::uint32_t>(wanted), out.data(), &read);
    if (status == PSA_ERROR_STORAGE_FAILURE) return fail(ErrorCode::storage_failure);
    if (status != PSA_SUCCESS || read != wanted) return fail(ErrorCode::storage_corrupt);
    out = out.subspan(wanted);
    offset += wanted;
  }
  return {};
}

}  // namespace

std::uint64_t Store::slot_uid(std::uint32_t slot) const noexcept {
  return platform_.storage_base + kSlotRecordUid + slot;
}

std::uint64_t Store::chain_uid(std::uint32_t slot, std::uint8_t bank) const noexcept {
  return platform_.storage_base + kBankUid * (std::uint64_t{2} * slot + bank);
}

Result<SlotRecord> Store::load_slot(std::uint32_t slot) const noexcept {
  std::array<std::uint8_t, kMaxSlotRecord> buffer;
  PEDIGREE_ASSIGN(const std::optional<Bytes> stored, get(slot_uid(slot), buffer));
  if (!stored) return SlotRecord{};
  return decode_slot_record(*stored);
}

Result<void> Store::save_slot(std::uint32_t slot, const SlotRecord& record) const noexcept {
  if (!record.active && !record.pending) return remove(slot_uid(slot));
  std::array<std::uint8_t, kMaxSlotRecord> buffer;
  Writer out(buffer);
  encode(record, out);
  return set(slot_uid(slot), out.written());
}

Result<std::optional<RootRecord>> Store::load_root() const noexcept {
  std::array<std::uint8_t, kMaxRootRecord> buffer;
  PEDIGREE_ASSIGN(const std::optional<Bytes> stored, get(platform_.storage_base + kRootRecordUid, buffer));
  if (!stored) return std::optional<RootRecord>{};
  PEDIGREE_ASSIGN(const RootRecord root, decode_root_record(*stored));
  if (root.spki_size > kMaxRootSpki) return fail(ErrorCode::storage_corrupt);
  return std::optional<RootRecord>(root);
}

Result<Bytes> Store::load_root_spki(const RootRecord& root, MutableBytes out) const noexcept {
  const MutableBytes spki = out.first(root.spki_size);
  PEDIGREE_TRY(read_parts(platform_.storage_base + kRootPartUid, part_size(), 0, spki));
  return Bytes(spki);
}

Result<void> Store::pin_root(Bytes spki, const Sha256& spki_sha256) const noexcept {
  if (spki.size() > kMaxRootSpki) return fail(ErrorCode::too_long);
  for (std::size_t part = 0; part * part_size() < spki.size(); ++part) {
    PEDIGREE_TRY(set_part(platform_.storage_base + kRootPartUid, part, part_size(), spki));
  }
  std::array<std::uint8_t, kMaxRootRecord> buffer;
  Writer out(buffer);
  encode(RootRecord{static_cast<std::uint32_t>(spki.size()), spki_sha256}, out);
  return set(platform_.storage_base + kRootRecordUid, out.written());
}

std::size_t Store::stored_chain(std::uint32_t slot, std::uint8_t bank, std::size_t total) const noexcept {
  std::size_t stored = 0;
  for (std::size_t part = 0; stored < total; ++part) {
    const auto size = size_of(chain_uid(slot, bank) + part);
    const std::size_t expected = std::min(part_size(), total - stored);
    if (!size || *size != expected) break;
    stored += expected;
  }
  return stored;
}

Result<void> Store::read_chain(std::uint32_t slot, std::uint8_t bank, std::size_t offset,
                               MutableBytes out) const noexcept {
  return read_parts(chain_uid(slot, bank), part_size(), offset, out);
}

Result<void> Store::write_chain_part(std::uint32_t slot, std::uint8_t bank, std::size_t part,
                                     Bytes chain) const noexcept {
  return set_part(chain_uid(slot, bank), part, part_size(), chain);
}

Result<void> Store::trim_chain(std::uint32_t slot, std::uint8_t bank, std::size_t keep) const noexcept {
  const std::uint64_t base = chain_uid(slot, bank);
  const std::size_t first = (keep + part_size() - 1) / part_size();
  std::size_t end = first;
  while (end < kMaxParts) {
    PEDIGREE_ASSIGN(const std::optional<std::size_t> size, size_of(base + end));
    if (!size) break;
    ++end;
  }
  while (end-- > first) PEDIGREE_TRY(remove(base + end));
  return {};
}

}  // namespace pedigree::device
