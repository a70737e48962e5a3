// SPDX-License-Identifier: Apache-2.0
// Secure partitions beside the service, which call it as clients of their own.
#pragma once

#include "device/service/service.h"

namespace pedigree::mps2 {

/// Runs the entry of every other secure partition, before the non-secure side starts. The product has none:
/// no_partitions.cc. The image for the isolation tests has one: trial/partition.cc.
void start_partitions(device::Service& service) noexcept;

}  // namespace pedigree::mps2
