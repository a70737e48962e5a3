// SPDX-License-Identifier: Apache-2.0
// The secure world of the reference firmware.
#include <algorithm>
#include <new>

#include "crypto/psa/psa_crypto.h"
#include "device/ports/common/builtin_keys.h"
#include "device/ports/mps2/board_flash.h"
#include "device/ports/mps2/memory_map.h"
#include "device/ports/mps2/non_volatile.h"
#include "device/ports/mps2/secure/attestation.h"
#include "device/ports/mps2/secure/entropy.h"
#include "device/ports/mps2/secure/partitions.h"
#include "device/ports/mps2/secure/spm.h"
#include "device/ports/mps2/secure/storage.h"
#include "device/ports/mps2/secure/world.h"
#include "mbedtls/memory_buffer_alloc.h"
#include "psa/crypto.h"

namespace pedigree::mps2 {
namespace {

constexpr std::size_t kMaxChain = 8192;
constexpr std::size_t kCryptoHeap = 12 * 1024;

alignas(8) constinit std::array<unsigned char, kCryptoHeap> crypto_heap{};

constinit device::Platform platform{
    .world = "TrustZone",
    .hardware_unique_key = 0x801,
    .builtin_iak = 0x800,
    .iak_signs_requests = false,  // as on stock TF-M
    .key_base = 0x100,
    .storage_base = 0x1'0000'0000,
    .part_size = NvStore::kMaxAssetSize,
};

constinit crypto::PsaCrypto psa;
constinit BoardFlash flash;
constinit std::array<std::uint8_t, image::kRevocationScratch> revocation_scratch{};

/// What the boot stage has left; it starts nothing without.
const update::BootReport& boot_report() noexcept {
  return *reinterpret_cast<const update::BootReport*>(kBootReport);
}

/// Which only moves on: by the page that the factory has written.
Result<void> start_in_lifecycle() noexcept {
  PEDIGREE_ASSIGN(platform.lifecycle,
                  read_lifecycle({reinterpret_cast<const std::uint8_t*>(kNonVolatile + kLifecyclePage),
                                  kLifecyclePageSize}));
  const auto stored = store().find(kLifecycleAsset);
  if (stored && stored->size() == 1) {
    platform.lifecycle = std::max(platform.lifecycle, static_cast<enrol::Lifecycle>(stored->front()));
    return {};
  }
  // The lifecycle is written last: until then the device does not exist, and manufacture starts again.
  log("manufacture\n");
  PEDIGREE_TRY(device::make_builtin_keys(platform));
  const auto value = static_cast<std::uint8_t>(enrol::Lifecycle::assembly_and_test);
  return store().set(kLifecycleAsset, {&value, 1});
}

Result<void> start_platform() noexcept {
  PEDIGREE_TRY(mount_storage());
  platform.entropy = entropy_source();
  mbedtls_memory_buffer_alloc_init(crypto_heap.data(), crypto_heap.size());
  PEDIGREE_TRY(prepare_entropy());
  if (psa_crypto_init() != PSA_SUCCESS) return fail(ErrorCode::no_entropy);
  PEDIGREE_TRY(check_random_output());
  PEDIGREE_TRY(start_in_lifecycle());
  PEDIGREE_ASSIGN(platform.device_id, device::read_device_id(platform.builtin_iak, psa));
  return start_attestation(platform, psa, boot_report());
}

}  // namespace
}  // namespace pedigree::mps2

using namespace pedigree;
using namespace pedigree::mps2;

extern "C" [[noreturn]] void secure_main() noexcept {
  using SecureService = device::StaticService<kMaxChain>;
  alignas(SecureService) static std::array<std::byte, sizeof(SecureService)> memory;
  alignas(update::Updater) static std::array<std::byte, sizeof(update::Updater)> updater_memory;
  Uart(kSecureUart).start(false);
  log("secure world starts\n");
  draw_border();
  if (const auto started = start_platform(); started) {
    auto* const service = new (memory.data()) SecureService(platform, psa);
    service->get().recover();
    start_partitions(service->get());
    auto* const updater = new (updater_memory.data())
        update::Updater(flash, kUpdateLayout, psa, boot_report(), revocation_scratch);
    static_cast<void>(updater->mount());  // its calls answer the error
    offer_service(service->get(), *updater);
  } else {
    // The non-secure side starts, finds no service, and says so over SMP.
    log("no service: ");
    log(sentence(started.error().code));
    log("\n");
  }
  if (boot_report().nonsecure_error != 0 || !has_nonsecure_entry()) {
    log("no non-secure image is started: ");
    log(sentence(static_cast<ErrorCode>(boot_report().nonsecure_error)));
    log("\n");
    while (true) __asm volatile("wfi");
  }
  run_nonsecure();
}
