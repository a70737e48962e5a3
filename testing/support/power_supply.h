// SPDX-License-Identifier: Apache-2.0
// The power of a memory in tests, which can be cut in the middle of a step.
#pragma once

#include <limits>

#include "core/bytes/bytes.h"

namespace pedigree::testing {

/// What a cut leaves of the program or erase that it hits.
enum class Torn : std::uint8_t { nothing, all, first_half, second_half, some_octets, some_bits };
inline constexpr std::array kEveryTorn{Torn::nothing,     Torn::all,         Torn::first_half,
                                       Torn::second_half, Torn::some_octets, Torn::some_bits};

class PowerSupply {
 public:
  /// Lets `steps` more steps happen whole; the next one is torn, and none after it happens.
  void cut_after(std::size_t steps, Torn torn, std::uint32_t seed) noexcept {
    left_ = steps;
    torn_ = torn;
    random_ = seed * 2654435761U + 12345U;
  }
  /// Whether the cut has come.
  [[nodiscard]] bool dead() const noexcept { return dead_; }
  /// One step: the octets become `after(index)`, as far as there is power.
  void step(MutableBytes octets, auto after) noexcept {
    if (dead_) return;
    dead_ = left_ == 0;
    for (std::size_t i = 0; i < octets.size(); ++i) {
      octets[i] = dead_ ? tear(octets[i], after(i), i < octets.size() / 2) : after(i);
    }
    if (!dead_ && left_ != kNever) --left_;
  }

 private:
  static constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();

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

  std::size_t left_ = kNever;
  Torn torn_ = Torn::nothing;
  std::uint32_t random_ = 1;
  bool dead_ = false;
};

}  // namespace pedigree::testing
