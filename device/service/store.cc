// SPDX-License-Identifier: Apache-2.0
#include "device/service/store.h"

#include "psa/crypto.h"

// The two storage services of a platform have the same functions.
#ifdef PEDIGREE_PROTECTED_STORAGE
#include "psa/protected_storage.h"
#define PEDIGREE_STORAGE(function) psa_ps_##function
#else
#include "psa/internal_trusted_storage.h"
#define PEDIGREE_STORAGE(function) psa_its_##function
#endif

namespace pedigree::device {
namespace {

constexpr std::uint32_t kRootRecord = 1;
constexpr std::uint32_t kSlotRecord = 0x10;
constexpr std::uint32_t kRootPart = 0x20;
constexpr std::uint32_t kBank = 0x40;
static_assert(kMaxParts <= kBank);
static_assert(kSlotRecord + enrol::kMaxSlots < kRootPart);

std::uint32_t chain_item(std::uint32_t slot, std::uint8_t bank) noexcept {
  return kBank * (2 * slot + bank);
}

Status status_of(psa_status_t status) noexcept {
  if (status == PSA_SUCCESS) return {};
  return status == PSA_ERROR_INSUFFICIENT_STORAGE ? ErrorCode::storage_full : ErrorCode::storage_failure;
}

}  // namespace

Status Store::set(Item item, Bytes data) const noexcept {
  return status_of(PEDIGREE_STORAGE(set)(platform_.storage_base + item,
                                         static_cast<std::uint32_t>(data.size()), data.data(),
                                         PSA_STORAGE_FLAG_NONE));
}

/// Removing what is not there succeeds.
Status Store::remove(Item item) const noexcept {
  const psa_status_t status = PEDIGREE_STORAGE(remove)(platform_.storage_base + item);
  return status == PSA_ERROR_DOES_NOT_EXIST ? Status() : status_of(status);
}

Status Store::size_of(Item item, std::size_t& size) const noexcept {
  psa_storage_info_t info{};
  const psa_status_t status = PEDIGREE_STORAGE(get_info)(platform_.storage_base + item, &info);
  size = info.size;
  return status == PSA_ERROR_DOES_NOT_EXIST ? Status(ErrorCode::not_found) : status_of(status);
}

/// Reads a whole asset into `buffer`. Errors: not_found, storage_corrupt (larger than `buffer`, or failing
/// the platform's integrity check), storage_failure.
Status Store::get(Item item, MutableBytes buffer, Bytes& stored) const noexcept {
  std::size_t size = 0;
  PEDIGREE_CHECK(size_of(item, size));
  if (size > buffer.size()) return ErrorCode::storage_corrupt;
  std::size_t read = 0;
  const psa_status_t status = PEDIGREE_STORAGE(get)(platform_.storage_base + item, 0,
                                                    static_cast<std::uint32_t>(size), buffer.data(), &read);
  if (status == PSA_ERROR_DATA_CORRUPT || status == PSA_ERROR_DATA_INVALID) return ErrorCode::storage_corrupt;
  stored = Bytes(buffer).first(read);
  return status_of(status);
}

/// Stores one part of a blob: its octets from part * part_size.
Status Store::set_part(Item first, std::size_t part, Bytes blob) const noexcept {
  const Bytes rest = blob.subspan(part * part_size());
  return set(first + static_cast<Item>(part), rest.first(std::min(rest.size(), part_size())));
}

/// Reads octets of a blob from `offset`, across parts. Errors: storage_corrupt (a part is missing or short),
/// storage_failure.
Status Store::read_parts(Item first, std::size_t offset, MutableBytes out) const noexcept {
  while (!out.empty()) {
    const std::size_t in_part = offset % part_size();
    const std::size_t wanted = std::min(out.size(), part_size() - in_part);
    std::size_t read = 0;
    const psa_status_t status = PEDIGREE_STORAGE(get)(platform_.storage_base + first + offset / part_size(),
                                                      static_cast<std::uint32_t>(in_part),
                                                      static_cast<std::uint32_t>(wanted), out.data(), &read);
    if (status == PSA_ERROR_STORAGE_FAILURE) return ErrorCode::storage_failure;
    if (status != PSA_SUCCESS || read != wanted) return ErrorCode::storage_corrupt;
    out = out.subspan(wanted);
    offset += wanted;
  }
  return {};
}

Status Store::load_slot(std::uint32_t slot, SlotRecord& record) const noexcept {
  std::array<std::uint8_t, kMaxSlotRecord> buffer;
  Bytes stored;
  const Status status = get(kSlotRecord + slot, buffer, stored);
  if (status.ok()) return decode(stored, record) ? ErrorCode{} : ErrorCode::storage_corrupt;
  record = {};
  return status.code() == ErrorCode::not_found ? Status() : status;
}

Status Store::save_slot(std::uint32_t slot, const SlotRecord& record) const noexcept {
  if (!record.active && !record.pending) return remove(kSlotRecord + slot);
  std::array<std::uint8_t, kMaxSlotRecord> buffer;
  Writer out(buffer);
  encode(record, out);
  return set(kSlotRecord + slot, out.written());
}

Status Store::load_root(RootRecord& root) const noexcept {
  std::array<std::uint8_t, kMaxRootRecord> buffer;
  Bytes stored;
  PEDIGREE_CHECK(get(kRootRecord, buffer, stored));
  return decode(stored, root) && root.spki_size <= kMaxRootSpki ? ErrorCode{} : ErrorCode::storage_corrupt;
}

Status Store::load_root_spki(MutableBytes out) const noexcept {
  return read_parts(kRootPart, 0, out);
}

Status Store::pin_root(Bytes spki, const Sha256& spki_sha256) const noexcept {
  if (spki.size() > kMaxRootSpki) return ErrorCode::too_long;
  for (std::size_t part = 0; part * part_size() < spki.size(); ++part) {
    PEDIGREE_CHECK(set_part(kRootPart, part, spki));
  }
  // What grants have told stays.
  RootRecord root;
  static_cast<void>(load_root(root));
  root.spki_size = static_cast<std::uint32_t>(spki.size());
  root.spki_sha256 = spki_sha256;
  return save_root(root);
}

Status Store::save_root(const RootRecord& root) const noexcept {
  std::array<std::uint8_t, kMaxRootRecord> buffer;
  Writer out(buffer);
  encode(root, out);
  return set(kRootRecord, out.written());
}

std::size_t Store::stored_chain(std::uint32_t slot, std::uint8_t bank, std::size_t total) const noexcept {
  std::size_t stored = 0;
  for (Item part = chain_item(slot, bank); stored < total; ++part) {
    const std::size_t expected = std::min(part_size(), total - stored);
    std::size_t size = 0;
    if (!size_of(part, size).ok() || size != expected) break;
    stored += expected;
  }
  return stored;
}

Status Store::read_chain(std::uint32_t slot, std::uint8_t bank, std::size_t offset,
                         MutableBytes out) const noexcept {
  return read_parts(chain_item(slot, bank), offset, out);
}

Status Store::write_chain_part(std::uint32_t slot, std::uint8_t bank, std::size_t part,
                               Bytes chain) const noexcept {
  return set_part(chain_item(slot, bank), part, chain);
}

Status Store::trim_chain(std::uint32_t slot, std::uint8_t bank, std::size_t keep) const noexcept {
  const Item base = chain_item(slot, bank);
  const Item first = base + static_cast<Item>((keep + part_size() - 1) / part_size());
  Item end = first;
  for (std::size_t size = 0; end < base + kMaxParts; ++end) {
    const Status status = size_of(end, size);
    if (status.code() == ErrorCode::not_found) break;
    PEDIGREE_CHECK(status);
  }
  while (end-- > first) PEDIGREE_CHECK(remove(end));
  return {};
}

}  // namespace pedigree::device
