// SPDX-License-Identifier: Apache-2.0
// A non-secure image that tries what it must not be able to do (docs/security-model.md has the table;
// testing/mps2 boots it against the product's secure image and knows how each attempt has to end).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "device/ports/mps2/secure/gateway.h"
#include "pedigree/service.h"

namespace pedigree::mps2 {

/// One attempt. It ends in a fault and a new start of this image, or returns what it read or was answered.
struct Attempt {
  std::string_view name;
  std::int32_t (*run)(std::uintptr_t argument) noexcept;
  std::uintptr_t argument = 0;
};

/// Memory, peripherals and code of the secure side, by load, store and branch.
[[nodiscard]] std::span<const Attempt> memory_attempts() noexcept;
/// Vectors that no caller may give, and vectors that change while the service works.
[[nodiscard]] std::span<const Attempt> vector_attempts() noexcept;
/// Calls that are well-formed and not permitted: foreign slots, signatures with the attestation key.
[[nodiscard]] std::span<const Attempt> service_attempts() noexcept;

/// Slots that the host provisions before it starts this image; the third belongs to a secure partition.
inline constexpr std::uint32_t kAttestationSlot = 1;
inline constexpr std::uint32_t kTlsSlot = 2;
inline constexpr std::uint32_t kForeignSlot = 8;

/// Runs `act` in handler mode, by a supervisor call.
std::int32_t in_handler(std::int32_t (*act)(std::uintptr_t) noexcept, std::uintptr_t argument) noexcept;
std::int32_t read_word(std::uintptr_t address) noexcept;

/// psa_call with vectors as they are.
inline std::int32_t call(std::int32_t type, const psa_invec* in, std::size_t in_len, psa_outvec* out,
                         std::size_t out_len) noexcept {
  const auto control = static_cast<std::uint32_t>(type) | in_len << 16U | out_len << 24U;
  return pedigree_gateway_call(PEDIGREE_SERVICE_HANDLE, control, in, out);
}

}  // namespace pedigree::mps2
