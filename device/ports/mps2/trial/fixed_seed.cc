// SPDX-License-Identifier: Apache-2.0
// Entropy that is the same on every device and at every boot, so that a run can be repeated. Linked instead
// of secure/entropy_source.cc; the device says so in info and in every request, and no authority certifies
// what it makes outside a test profile.
#include "device/ports/mps2/secure/entropy.h"
#include "device/ports/mps2/secure/generator_check.h"
#include "device/ports/mps2/secure/seed_health.h"
#include "device/ports/mps2/secure/world.h"
#include "mbedtls/platform.h"

namespace pedigree::mps2 {
namespace {

// SHA-256 of "pedigree fixed seed".
constexpr std::array<std::uint8_t, kSeedSize> kSeed{
    0x90, 0x5e, 0xe4, 0xd8, 0x59, 0x84, 0x38, 0xce, 0xbb, 0x12, 0xe6, 0xae, 0x05, 0xc2, 0xc5, 0x9f,
    0xc7, 0x63, 0xd5, 0x58, 0x79, 0x9d, 0x05, 0x0a, 0xf9, 0xe8, 0x1d, 0xa3, 0xc8, 0xe4, 0x71, 0xb1};

int read_seed(unsigned char* buffer, std::size_t size) {
  if (size != kSeed.size()) return -1;
  std::ranges::copy(kSeed, buffer);
  return static_cast<int>(size);
}

/// The next boot starts from the same seed.
int write_seed(unsigned char* /*buffer*/, std::size_t size) {
  return static_cast<int>(size);
}

}  // namespace

enrol::Entropy entropy_source() noexcept {
  return enrol::Entropy::fixed;
}

Result<void> prepare_entropy() noexcept {
  log("entropy: a fixed seed, for debugging: anybody can make this device's keys\n");
  PEDIGREE_TRY(check_generator());
  PEDIGREE_TRY(require_healthy(kSeed));
  if (mbedtls_platform_set_nv_seed(read_seed, write_seed) != 0) return fail(ErrorCode::no_entropy);
  return {};
}

}  // namespace pedigree::mps2
