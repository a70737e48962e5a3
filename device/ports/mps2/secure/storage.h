// SPDX-License-Identifier: Apache-2.0
// What this board keeps through a power cycle: internal trusted storage, and the seed that it was made with.
#pragma once

#include "device/ports/mps2/secure/nv_store.h"
#include "device/ports/mps2/secure/seed_health.h"

namespace pedigree::mps2 {

/// Layout of the non-volatile memory, in octets from its start. The station side that makes a device's file
/// writes it erased (0xff), with a factory seed.
inline constexpr std::size_t kBankSize = 64 * 1024;
inline constexpr std::size_t kFactorySeed = 2 * kBankSize;
/// Factory seed: magic, 32 octets of full entropy, CRC-32 of both; all zeros once it has been taken over.
inline constexpr std::uint32_t kFactorySeedMagic = 0x50445345;  // "PDSE"
inline constexpr std::size_t kFactorySeedSize = 4 + kSeedSize + 4;

/// Assets of the platform, outside what a PSA client can name.
inline constexpr std::uint64_t kSeedAsset = 0xffff'ffff'0000'0001;
inline constexpr std::uint64_t kLifecycleAsset = 0xffff'ffff'0000'0002;

/// The board's store, behind psa_its_*; there since mount_storage.
[[nodiscard]] NvStore& store() noexcept;

/// Mounts the store. Errors: storage_corrupt.
[[nodiscard]] Result<void> mount_storage() noexcept;

}  // namespace pedigree::mps2
