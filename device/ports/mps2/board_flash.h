// SPDX-License-Identifier: Apache-2.0
// The board's update area as flash: its memory keeps what is written, and programming clears bits.
#pragma once

#include "device/ports/mps2/board.h"
#include "device/ports/mps2/non_volatile.h"
#include "device/ports/mps2/trial/power_cut.h"

namespace pedigree::mps2 {

/// As the hardware has it; a loss of power comes where a test has said so (trial/power_cut.h).
class BoardFlash final : public update::Flash {
 public:
  [[nodiscard]] Bytes contents() const noexcept override {
    return {reinterpret_cast<const std::uint8_t*>(kStart), kUpdateLayout.size()};
  }
  void program(std::size_t offset, Bytes data) noexcept override {
    const std::size_t size = octets_before_power_cut(data.size());
    for (std::size_t i = 0; i < size; ++i) octet(offset + i) = octet(offset + i) & data[i];
    cut_power_if_due();
  }
  void erase_sector(std::size_t offset) noexcept override {
    const std::size_t size = octets_before_power_cut(kUpdateLayout.sector);
    for (std::size_t i = 0; i < size; ++i) octet(offset + i) = 0xff;
    cut_power_if_due();
  }

 private:
  static constexpr std::uintptr_t kStart = kNonVolatile + kUpdateArea;
  [[nodiscard]] static volatile std::uint8_t& octet(std::size_t offset) noexcept {
    return *reinterpret_cast<volatile std::uint8_t*>(kStart + offset);
  }
};

}  // namespace pedigree::mps2
