// SPDX-License-Identifier: Apache-2.0
// What a device knows of its images: one record, replaced as a whole, which is the one atomic step of every
// operation.
#pragma once

#include "core/bytes/error.h"
#include "core/bytes/writer.h"
#include "device/update/flash.h"

namespace pedigree::update {

/// Which security counter.
inline constexpr std::size_t kNonSecure = 0;
inline constexpr std::size_t kSecure = 1;
inline constexpr std::size_t kImages = 2;

/// What is in a slot.
enum class Content : std::uint8_t { empty = 0, receiving = 1, whole = 2 };

struct SlotState {
  Content content = Content::empty;
  std::uint32_t size = 0;     ///< octets announced, or received
  std::uint16_t refused = 0;  ///< ErrorCode for which the boot stage refused it; 0: it did not
};

/// The last upload; its slot may hold something else by now.
struct Upload {
  std::uint32_t id = 0;  ///< sequence of the record that began it; its progress marks bear it
  std::uint8_t slot = kNoSlot;
  bool has_sha = false;
  Sha256 sha256{};  ///< of the whole
};

/// The list of revoked signers that counts.
struct StoredList {
  std::uint8_t bank = kNoSlot;  ///< kNoSlot: there is none
  std::uint32_t size = 0;       ///< octets of the signed list
  std::uint64_t number = 0;
  std::uint32_t entries = 0;       ///< where in it its entries begin (image::RevocationList::entries)
  std::uint32_t entries_size = 0;  ///< octets of them
  std::uint32_t crc = 0;           ///< CRC-32 of the signed list
};

struct State {
  std::uint32_t sequence = 0;
  std::uint8_t confirmed = kNoSlot;  ///< the slot to fall back to
  std::uint8_t pending = kNoSlot;    ///< the slot to start at the next reset
  bool permanent = false;            ///< of the pending one: confirmed as soon as it is verified
  std::uint8_t trying = kNoSlot;     ///< the slot that was started to be tested
  std::array<SlotState, kSlots> slots{};
  Upload upload{};
  /// The least that an image's security counter must be.
  std::array<std::uint32_t, kImages> counters{};
  StoredList list{};
};

/// Octets of a record.
inline constexpr std::size_t kRecordSize = 128;
/// Writes kRecordSize octets.
void encode(const State& state, Writer& out) noexcept;
/// Reads a record. False where it is not one, or is damaged; `state` is then unspecified.
[[nodiscard]] bool decode(Bytes record, State& state) noexcept;

/// The records: a log in two sectors, of which the newest whole record counts. One that a loss of power has
/// torn never happened.
class StateLog {
 public:
  constexpr StateLog(Flash& flash, const Layout& layout) noexcept : flash_(flash), layout_(layout) {}

  /// Finds the newest record. Errors: storage_corrupt where there is none, which no loss of power brings
  /// about.
  [[nodiscard]] Result<State> read() noexcept;
  /// Adds a record of the next sequence number, which `state` then has. `read` has succeeded before.
  void write(State& state) noexcept;
  /// The first record of a new device, whose area is erased.
  void make_new(State& state) noexcept;

 private:
  [[nodiscard]] Bytes place(std::size_t offset) const noexcept {
    return flash_.contents().subspan(offset, kRecordSize);
  }
  void append(const State& state, std::size_t offset) noexcept;

  Flash& flash_;
  const Layout& layout_;
  std::size_t newest_ = 0;  ///< offset of the record that counts
};

}  // namespace pedigree::update
