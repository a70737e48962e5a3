// SPDX-License-Identifier: Apache-2.0
// Flash in memory for tests, whose power can be cut in the middle of a program or an erase.
#pragma once

#include <cstdlib>
#include <vector>

#include "device/update/flash.h"
#include "testing/support/power_supply.h"

namespace pedigree::update {

/// How a cut may leave memory.
using testing::Torn;
/// All of its kinds.
using testing::kEveryTorn;

/// Ends the test where a rule of Flash is broken.
class TestFlash final : public Flash {
 public:
  explicit TestFlash(const Layout& layout)
      : memory(layout.size(), 0xff), layout_(layout), erases_(layout.size() / layout.sector) {}
  /// The same memory after the next boot, with power again.
  TestFlash(const TestFlash& before, int /*rebooted*/)
      : memory(before.memory), layout_(before.layout_), erases_(before.erases_) {}

  [[nodiscard]] Bytes contents() const noexcept override { return memory; }
  void program(std::size_t offset, Bytes data) noexcept override {
    if (data.size() > kMaxProgram || offset + data.size() > memory.size()) std::abort();
    power_.step(MutableBytes(memory).subspan(offset, data.size()), [&](std::size_t i) {
      const auto wanted = static_cast<std::uint8_t>(memory[offset + i] & data[i]);
      if (wanted != data[i]) std::abort();  // a bit would have to go from 0 to 1
      return wanted;
    });
  }
  void erase_sector(std::size_t offset) noexcept override {
    if (offset % layout_.sector != 0) std::abort();
    if (!dead()) ++erases_[offset / layout_.sector];
    power_.step(MutableBytes(memory).subspan(offset, layout_.sector),
                [](std::size_t) { return std::uint8_t{0xff}; });
  }

  /// Lets `steps` more programs and erases happen whole; the next one is torn, and none after it happens.
  void cut_after(std::size_t steps, Torn torn) noexcept {
    power_.cut_after(steps, torn, static_cast<std::uint32_t>(steps));
  }
  [[nodiscard]] bool dead() const noexcept { return power_.dead(); }
  /// How often the sector at `offset` was erased.
  [[nodiscard]] unsigned erases(std::size_t offset) const { return erases_[offset / layout_.sector]; }

  std::vector<std::uint8_t> memory;

 private:
  Layout layout_;
  std::vector<unsigned> erases_;
  testing::PowerSupply power_;
};

}  // namespace pedigree::update
