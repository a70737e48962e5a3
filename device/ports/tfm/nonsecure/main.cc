// SPDX-License-Identifier: Apache-2.0
// A non-secure application for TF-M on the MPS2 board: the SMP server behind UART0, on bare metal. Elsewhere
// the same server stands behind whatever transport there is; the board is in serial_line.h alone.
#include "core/smp/console.h"
#include "device/ports/mps2/nonsecure/serial_line.h"
#include "device/server/server.h"
#include "psa_manifest/sid.h"
#include "tfm_platform_api.h"

namespace {

using namespace pedigree;

constinit std::array<std::uint8_t, mps2::kPacket + 4> frame{};
constinit std::array<std::uint8_t, mps2::kPacket> scratch{};
constinit std::array<std::uint8_t, mps2::kPacket> response{};

static_assert(PEDIGREE_SMP_GROUP >= smp::kFirstUserGroup && PEDIGREE_SMP_GROUP <= UINT16_MAX);

}  // namespace

extern "C" void UARTRX0_Handler() {
  uart_receive_interrupt();
}

int main() {
  device::ServerOptions options;
  options.buffer_size = mps2::kPacket;
  options.buffer_count = 4;
  options.group = PEDIGREE_SMP_GROUP;
  options.os_name = "bare metal";
  options.machine = PEDIGREE_MACHINE;
  options.bootloader = "MCUboot";
  device::Server server(static_cast<psa_handle_t>(PEDIGREE_SERVICE_HANDLE), options, scratch);
  smp::Deframer deframer{frame};
  mps2::start_line();
  while (true) {
    const auto packet = deframer.feed(mps2::wait_for_octet());
    if (!packet || packet->empty()) continue;  // a damaged frame is a lost one
    const Bytes answer = server.handle(*packet, response);
    if (!answer.empty()) mps2::send_packet(answer);
    if (server.take_reset()) tfm_platform_system_reset();
  }
}
