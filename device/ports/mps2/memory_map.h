// SPDX-License-Identifier: Apache-2.0
// Where what is on the board, and how the images share it. For the images themselves, and for whoever signs
// or loads them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pedigree::mps2 {

/// Memory: an alias with bit 28 set is the secure view of the same octets. The linker scripts hold the same
/// numbers.
inline constexpr std::uintptr_t kBootImage = 0x10000000;
/// Where the boot stage's vector table holds the address of its end: an entry that the processor reserves.
inline constexpr std::uintptr_t kBootImageEnd = kBootImage + 0x20;
/// Signed images: their header, and behind it the vector table, at an alignment that the processor accepts.
inline constexpr std::uintptr_t kImageHeader = 0x400;
inline constexpr std::uintptr_t kSecureImage = 0x10010000;
inline constexpr std::uintptr_t kSecureVectors = kSecureImage + kImageHeader;
inline constexpr std::uintptr_t kSecureCodeEnd = 0x10200000;
inline constexpr std::uintptr_t kNonSecureImage = 0x00200000;
inline constexpr std::uintptr_t kNonSecureVectors = kNonSecureImage + kImageHeader;
inline constexpr std::uintptr_t kNonSecureCodeEnd = 0x00400000;
inline constexpr std::uintptr_t kSecureAlias = 0x10000000;  ///< bit 28
inline constexpr std::uintptr_t kGateways = 0x10010600;     ///< veneers, callable from the non-secure side
inline constexpr std::uintptr_t kGatewaysEnd = 0x10010800;
inline constexpr std::uintptr_t kSecureRam = 0x38000000;
inline constexpr std::uintptr_t kSecureRamEnd = 0x38200000;
inline constexpr std::uintptr_t kNonSecureRam = 0x28200000;
inline constexpr std::uintptr_t kNonSecureRamEnd = 0x28400000;
/// Memory behind which the emulator keeps a file: what a power cycle survives.
inline constexpr std::uintptr_t kNonVolatile = 0x80000000;
/// What the boot stage hands to the secure image: update::BootReport.
inline constexpr std::uintptr_t kBootReport = 0x381FF000;

}  // namespace pedigree::mps2
