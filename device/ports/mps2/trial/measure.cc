// SPDX-License-Identifier: Apache-2.0
// Linked around the service in an image for measurements: says on the secure UART what each call to the
// service took, how much of that was in PSA operations, and how deep the stack went, which is painted before.
// Time is the processor's clock, which the emulator advances by the instructions that have run (-icount
// shift=0: 1 ns each; a tick of the board's 20 MHz is 50).
#include "device/ports/mps2/board.h"
#include "device/ports/mps2/secure/world.h"
#include "device/service/chain_check.h"
#include "device/service/service.h"
#include "psa/crypto.h"

extern "C" std::uint32_t secure_stack_start;

namespace pedigree::mps2 {
namespace {

constexpr std::uintptr_t kSysTick = 0xe000e010;
constexpr std::uint32_t kMask = 0xffffff;

/// Ticks since an earlier reading of the clock, which counts down and wraps around after 0.8 s.
std::uint32_t now() noexcept {
  if ((reg(kSysTick) & 1U) == 0) {
    reg(kSysTick + 4) = kMask;
    reg(kSysTick + 8) = 0;
    reg(kSysTick) = 5;
  }
  return reg(kSysTick + 8);
}
std::uint32_t since(std::uint32_t start) noexcept {
  return (start - now()) & kMask;
}

constexpr std::uint32_t kPaint = 0xa5a5a5a5;
/// Words below a frame that is still in use, which are not painted.
constexpr std::ptrdiff_t kOwnFrame = 32;

/// Paints the unused stack; returns where it ends for the callee.
[[gnu::noinline]] std::uint32_t* paint_stack() noexcept {
  std::uint32_t* const here = static_cast<std::uint32_t*>(__builtin_frame_address(0)) - kOwnFrame;
  for (volatile std::uint32_t* word = &secure_stack_start; word < here; ++word) *word = kPaint;
  return here;
}

/// Octets from there down to the deepest that was written.
std::uint32_t stack_used(const std::uint32_t* from) noexcept {
  const volatile std::uint32_t* word = &secure_stack_start;
  while (word < from && *word == kPaint) ++word;
  return static_cast<std::uint32_t>((from - word) * static_cast<std::ptrdiff_t>(sizeof *word));
}

struct Ticks {
  std::uint32_t sign = 0;
  std::uint32_t verify = 0;
  std::uint32_t check = 0;
};
constinit Ticks ticks;

/// Runs `action`, adds its ticks to `sum`.
template <typename Action>
auto measured(std::uint32_t& sum, Action action) noexcept {
  const std::uint32_t start = now();
  const auto result = action();
  sum += since(start);
  return result;
}

}  // namespace
}  // namespace pedigree::mps2

using namespace pedigree;
using namespace pedigree::mps2;

#define PEDIGREE_CALL _ZN8pedigree6device7Service4callERNS0_7MessageE
#define PEDIGREE_CHECK_CHAIN \
  _ZN8pedigree6device11check_chainERKNS_6crypto6CryptoESt4spanIKhLj4294967295EES7_bRNS0_10PinnedRootERNS0_12CheckedChainE
#define PEDIGREE_JOIN(a, b) a##b
#define PEDIGREE_REAL(name) PEDIGREE_JOIN(__real_, name)
#define PEDIGREE_WRAP(name) PEDIGREE_JOIN(__wrap_, name)

extern "C" {

psa_status_t __real_psa_sign_hash(mbedtls_svc_key_id_t key, psa_algorithm_t alg, const std::uint8_t* hash,
                                  std::size_t hash_length, std::uint8_t* signature,
                                  std::size_t signature_size, std::size_t* signature_length);
psa_status_t __wrap_psa_sign_hash(mbedtls_svc_key_id_t key, psa_algorithm_t alg, const std::uint8_t* hash,
                                  std::size_t hash_length, std::uint8_t* signature,
                                  std::size_t signature_size, std::size_t* signature_length) {
  return measured(ticks.sign, [&] {
    return __real_psa_sign_hash(key, alg, hash, hash_length, signature, signature_size, signature_length);
  });
}

psa_status_t __real_psa_verify_hash(mbedtls_svc_key_id_t key, psa_algorithm_t alg, const std::uint8_t* hash,
                                    std::size_t hash_length, const std::uint8_t* signature,
                                    std::size_t signature_length);
psa_status_t __wrap_psa_verify_hash(mbedtls_svc_key_id_t key, psa_algorithm_t alg, const std::uint8_t* hash,
                                    std::size_t hash_length, const std::uint8_t* signature,
                                    std::size_t signature_length) {
  return measured(ticks.verify, [&] {
    return __real_psa_verify_hash(key, alg, hash, hash_length, signature, signature_length);
  });
}

device::Status PEDIGREE_REAL(PEDIGREE_CHECK_CHAIN)(const crypto::Crypto& crypto, Bytes chain, Bytes own_spki,
                                                   bool pinned, device::PinnedRoot& root,
                                                   device::CheckedChain& checked) noexcept;
device::Status PEDIGREE_WRAP(PEDIGREE_CHECK_CHAIN)(const crypto::Crypto& crypto, Bytes chain, Bytes own_spki,
                                                   bool pinned, device::PinnedRoot& root,
                                                   device::CheckedChain& checked) noexcept {
  return measured(ticks.check, [&] {
    return PEDIGREE_REAL(PEDIGREE_CHECK_CHAIN)(crypto, chain, own_spki, pinned, root, checked);
  });
}

std::int32_t PEDIGREE_REAL(PEDIGREE_CALL)(device::Service* self, device::Message& message) noexcept;
std::int32_t PEDIGREE_WRAP(PEDIGREE_CALL)(device::Service* self, device::Message& message) noexcept {
  ticks = {};
  std::uint32_t whole = 0;
  const std::uint32_t* const top = paint_stack();
  const std::int32_t status = measured(whole, [&] { return PEDIGREE_REAL(PEDIGREE_CALL)(self, message); });
  const std::uint32_t stack = stack_used(top);
  log_hex("measured call ", static_cast<std::uint32_t>(message.type()));
  log_hex(" ticks ", whole);
  log_hex(" sign ", ticks.sign);
  log_hex(" verify ", ticks.verify);
  log_hex(" check ", ticks.check);
  log_hex(" stack ", stack);
  log_hex(" status ", static_cast<std::uint32_t>(status));
  log("\n");
  return status;
}

}  // extern "C"
