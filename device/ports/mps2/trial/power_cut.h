// SPDX-License-Identifier: Apache-2.0
// Loses power at a chosen change of the storage, in images built for that (PEDIGREE_POWER_CUT); in the
// product nothing of it is left.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pedigree::mps2 {

/// Where a test says when, behind the storage in the non-volatile memory: three little-endian words, magic,
/// how many changes happen before the one that is cut, and how many have happened.
inline constexpr std::size_t kPowerCutPage = 0x40000;
inline constexpr std::uint32_t kPowerCutMagic = 0x54554350;  // "PCUT"

#ifdef PEDIGREE_POWER_CUT
/// Counts a change of `size` octets. Returns how many of them still happen.
[[nodiscard]] std::size_t octets_before_power_cut(std::size_t size) noexcept;
/// Loses power where the change that was counted last is the chosen one.
void cut_power_if_due() noexcept;
#else
[[nodiscard]] constexpr std::size_t octets_before_power_cut(std::size_t size) noexcept {
  return size;
}
constexpr void cut_power_if_due() noexcept {}
#endif

}  // namespace pedigree::mps2
