// SPDX-License-Identifier: Apache-2.0
// The non-secure world of the reference firmware: the SMP server behind UART0 with console framing.
#include "core/smp/console.h"
#include "device/ports/mps2/nonsecure/serial_line.h"
#include "device/ports/mps2/secure/gateway.h"
#include "device/server/server.h"

namespace pedigree::mps2 {
namespace {

constinit std::array<std::uint8_t, kPacket + 4> frame{};
constinit std::array<std::uint8_t, kPacket> scratch{};
constinit std::array<std::uint8_t, kPacket> response{};

}  // namespace
}  // namespace pedigree::mps2

using namespace pedigree;
using namespace pedigree::mps2;

extern "C" [[noreturn]] void nonsecure_main() noexcept {
  device::ServerOptions options;
  options.buffer_size = kPacket;
  options.buffer_count = 4;
  options.os_name = "bare metal";
  options.machine = "mps2-an505";
  options.bootloader = "pedigree-boot";
  device::Server server(PEDIGREE_SERVICE_HANDLE, options, scratch);
  smp::Deframer deframer{frame};
  start_line();
  while (true) {
    const auto packet = deframer.feed(wait_for_octet());
    if (!packet || packet->empty()) continue;  // a damaged frame is a lost one
    const Bytes answer = server.handle(*packet, response);
    if (!answer.empty()) send_packet(answer);
    if (server.take_reset()) pedigree_gateway_reset();
  }
}
