// SPDX-License-Identifier: Apache-2.0
// Octets of a UART from its interrupt to the main loop of a non-secure image.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace pedigree::mps2 {

/// One of interrupt and main loop writes, the other reads.
class Ring {
 public:
  void put(std::uint8_t octet) noexcept {
    const std::uint32_t head = head_.load(std::memory_order_relaxed);
    // A full ring loses octets, as a UART does: what runs over the line sees it.
    if (head - tail_.load(std::memory_order_acquire) == octets_.size()) return;
    octets_[head % octets_.size()] = octet;
    head_.store(head + 1, std::memory_order_release);
  }
  [[nodiscard]] bool empty() const noexcept { return head_.load() == tail_.load(); }
  [[nodiscard]] std::uint8_t take() noexcept {
    const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    const std::uint8_t octet = octets_[tail % octets_.size()];
    tail_.store(tail + 1, std::memory_order_release);
    return octet;
  }
  /// Sleeps until there is one.
  [[nodiscard]] std::uint8_t wait() noexcept {
    while (true) {
      // An interrupt between the look and wfi ends wfi all the same while it is masked.
      __asm volatile("cpsid i" : : : "memory");
      const bool idle = empty();
      if (idle) __asm volatile("dsb\n wfi");
      __asm volatile("cpsie i\n isb" : : : "memory");
      if (!idle) return take();
    }
  }

 private:
  std::array<std::uint8_t, 8192> octets_{};
  std::atomic<std::uint32_t> head_{0};
  std::atomic<std::uint32_t> tail_{0};
};

}  // namespace pedigree::mps2
