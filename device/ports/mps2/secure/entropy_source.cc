// SPDX-License-Identifier: Apache-2.0
// The product's source: a seed in the store, taken over from the factory seed at the first boot and replaced
// by Mbed TLS at every boot.
#include "core/bytes/reader.h"
#include "device/ports/mps2/board.h"
#include "device/ports/mps2/secure/entropy.h"
#include "device/ports/mps2/secure/generator_check.h"
#include "device/ports/mps2/secure/seed_health.h"
#include "device/ports/mps2/secure/storage.h"
#include "device/ports/mps2/secure/world.h"
#include "device/service/record.h"
#include "mbedtls/platform.h"

namespace pedigree::mps2 {
namespace {

MutableBytes factory_seed() noexcept {
  return {reinterpret_cast<std::uint8_t*>(kNonVolatile + kFactorySeed), kFactorySeedSize};
}

/// Says why there is no service.
std::unexpected<Error> refuse(std::string_view why, SeedHealth health = SeedHealth::passed) noexcept {
  log("entropy: ");
  log(why);
  if (health != SeedHealth::passed) log(name(health));
  log("\n");
  return fail(ErrorCode::no_entropy);
}

int read_seed(unsigned char* buffer, std::size_t size) {
  const auto seed = store().find(kSeedAsset);
  if (!seed || seed->size() != size) return -1;
  std::ranges::copy(*seed, buffer);
  return static_cast<int>(size);
}

/// A generator that repeats itself, or is stuck, gives no next seed.
int write_seed(unsigned char* buffer, std::size_t size) {
  const Bytes next{buffer, size};
  const auto seed = store().find(kSeedAsset);
  if (!seed || equal(*seed, next) || !require_healthy(next)) return -1;
  return store().set(kSeedAsset, next) ? static_cast<int>(size) : -1;
}

Result<void> take_factory_seed() noexcept {
  const Bytes page = factory_seed();
  const Bytes seed = page.subspan(4, kSeedSize);
  if (Reader(page).big_endian(4) != kFactorySeedMagic) return refuse("this device was made without a seed");
  if (Reader(page.last(4)).big_endian(4) != device::crc32(page.first(4 + kSeedSize))) {
    return refuse("the factory seed is damaged");
  }
  if (const SeedHealth health = check_seed(seed); health != SeedHealth::passed) {
    return refuse("the factory seed fails its health test: ", health);
  }
  return store().set(kSeedAsset, seed);
}

}  // namespace

enrol::Entropy entropy_source() noexcept {
  return enrol::Entropy::seed;
}

Result<void> prepare_entropy() noexcept {
  if (!check_generator()) {
    log("entropy: the generator fails its known-answer test\n");
    return fail(ErrorCode::crypto_failure);
  }
  if (const auto seed = store().find(kSeedAsset); !seed) {
    PEDIGREE_TRY(take_factory_seed());
  } else if (const SeedHealth health = check_seed(*seed); health != SeedHealth::passed) {
    return refuse("the seed fails its health test: ", health);
  }
  wipe(factory_seed());
  if (mbedtls_platform_set_nv_seed(read_seed, write_seed) != 0) return fail(ErrorCode::no_entropy);
  return {};
}

}  // namespace pedigree::mps2
