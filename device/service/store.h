// SPDX-License-Identifier: Apache-2.0
// The service's storage on PSA Internal Trusted Storage: records, and blobs in parts no larger than an asset.
//
// Layout below Platform::storage_base: 1 the root record; 0x10 + slot the slot records; 0x20 + n the parts of
// the root's key; 0x40 * (2 * slot + bank) + n the chain parts of a slot's bank.
//
// The parts of a blob are written upwards and removed downwards, so that after a power cut those present are
// always the first ones.
#pragma once

#include "device/service/platform.h"
#include "device/service/record.h"
#include "device/service/status.h"

namespace pedigree::device {

/// The service's records and chains in the platform's storage.
class Store {
 public:
  constexpr explicit Store(const Platform& platform) noexcept : platform_(platform) {}

  /// The slot's record; an empty one where none is stored. Errors: storage_corrupt, storage_failure.
  Status load_slot(std::uint32_t slot, SlotRecord& record) const noexcept;
  /// Sets the record in one atomic step; one without any key removes it.
  /// Errors: storage_full, storage_failure; the stored record is then unchanged.
  Status save_slot(std::uint32_t slot, const SlotRecord& record) const noexcept;

  /// Errors: not_found where no root is pinned, storage_corrupt, storage_failure.
  Status load_root(RootRecord& root) const noexcept;
  /// The root's SubjectPublicKeyInfo into `out`, root.spki_size octets. Errors: storage_corrupt,
  /// storage_failure.
  Status load_root_spki(MutableBytes out) const noexcept;
  /// Pins the root: its key's parts first, then in one atomic step the record.
  /// Errors: storage_full, storage_failure, too_long.
  Status pin_root(Bytes spki, const Sha256& spki_sha256) const noexcept;
  /// In one atomic step. Errors: storage_full, storage_failure.
  Status save_root(const RootRecord& root) const noexcept;

  /// Octets of the chain of `total` octets in this bank that are stored from its start without a gap.
  [[nodiscard]] std::size_t stored_chain(std::uint32_t slot, std::uint8_t bank,
                                         std::size_t total) const noexcept;
  /// Reads out.size() octets of a stored chain from `offset`. Errors: storage_corrupt, storage_failure.
  Status read_chain(std::uint32_t slot, std::uint8_t bank, std::size_t offset,
                    MutableBytes out) const noexcept;
  /// Stores part number `part`: octets part * part_size to the next part or the end of `chain`.
  /// Errors: storage_full, storage_failure.
  Status write_chain_part(std::uint32_t slot, std::uint8_t bank, std::size_t part,
                          Bytes chain) const noexcept;
  /// Removes the parts of this bank that hold only octets from `keep` on.
  /// Errors: storage_failure; the lower parts are then still there.
  Status trim_chain(std::uint32_t slot, std::uint8_t bank, std::size_t keep) const noexcept;

  [[nodiscard]] std::size_t part_size() const noexcept { return platform_.part_size; }

 private:
  /// Number of an asset below the platform's storage_base.
  using Item = std::uint32_t;

  Status set(Item item, Bytes data) const noexcept;
  Status remove(Item item) const noexcept;
  /// Octets stored. Errors: not_found, storage_failure.
  Status size_of(Item item, std::size_t& size) const noexcept;
  Status get(Item item, MutableBytes buffer, Bytes& stored) const noexcept;
  Status set_part(Item first, std::size_t part, Bytes blob) const noexcept;
  Status read_parts(Item first, std::size_t offset, MutableBytes out) const noexcept;

  const Platform& platform_;
};

}  // namespace pedigree::device
