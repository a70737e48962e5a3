// SPDX-License-Identifier: Apache-2.0
// Octets for tests of encoders: what a writing function writes.
#pragma once

#include <cstdlib>
#include <string>

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

/// What became of an input, for one comparison of reason and offset: "accepted", or "bad_tag at 5".
template <typename T>
std::string outcome(const Result<T>& result) {
  if (result) return "accepted";
  return std::string(name(result.error().code)) + " at " + std::to_string(result.error().offset);
}

/// `count` times `octet`.
inline Octets repeated(std::uint8_t octet, std::size_t count) {
  return Octets(count, octet);
}

}  // namespace pedigree::testing
