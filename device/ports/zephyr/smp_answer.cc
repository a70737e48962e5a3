// SPDX-License-Identifier: Apache-2.0
#include "device/ports/zephyr/smp_answer.h"

#include <optional>

#include "device/server/server.h"

namespace {

using namespace pedigree;

/// Octets of the largest part of an object on its way from the service.
constexpr std::size_t kScratch = CONFIG_MCUMGR_TRANSPORT_NETBUF_SIZE;
constinit std::array<std::uint8_t, kScratch> scratch{};
constinit std::optional<device::Server> server;

}  // namespace

static_assert(static_cast<int>(enrol::Command::revocations) < PEDIGREE_SMP_COMMANDS);
static_assert(PEDIGREE_SMP_HEADER == smp::kHeaderSize);
static_assert(CONFIG_PEDIGREE_SMP_GROUP >= smp::kFirstUserGroup && CONFIG_PEDIGREE_SMP_GROUP <= UINT16_MAX);

extern "C" size_t pedigree_smp_answer(psa_handle_t service, const uint8_t* request, size_t request_size,
                                      uint8_t* response, size_t capacity) {
  // Zephyr's own groups answer everything else, `parameters` too.
  const auto packet = smp::parse_packet({request, request_size});
  if (!packet || packet->header.group != CONFIG_PEDIGREE_SMP_GROUP) return 0;
  if (!server) {
    device::ServerOptions options;
    options.group = CONFIG_PEDIGREE_SMP_GROUP;
    server.emplace(service, options, scratch);
  }
  return server->handle({request, request_size}, {response, capacity}).size();
}
