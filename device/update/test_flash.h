// SPDX-License-Identifier: Apache-2.0
// Flash in memory for tests, whose power can be cut in the middle of a program or an erase.
#pragma once

#include <cstdlib>
#include <limits>
#include <vector>

#include "device/update/flash.h"

namespace pedigree::update {

/// What a cut leaves of the program or erase that it hits.
enum class Torn : std::uint8_t { nothing, all, first_half, second_half, some_octets, some_bits };
inline constexpr std::array kEveryTorn{Torn::nothing,     Torn::all,         Torn::first_half,
                                       Torn::second_half, Torn::some_octets, Torn::some_bits};

/// Ends the test where a rule of Flash is broken.
class TestFlash final : public Flash {
 public:
  static constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();

  explicit TestFlash(const Layout& layout)
      : memory(layout.size(), 0xff), layout_(layout), erases_(layout.size() / layout.sector) {}
  /// The same memory after the next boot, with power again.
  TestFlash(const TestFlash& before, int /*rebooted*/)
      : memory(before.memory), layout_(before.layout_), erases_(before.erases_) {}

  [[nodiscard]] Bytes contents() const noexcept override { return memory; }
  void program(std::size_t offset, Bytes data) noexcept override {
    if (data.size() > kMaxProgram || offset + data.size() > memory.size()) std::abort();
    step(offset, data.size(), [&](std::size_t i) {
      const auto wanted = static_cast<std::uint8_t>(memory[offset + i] & data[i]);
      if (wanted != data[i]) std::abort();  // a bit would have to go from 0 to 1
      return wanted;
    });
  }
  void erase_sector(std::size_t offset) noexcept override {
    if (offset % layout_.sector != 0) std::abort();
    if (!dead_) ++erases_[offset / layout_.sector];
    step(offset, layout_.sector, [](std::size_t) { return std::uint8_t{0xff}; });
  }

  /// Lets `steps` more programs and erases happen whole; the next one is torn, and none after it happens.
  void cut_after(std::size_t steps, Torn torn) noexcept {
    left_ = steps;
    torn_ = torn;
    random_ = static_cast<std::uint32_t>(steps) * 2654435761U + 12345U;
  }
  [[nodiscard]] bool dead() const noexcept { return dead_; }
  /// How often the sector at `offset` was erased.
  [[nodiscard]] unsigned erases(std::size_t offset) const { return erases_[offset / layout_.sector]; }

  std::vector<std::uint8_t> memory;

 private:
  std::uint32_t draw() noexcept {
    random_ ^= random_ << 13U;
    random_ ^= random_ >> 17U;
    random_ ^= random_ << 5U;
    return random_;
  }
  std::uint8_t tear(std::uint8_t before, std::uint8_t after, bool in_first_half) noexcept {
    switch (torn_) {
      case Torn::nothing:
        return before;
      case Torn::all:
        return after;
      case Torn::first_half:
        return in_first_half ? after : before;
      case Torn::second_half:
        return in_first_half ? before : after;
      case Torn::some_octets:
        return draw() % 2 == 0 ? before : after;
      case Torn::some_bits: {
        const auto taken = static_cast<std::uint8_t>(draw());
        return static_cast<std::uint8_t>((before & ~taken) | (after & taken));
      }
    }
    return before;
  }
  void step(std::size_t offset, std::size_t size, auto after) noexcept {
    if (dead_) return;
    dead_ = left_ == 0;
    for (std::size_t i = 0; i < size; ++i) {
      std::uint8_t& octet = memory[offset + i];
      octet = dead_ ? tear(octet, after(i), i < size / 2) : after(i);
    }
    if (!dead_ && left_ != kNever) --left_;
  }

  Layout layout_;
  std::vector<unsigned> erases_;
  std::size_t left_ = kNever;
  Torn torn_ = Torn::nothing;
  std::uint32_t random_ = 1;
  bool dead_ = false;
};

}  // namespace pedigree::update
