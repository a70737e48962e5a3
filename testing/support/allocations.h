// SPDX-License-Identifier: Apache-2.0
// Counts what operator new gave: a program that calls this has its operator new replaced, where
// kAllocationsAreCounted; else the counts are 0.
#pragma once

#include <cstddef>

#include "testing/support/sanitizers.h"

namespace pedigree::testing {

/// Octets that operator new has given and operator delete has not got back, as asked for, without what the
/// allocator adds.
[[nodiscard]] std::size_t allocated_octets() noexcept;
/// The most that it ever was since the last call of this.
[[nodiscard]] std::size_t most_allocated_octets() noexcept;

}  // namespace pedigree::testing
