// SPDX-License-Identifier: Apache-2.0
// The keys that a device is made with, where the platform below the service has none of its own: a hardware
// unique key to derive from, and the initial attestation key.
#pragma once

#include "core/crypto/crypto.h"
#include "device/service/platform.h"

namespace pedigree::device {

/// Makes both keys in the PSA key store under the platform's identifiers, over any left by a manufacture that
/// was cut short. Errors: no_entropy, storage_full, storage_failure, crypto_failure.
[[nodiscard]] Result<void> make_builtin_keys(const Platform& platform) noexcept;

/// Instance identifier as TF-M makes it, 33 octets: 0x01 and the SHA-256 of the attestation key's COSE_Key
/// {1: 2, -1: 1, -2: x, -3: y}. Errors: key_not_found, crypto_failure.
[[nodiscard]] Result<std::array<std::uint8_t, enrol::kDeviceIdSize>> read_device_id(
    KeyId attestation_key, const crypto::Crypto& crypto) noexcept;

}  // namespace pedigree::device
