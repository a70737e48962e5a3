// SPDX-License-Identifier: Apache-2.0
#include "core/bytes/bytes.h"

namespace pedigree {

bool equal_secret(Bytes a, Bytes b) noexcept {
  if (a.size() != b.size()) return false;
  // volatile keeps the compiler from turning the loop into an early exit.
  volatile std::uint8_t difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<std::uint8_t>(difference | (a[i] ^ b[i]));
  }
  return difference == 0;
}

void wipe(MutableBytes secret) noexcept {
  volatile std::uint8_t* octet = secret.data();
  for (std::size_t i = 0; i < secret.size(); ++i) octet[i] = 0;
}

}  // namespace pedigree
