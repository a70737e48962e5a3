// SPDX-License-Identifier: Apache-2.0
// The MPS2 board with the SSE-200's predecessor IoT Kit (Application Note AN505), as QEMU's mps2-an505 has
// it: memory map, registers, and how the images share it.
#pragma once

#include "device/ports/mps2/memory_map.h"

namespace pedigree::mps2 {

/// A device register.
[[nodiscard]] inline volatile std::uint32_t& reg(std::uintptr_t address) noexcept {
  return *reinterpret_cast<volatile std::uint32_t*>(address);
}

inline constexpr std::uintptr_t kNonSecureUart = 0x40200000;  ///< UART0: SMP
inline constexpr std::uintptr_t kSecureUart = 0x50201000;     ///< UART1: the secure world's log
inline constexpr unsigned kNonSecureUartReceiveIrq = 0;       // IRQ 32 is bit 0 of register 1
inline constexpr unsigned kUartReceiveIrq = 32;

/// CMSDK APB UART.
class Uart {
 public:
  explicit constexpr Uart(std::uintptr_t base) noexcept : base_(base) {}
  /// Transmit and receive on; the receive interrupt where asked for. 25 MHz / 217 = 115,200 baud.
  void start(bool interrupts) const noexcept {
    reg(base_ + kDivider) = 217;
    reg(base_ + kControl) = interrupts ? 0xbU : 0x3U;
    // What an earlier life left is not for us. The emulator also looks at its side of the line again only
    // when this register is read: without that, octets sent before we were ready would wait there for ever.
    (void)get();
  }
  void put(std::uint8_t octet) const noexcept {
    while ((reg(base_ + kState) & 1U) != 0) {
    }
    reg(base_) = octet;
  }
  [[nodiscard]] bool received() const noexcept { return (reg(base_ + kState) & 2U) != 0; }
  [[nodiscard]] std::uint8_t get() const noexcept { return static_cast<std::uint8_t>(reg(base_)); }
  void clear_interrupts() const noexcept { reg(base_ + kInterrupt) = 0xf; }

 private:
  static constexpr std::uintptr_t kState = 0x4;
  static constexpr std::uintptr_t kControl = 0x8;
  static constexpr std::uintptr_t kInterrupt = 0xc;
  static constexpr std::uintptr_t kDivider = 0x10;
  std::uintptr_t base_;
};

}  // namespace pedigree::mps2
