// SPDX-License-Identifier: Apache-2.0
// The non-secure side's UART0 as a serial line, octets in by interrupt.
#pragma once

#include "core/bytes/bytes.h"

namespace pedigree::mps2 {

/// Starts UART0 and its receive interrupt.
void start_line() noexcept;
/// Sleeps until an octet has come. What comes while the ring is full is lost, as on any UART.
[[nodiscard]] std::uint8_t wait_for_octet() noexcept;
/// Sends one SMP packet in console framing.
void send_packet(Bytes packet) noexcept;

/// Octets of the largest packet.
inline constexpr std::size_t kPacket = 1024;

}  // namespace pedigree::mps2

/// To be called in the interrupt of UART0.
extern "C" void uart_receive_interrupt() noexcept;
