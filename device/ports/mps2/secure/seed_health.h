// SPDX-License-Identifier: Apache-2.0
// Health tests of the seed, after those of NIST SP 800-90B 4.4.
//
// The standard's tests watch a noise source that delivers samples without end. A seed is one block: every
// test sees all of it, and judges every octet value rather than the first of a window. They assume 8 bits of
// entropy in an octet, and refuse a good seed once in 2^36. What they find is a seed that was never filled
// in, a stuck source, a counter, a pattern. They cannot tell a seed that somebody else knows.
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/error.h"

namespace pedigree::mps2 {

/// Octets of a seed.
inline constexpr std::size_t kSeedSize = 32;

/// The first test that a seed failed; `passed` where none did.
enum class SeedHealth : std::uint8_t {
  passed,
  wrong_size,
  repetition,  ///< 4.4.1: an octet, or the step from octet to octet, too often in a row
  proportion,  ///< 4.4.2: an octet value too often in all
  pattern,     ///< too many octets are the same as those some places before
  bias,        ///< too many or too few bits are set
};

[[nodiscard]] SeedHealth check_seed(Bytes seed) noexcept;
/// Words for the secure log. Static storage.
[[nodiscard]] std::string_view name(SeedHealth health) noexcept;

/// The same as an error. Errors: no_entropy.
[[nodiscard]] Result<void> require_healthy(Bytes seed) noexcept;

}  // namespace pedigree::mps2
