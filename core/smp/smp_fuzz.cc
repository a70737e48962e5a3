// SPDX-License-Identifier: Apache-2.0
// A packet that parses is written back octet by octet; its status is read or refused inside the payload.
#include <cstdlib>
#include <vector>

#include "core/smp/smp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pedigree;
  const auto require = [](bool condition) {
    if (!condition) std::abort();
  };
  const auto packet = smp::parse_packet(Bytes(data, size));
  if (!packet) {
    require(packet.error().offset <= size);
    return 0;
  }
  std::vector<std::uint8_t> copy(size);
  Writer out(copy);
  smp::write_packet(packet->header, packet->payload, out);
  require(out.size() == size && equal(copy, Bytes(data, size)));
  const auto status = smp::read_status(packet->payload);
  if (!status) {
    require(status.error().offset <= packet->payload.size());
  } else {
    require(status->from_group || status->group == 0);
  }
  return 0;
}
