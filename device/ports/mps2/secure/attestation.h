// SPDX-License-Identifier: Apache-2.0
// The board's initial attestation service: measures the images at boot, and makes tokens for Pedigree's
// service and for the non-secure side.
#pragma once

#include "core/crypto/crypto.h"
#include "device/service/message.h"
#include "device/service/platform.h"
#include "device/update/boot_report.h"

namespace pedigree::mps2 {

/// Draws the boot seed, measures the boot stage, and takes over how that has measured the images that it
/// verified; to be called before the non-secure side runs. All are borrowed. Errors: no_entropy,
/// crypto_failure.
[[nodiscard]] Result<void> start_attestation(const device::Platform& platform, const crypto::Crypto& crypto,
                                             const update::BootReport& report) noexcept;

/// Calls of the non-secure side to the attestation service itself (gateway.h): the token names that side as
/// the client. Statuses are psa_status_t.
[[nodiscard]] std::int32_t serve_attestation(device::Message& message) noexcept;

}  // namespace pedigree::mps2
