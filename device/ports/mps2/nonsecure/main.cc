// SPDX-License-Identifier: Apache-2.0
// The non-secure world of the reference firmware: the SMP server behind UART0 with console framing.
#include <atomic>

#include "core/smp/console.h"
#include "device/ports/mps2/board.h"
#include "device/ports/mps2/secure/gateway.h"
#include "device/server/server.h"

namespace pedigree::mps2 {
namespace {

constexpr std::size_t kPacket = 1024;

constexpr Uart uart(kNonSecureUart);

/// Octets from the interrupt to the main loop; one of them writes, the other reads.
class Ring {
 public:
  void put(std::uint8_t octet) noexcept {
    const std::uint32_t head = head_.load(std::memory_order_relaxed);
    // A full ring loses octets, as a UART does: the frame's checksum shows it, and the station asks again.
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

 private:
  std::array<std::uint8_t, 8192> octets_{};
  std::atomic<std::uint32_t> head_{0};
  std::atomic<std::uint32_t> tail_{0};
};

constinit Ring ring;
constinit std::array<std::uint8_t, kPacket + 4> frame{};
constinit std::array<std::uint8_t, kPacket> scratch{};
constinit std::array<std::uint8_t, kPacket> response{};
constinit std::array<std::uint8_t, 2 * kPacket> line{};

std::uint8_t wait_for_octet() noexcept {
  while (true) {
    // An interrupt between the look and wfi ends wfi all the same while it is masked.
    __asm volatile("cpsid i" : : : "memory");
    const bool idle = ring.empty();
    if (idle) __asm volatile("dsb\n wfi");
    __asm volatile("cpsie i\n isb" : : : "memory");
    if (!idle) return ring.take();
  }
}

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
    const auto packet = deframer.feed(wait_for_octet());
    if (!packet || packet->empty()) continue;  // a damaged frame is a lost one
    const Bytes answer = server.handle(*packet, response);
    if (!answer.empty()) send(answer);
    if (server.take_reset()) pedigree_gateway_reset();
  }
}
