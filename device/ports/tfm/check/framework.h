// SPDX-License-Identifier: Apache-2.0
// The PSA framework on a host, as far as the partition calls it: messages with the rules of psa_read and
// psa_write, storage in memory, and the platform's attestation service.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "device/ports/common/initial_attestation.h"

namespace pedigree::tfm {

/// What stands around the partition; one for the process.
struct Framework {
  std::map<std::uint64_t, std::vector<std::uint8_t>> assets;
  std::int32_t client = -1;                                          ///< who calls
  enrol::Lifecycle lifecycle = enrol::Lifecycle::assembly_and_test;  ///< of tokens
  psa_status_t attestation = 0;                                      ///< not 0: no tokens are made
  std::vector<std::string> faults;  ///< what would have ended the partition, or the caller
  std::size_t reads = 0;            ///< of input vectors, in the last call
};
[[nodiscard]] Framework& framework();

/// Takes what is stored, makes the platform's own keys anew, and starts the partition.
void manufacture();

}  // namespace pedigree::tfm
