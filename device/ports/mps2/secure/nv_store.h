// SPDX-License-Identifier: Apache-2.0
// Internal trusted storage on non-volatile memory that behaves like NOR flash: octets are programmed from 1
// to 0 bits in any order, and only whole banks are erased.
//
// Two banks; one is active and holds a log of records behind a header {magic, generation, CRC-32}. A record
// is a header {magic, kind, size, uid, CRC-32 of the data, CRC-32 of the header}, its data padded to 8
// octets, and an 8-octet mark that is programmed last: a record without its mark never happened. What a later
// record replaces is programmed to zeros, so that a destroyed key is gone. Room is won back when the log is
// full: the living records are copied to the other bank, whose header, of the next generation, is programmed
// last, and the old bank is erased. Both banks wear evenly.
//
// Damage is told from a cut: a record can be incomplete only at the end of the log with blank memory behind
// it, and its mark can be gone only where a later record concerns the same asset.
#pragma once

#include <optional>

#include "core/bytes/bytes.h"
#include "core/bytes/error.h"

namespace pedigree::mps2 {

/// The memory under the store. Offsets count from its start.
class Medium {
 public:
  Medium(const Medium&) = delete;
  Medium& operator=(const Medium&) = delete;
  /// All of it: two banks of equal size, a multiple of 8 octets.
  [[nodiscard]] virtual Bytes contents() const noexcept = 0;
  /// Programs up to 64 octets; bits only go from 1 to 0. May be cut anywhere by a loss of power.
  virtual void program(std::size_t offset, Bytes data) noexcept = 0;
  /// Sets octets to 0xff. May be cut anywhere.
  virtual void erase(std::size_t offset, std::size_t size) noexcept = 0;

 protected:
  constexpr Medium() noexcept = default;
  ~Medium() = default;
};

/// Assets by 64-bit identifier. Every change is one atomic step: after a loss of power it has happened or
/// not.
class NvStore {
 public:
  static constexpr std::size_t kMaxAssets = 96;
  static constexpr std::size_t kMaxAssetSize = 2048;

  explicit constexpr NvStore(Medium& medium) noexcept : medium_(medium) {}

  /// Finds the assets, and finishes what a loss of power has cut. Memory that was never used is formatted.
  /// Errors: storage_corrupt (a committed record does not check, a wiped one has no
  /// successor, or neither bank is readable); nothing is changed then.
  [[nodiscard]] Result<void> mount() noexcept;

  /// The asset's octets, borrowed until the next change. Errors: not_found.
  [[nodiscard]] Result<Bytes> find(std::uint64_t uid) const noexcept;
  /// Errors: too_long, storage_full (octets or kMaxAssets).
  [[nodiscard]] Result<void> set(std::uint64_t uid, Bytes data) noexcept;
  /// Errors: not_found, storage_full.
  [[nodiscard]] Result<void> remove(std::uint64_t uid) noexcept;

  /// How often the banks have been erased, for the wear.
  [[nodiscard]] std::uint32_t generation() const noexcept { return generation_; }

 private:
  enum class Kind : std::uint8_t { set = 1, remove = 2 };
  /// torn: some of the committed mark's bits are still to be programmed, or all; wiped: bits are gone that
  /// the committed mark has.
  enum class Mark : std::uint8_t { torn, committed, wiped };
  struct Record {
    Kind kind{};
    std::uint64_t uid = 0;
    std::uint32_t data_crc = 0;
    std::size_t offset = 0;  ///< in the medium
    std::size_t size = 0;    ///< octets of its data
    [[nodiscard]] std::size_t data() const noexcept;
    [[nodiscard]] std::size_t mark() const noexcept;
    [[nodiscard]] std::size_t end() const noexcept;
  };

  [[nodiscard]] std::size_t bank_size() const noexcept { return medium_.contents().size() / 2; }
  [[nodiscard]] std::size_t bank_end() const noexcept { return (bank_ + 1) * bank_size(); }
  [[nodiscard]] bool blank(std::size_t from, std::size_t to) const noexcept;
  [[nodiscard]] std::optional<std::uint32_t> read_generation(std::size_t bank) const noexcept;
  [[nodiscard]] std::optional<Record> read_record(std::size_t offset) const noexcept;
  [[nodiscard]] Mark mark_of(const Record& record) const noexcept;
  [[nodiscard]] Bytes data_of(const Record& record) const noexcept;
  [[nodiscard]] Record* entry(std::uint64_t uid) noexcept;

  [[nodiscard]] Result<void> choose_bank() noexcept;
  /// Whether a later record of the log replaces or removes the asset.
  [[nodiscard]] bool superseded(const Record& record) const noexcept;
  /// Reads the log; true where its end is torn.
  [[nodiscard]] Result<bool> replay() noexcept;
  [[nodiscard]] Result<void> apply(const Record& record) noexcept;
  /// Programs to zeros what the log holds of replaced assets.
  void scrub() noexcept;
  void wipe_record(const Record& record) noexcept;
  [[nodiscard]] Record append(Kind kind, std::uint64_t uid, Bytes data) noexcept;
  /// Errors: storage_full.
  [[nodiscard]] Result<void> reserve(Kind kind, std::size_t size) noexcept;
  void compact() noexcept;
  void program(std::size_t offset, Bytes data) noexcept;
  void program_header(std::size_t bank, std::uint32_t generation) noexcept;

  Medium& medium_;
  std::size_t bank_ = 0;  ///< the active one: 0 or 1
  std::size_t end_ = 0;   ///< of the log, in the medium
  std::uint32_t generation_ = 0;
  std::size_t count_ = 0;
  std::array<Record, kMaxAssets> entries_{};
};

}  // namespace pedigree::mps2
