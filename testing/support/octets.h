// SPDX-License-Identifier: Apache-2.0
// Octets for tests of encoders: what a writing function writes.
#pragma once

#include <cstdlib>

#include "core/bytes/writer.h"
#include "testing/support/support.h"

namespace pedigree::testing {

/// What `write(Writer&)` writes. Also checks that a counting writer and one that is too small count the same.
template <typename Write>
Octets written(Write write) {
  Writer sizer;
  write(sizer);
  Octets octets(sizer.size());
  Writer out(octets);
  write(out);
  if (out.size() != sizer.size()) std::abort();
  if (!octets.empty()) {
    Octets small(octets.size() - 1);
    Writer overflowing(small);
    write(overflowing);
    if (overflowing.size() != octets.size() || overflowing.fits()) std::abort();
  }
  return octets;
}

/// `count` times `octet`.
inline Octets repeated(std::uint8_t octet, std::size_t count) {
  return Octets(count, octet);
}

}  // namespace pedigree::testing
