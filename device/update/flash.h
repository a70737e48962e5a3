// SPDX-License-Identifier: Apache-2.0
// The memory that firmware updates are kept in, and how it is divided.
#pragma once

#include "core/bytes/bytes.h"

namespace pedigree::update {

/// NOR flash that is addressable, as internal flash is: octets are programmed from 1 to 0 bits, and whole
/// sectors are erased to 0xff. Offsets count from the start of the area. An octet is programmed once between
/// two erases; only a progress mark that a loss of power has torn is programmed again, with the same value.
class Flash {
 public:
  Flash(const Flash&) = delete;
  Flash& operator=(const Flash&) = delete;
  /// The whole area.
  [[nodiscard]] virtual Bytes contents() const noexcept = 0;
  /// Programs up to kMaxProgram octets. May be cut anywhere by a loss of power.
  virtual void program(std::size_t offset, Bytes data) noexcept = 0;
  /// Erases the sector that begins at `offset`. May be cut anywhere.
  virtual void erase_sector(std::size_t offset) noexcept = 0;

  /// Octets of one program.
  static constexpr std::size_t kMaxProgram = 64;

 protected:
  constexpr Flash() noexcept = default;
  ~Flash() = default;
};

/// Slots of the non-secure image; kNoSlot is none of them.
inline constexpr std::size_t kSlots = 2;
inline constexpr std::uint8_t kNoSlot = 0xff;

/// Where everything is: two sectors of state records, the progress marks of an upload, two banks for lists of
/// revoked signers, two slots. All of them begin and end at a sector.
struct Layout {
  std::size_t sector = 0;     ///< octets, a multiple of 128
  std::size_t list_size = 0;  ///< of a bank, a multiple of `sector`
  std::size_t slot_size = 0;  ///< a multiple of `sector`

  /// Octets of a progress mark; there is one for each sector of a slot.
  static constexpr std::size_t kMarkSize = 16;

  [[nodiscard]] constexpr std::size_t records(std::size_t half) const noexcept { return half * sector; }
  [[nodiscard]] constexpr std::size_t marks() const noexcept { return 2 * sector; }
  [[nodiscard]] constexpr std::size_t marks_size() const noexcept {
    return (slot_size / sector * kMarkSize + sector - 1) / sector * sector;
  }
  [[nodiscard]] constexpr std::size_t list(std::size_t bank) const noexcept {
    return marks() + marks_size() + bank * list_size;
  }
  [[nodiscard]] constexpr std::size_t slot(std::size_t number) const noexcept {
    return list(2) + number * slot_size;
  }
  /// Of the whole area.
  [[nodiscard]] constexpr std::size_t size() const noexcept { return slot(kSlots); }
};

/// Whether all octets are 0xff.
[[nodiscard]] bool is_blank(Bytes octets) noexcept;
/// Programs any number of octets.
void program(Flash& flash, std::size_t offset, Bytes data) noexcept;
/// Erases the sectors of a range that are not blank, so that a sector wears only where it was used.
void erase(Flash& flash, const Layout& layout, std::size_t offset, std::size_t size) noexcept;

}  // namespace pedigree::update
