// SPDX-License-Identifier: Apache-2.0
// The secure partition as TF-M sees it, and what it knows of the platform.
#pragma once

#include "device/service/platform.h"
#include "psa/service.h"

namespace pedigree::tfm {

/// From the build's configuration; device id, lifecycle and entropy from pedigree_partition_init() on.
extern device::Platform platform;  // NOLINT(bugprone-dynamic-static-initializers): it is constinit

}  // namespace pedigree::tfm

extern "C" {

/// "entry_init" of the manifest: reads the platform's attestation token, and removes what an operation cut
/// short has left. Always PSA_SUCCESS.
psa_status_t pedigree_partition_init(void);

/// The secure function of the service: one call. The number of an ErrorCode, or 0; after a failed start,
/// attestation_failure or crypto_failure for every call.
psa_status_t pedigree_service_sfn(const psa_msg_t* message);
}
