// SPDX-License-Identifier: Apache-2.0
// A medium in memory for tests, with a power supply that can be cut in the middle of a chunk.
#pragma once

#include <cstdlib>
#include <vector>

#include "device/ports/mps2/secure/nv_store.h"
#include "testing/support/power_supply.h"

namespace pedigree::mps2 {

/// How a cut may leave memory.
using testing::Torn;
/// All of its kinds.
using testing::kEveryTorn;

/// Flash whose power goes at a chosen step. Ends the test where the store breaks a rule of the medium.
class TestMedium final : public Medium {
 public:
  explicit TestMedium(std::size_t size) : memory(size, 0xff) {}

  [[nodiscard]] Bytes contents() const noexcept override { return memory; }
  void program(std::size_t offset, Bytes data) noexcept override {
    if (data.size() > 64 || offset + data.size() > memory.size()) std::abort();
    power_.step(MutableBytes(memory).subspan(offset, data.size()), [&](std::size_t i) {
      const auto wanted = static_cast<std::uint8_t>(memory[offset + i] & data[i]);
      if (wanted != data[i]) std::abort();
      return wanted;
    });
  }
  void erase(std::size_t offset, std::size_t size) noexcept override {
    if (size != memory.size() / 2 || offset % size != 0) std::abort();
    power_.step(MutableBytes(memory).subspan(offset, size), [](std::size_t) { return std::uint8_t{0xff}; });
  }

  /// Lets `steps` more programs and erases happen whole; the next one is torn, and none after it happens.
  void cut_after(std::size_t steps, Torn torn, std::uint32_t seed) noexcept {
    power_.cut_after(steps, torn, seed);
  }
  /// Whether the cut has come.
  [[nodiscard]] bool dead() const noexcept { return power_.dead(); }
  /// A store's memory after the next boot.
  [[nodiscard]] TestMedium rebooted() const {
    TestMedium copy(memory.size());
    copy.memory = memory;
    return copy;
  }
  TestMedium(TestMedium&& other) noexcept : memory(std::move(other.memory)) {}

  /// Whether the octets stand anywhere on the medium.
  [[nodiscard]] bool holds(Bytes needle) const {
    return std::ranges::search(memory, needle).begin() != memory.end();
  }

  std::vector<std::uint8_t> memory;

 private:
  testing::PowerSupply power_;
};

}  // namespace pedigree::mps2
