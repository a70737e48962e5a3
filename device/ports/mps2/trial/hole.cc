// SPDX-License-Identifier: Apache-2.0
// A hole in the border, for the isolation test's control: attempts on the storage device must succeed here,
// or the test could not fail.
#include "device/ports/mps2/board.h"
#include "device/ports/mps2/secure/partitions.h"

namespace pedigree::mps2 {

void start_partitions(device::Service& /*service*/) noexcept {
  constexpr std::uintptr_t kSauNumber = 0xe000edd8;
  constexpr std::uintptr_t kSauBase = 0xe000eddc;
  constexpr std::uintptr_t kSauLimit = 0xe000ede0;
  reg(kSauNumber) = 4;
  reg(kSauBase) = kNonVolatile;
  reg(kSauLimit) = (kNonVolatile + 0x00ffffe0) | 1U;
}

}  // namespace pedigree::mps2
