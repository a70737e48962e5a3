// SPDX-License-Identifier: Apache-2.0
#include "device/ports/sim/impairment.h"

namespace pedigree::sim {

bool Impairment::happens(double probability) {
  // 53 bits, so that the sequence is the same with every standard library.
  return static_cast<double>(random_() >> 11U) * 0x1p-53 < probability;
}

std::vector<std::chrono::microseconds> Impairment::next() {
  std::vector<std::chrono::microseconds> copies;
  if (happens(options_.drop)) return copies;
  const auto limit = std::chrono::duration_cast<std::chrono::microseconds>(options_.delay).count();
  const int count = happens(options_.duplicate) ? 2 : 1;
  for (int i = 0; i < count; ++i) {
    const auto late =
        limit > 0 ? static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(limit + 1)) : 0;
    copies.emplace_back(late);
  }
  return copies;
}

bool Impairment::damage(MutableBytes octets) {
  if (options_.corrupt <= 0) return false;
  bool damaged = false;
  for (std::uint8_t& octet : octets) {
    if (!happens(options_.corrupt)) continue;
    octet = static_cast<std::uint8_t>(octet ^ 1U << random_() % 8);
    damaged = true;
  }
  return damaged;
}

}  // namespace pedigree::sim
