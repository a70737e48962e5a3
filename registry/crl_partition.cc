// SPDX-License-Identifier: Apache-2.0
#include "registry/crl_partition.h"

#include "core/bytes/reader.h"
#include "core/bytes/writer.h"
#include "registry/device.h"

namespace pedigree::registry {

std::string crl_partition_text(std::uint32_t partition) {
  std::array<std::uint8_t, 4> octets{};
  Writer(octets).big_endian(partition, octets.size());
  return hex(octets);
}

Result<std::uint32_t> parse_crl_partition(std::string_view text) noexcept {
  std::array<std::uint8_t, 4> octets{};
  PEDIGREE_TRY(unhex(text, octets));
  std::uint32_t partition = 0;
  for (const std::uint8_t octet : octets) partition = partition << 8U | octet;
  return partition;
}

}  // namespace pedigree::registry
