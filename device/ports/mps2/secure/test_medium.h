// SPDX-License-Identifier: Apache-2.0
// A medium in memory for tests, with a power supply that can be cut in the middle of a chunk.
#pragma once

#include <cstdlib>
#include <limits>
#include <vector>

#include "device/ports/mps2/secure/nv_store.h"

namespace pedigree::mps2 {

/// What a cut leaves of the chunk or bank that it hits.
enum class Torn : std::uint8_t { nothing, all, first_half, second_half, some_octets, some_bits };
inline constexpr std::array kEveryTorn{Torn::nothing,     Torn::all,         Torn::first_half,
                                       Torn::second_half, Torn::some_octets, Torn::some_bits};

/// Flash whose power goes at a chosen step. Ends the test where the store breaks a rule of the medium.
class TestMedium final : public Medium {
 public:
  static constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();

  explicit TestMedium(std::size_t size) : memory(size, 0xff) {}

  [[nodiscard]] Bytes contents() const noexcept override { return memory; }
  void program(std::size_t offset, Bytes data) noexcept override {
    if (data.size() > 64 || offset + data.size() > memory.size()) std::abort();
    const std::size_t half = data.size() / 2;
    step(offset, data.size(), half, [&](std::size_t i) {
      const auto wanted = static_cast<std::uint8_t>(memory[offset + i] & data[i]);
      if (wanted != data[i]) std::abort();
      return wanted;
    });
  }
  void erase(std::size_t offset, std::size_t size) noexcept override {
    if (size != memory.size() / 2 || offset % size != 0) std::abort();
    step(offset, size, size / 2, [](std::size_t) { return std::uint8_t{0xff}; });
  }

  /// Lets `steps` more programs and erases happen whole; the next one is torn, and none after it happens.
  void cut_after(std::size_t steps, Torn torn, std::uint32_t seed) noexcept {
    left_ = steps;
    torn_ = torn;
    random_ = seed * 2654435761U + 12345U;
  }
  /// Whether the cut has come.
  [[nodiscard]] bool dead() const noexcept { return dead_; }
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
  void step(std::size_t offset, std::size_t size, std::size_t half, auto after) noexcept {
    if (dead_) return;
    dead_ = left_ == 0;
    for (std::size_t i = 0; i < size; ++i) {
      std::uint8_t& octet = memory[offset + i];
      octet = dead_ ? tear(octet, after(i), i < half) : after(i);
    }
    if (!dead_ && left_ != kNever) --left_;
  }

  std::size_t left_ = kNever;
  Torn torn_ = Torn::nothing;
  std::uint32_t random_ = 1;
  bool dead_ = false;
};

}  // namespace pedigree::mps2
