// SPDX-License-Identifier: Apache-2.0
#include "device/ports/mps2/nonsecure/serial_line.h"

#include "core/smp/console.h"
#include "device/ports/mps2/board.h"
#include "device/ports/mps2/nonsecure/ring.h"

namespace pedigree::mps2 {
namespace {

constexpr Uart uart(kNonSecureUart);

constinit Ring ring;
constinit std::array<std::uint8_t, 2 * kPacket> line{};

}  // namespace

void start_line() noexcept {
  constexpr std::uintptr_t kInterruptEnable1 = 0xe000e104;
  uart.start(true);
  reg(kInterruptEnable1) = 1U << (kUartReceiveIrq - 32);
}

std::uint8_t wait_for_octet() noexcept {
  return ring.wait();
}

void send_packet(Bytes packet) noexcept {
  Writer out(line);
  smp::write_frame(packet, out);
  for (const std::uint8_t octet : out.written()) uart.put(octet);
}

}  // namespace pedigree::mps2

using namespace pedigree::mps2;

extern "C" void uart_receive_interrupt() noexcept {
  uart.clear_interrupts();
  while (uart.received()) ring.put(uart.get());
}
