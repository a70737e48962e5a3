// SPDX-License-Identifier: Apache-2.0
// The partition manager in small: takes psa_call from the non-secure side, checks and copies its vectors, and
// calls the service as a secure function (PSA Firmware Framework 1.1, SFN model).
#pragma once

#include "device/service/service.h"
#include "device/update/updater.h"

namespace pedigree::mps2 {

/// Opens the gateway for this service and for the firmware's update; until then every call is refused.
void offer_service(device::Service& service, update::Updater& updater) noexcept;

}  // namespace pedigree::mps2
