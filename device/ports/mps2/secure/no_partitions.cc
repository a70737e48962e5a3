// SPDX-License-Identifier: Apache-2.0
#include "device/ports/mps2/secure/partitions.h"

namespace pedigree::mps2 {

void start_partitions(device::Service& /*service*/) noexcept {}

}  // namespace pedigree::mps2
