// SPDX-License-Identifier: Apache-2.0
#include "device/ports/mps2/secure/entropy.h"
#include "device/ports/mps2/secure/seed_health.h"
#include "device/ports/mps2/secure/world.h"
#include "psa/crypto.h"

namespace pedigree::mps2 {

Result<void> check_random_output() noexcept {
  SecretArray<2 * kSeedSize> drawn;
  const MutableBytes octets = drawn.span();
  const Bytes first = octets.first(kSeedSize);
  const Bytes second = octets.last(kSeedSize);
  // Two requests, so that a generator that gives the same block again is noticed.
  const bool given = psa_generate_random(octets.data(), kSeedSize) == PSA_SUCCESS &&
                     psa_generate_random(octets.data() + kSeedSize, kSeedSize) == PSA_SUCCESS;
  if (given && !equal(first, second) && require_healthy(first) && require_healthy(second)) return {};
  log("entropy: the generator's output fails its health test\n");
  return fail(ErrorCode::no_entropy);
}

}  // namespace pedigree::mps2
