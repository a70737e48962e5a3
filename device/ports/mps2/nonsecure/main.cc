// SPDX-License-Identifier: Apache-2.0
// The non-secure world of the reference firmware: the SMP server behind UART0 with console framing.
#include "core/smp/console.h"
#include "device/ports/mps2/board.h"
#include "device/ports/mps2/nonsecure/ring.h"
#include "device/ports/mps2/secure/gateway.h"
#include "device/server/server.h"

namespace pedigree::mps2 {
namespace {

constexpr std::size_t kPacket = 1024;

constexpr Uart uart(kNonSecureUart);

constinit Ring ring;
constinit std::array<std::uint8_t, kPacket + 4> frame{};
constinit std::array<std::uint8_t, kPacket> scratch{};
constinit std::array<std::uint8_t, kPacket> response{};
constinit std::array<std::uint8_t, 2 * kPacket> line{};

void send(Bytes packet) noexcept {
  Writer out(line);
  smp::write_frame(packet, out);
  for (const std::uint8_t octet : out.written()) uart.put(octet);
}

}  // namespace
}  // namespace pedigree::mps2

using namespace pedigree;
using namespace pedigree::mps2;

extern "C" void uart_receive_interrupt() noexcept {
  uart.clear_interrupts();
  while (uart.received()) ring.put(uart.get());
}

extern "C" [[noreturn]] void nonsecure_main() noexcept {
  constexpr std::uintptr_t kInterruptEnable1 = 0xe000e104;
  device::ServerOptions options;
  options.buffer_size = kPacket;
  options.buffer_count = 4;
  options.os_name = "bare metal";
  options.machine = "mps2-an505";
  options.bootloader = "pedigree-boot";
  device::Server server(PEDIGREE_SERVICE_HANDLE, options, scratch);
  smp::Deframer deframer{frame};
  uart.start(true);
  reg(kInterruptEnable1) = 1;
  while (true) {
    const auto packet = deframer.feed(ring.wait());
    if (!packet || packet->empty()) continue;  // a damaged frame is a lost one
    const Bytes answer = server.handle(*packet, response);
    if (!answer.empty()) send(answer);
    if (server.take_reset()) pedigree_gateway_reset();
  }
}
