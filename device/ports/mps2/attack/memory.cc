// SPDX-License-Identifier: Apache-2.0
// Load, store and branch across the border.
#include "device/ports/mps2/attack/attack.h"
#include "device/ports/mps2/board.h"
#include "device/ports/mps2/non_volatile.h"

namespace pedigree::mps2 {

std::int32_t read_word(std::uintptr_t address) noexcept {
  return static_cast<std::int32_t>(reg(address));
}

namespace {

std::int32_t write_word(std::uintptr_t address) noexcept {
  reg(address) = 0x4b434148;
  return 0;
}

std::int32_t branch(std::uintptr_t address) noexcept {
  std::int32_t result = 0;
  __asm volatile("blx %1\n mov %0, r0"
                 : "=r"(result)
                 : "r"(address | 1U)
                 : "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");
  return result;
}

/// Past the gateway's first instruction, which is the one that opens it.
std::int32_t branch_into_gateway(std::uintptr_t offset) noexcept {
  const auto gateway = reinterpret_cast<std::uintptr_t>(&pedigree_gateway_call) & ~std::uintptr_t{1};
  return branch(gateway + offset);
}

/// A return value that only the processor may make: to the secure caller, or out of an exception.
std::int32_t branch_to_magic(std::uintptr_t value) noexcept {
  __asm volatile("bx %0" : : "r"(value) : "memory");
  return 0;
}

std::int32_t magic_in_handler(std::uintptr_t value) noexcept {
  return in_handler(branch_to_magic, value);
}
std::int32_t read_in_handler(std::uintptr_t address) noexcept {
  return in_handler(read_word, address);
}

/// An exception stacks eight words; here they would land in secure memory.
std::int32_t stack_into(std::uintptr_t address) noexcept {
  __asm volatile("msr msp, %0\n svc 0" : : "r"(address) : "memory");
  return 0;
}

std::int32_t ask_for_reset(std::uintptr_t /*unused*/) noexcept {
  reg(0xe000ed0c) = 0x05fa0004;  // SYSRESETREQ
  __asm volatile("dsb" : : : "memory");
  return 0;
}

/// The attribution unit is not there for the non-secure side: what is written is lost.
std::int32_t switch_off_attribution(std::uintptr_t /*unused*/) noexcept {
  reg(0xe000edd0) = 0x2;  // SAU_CTRL: ALLNS
  return static_cast<std::int32_t>(reg(0xe000edd0));
}

constexpr Attempt kAttempts[] = {
    {"read secure RAM", read_word, kSecureRam},
    {"write secure RAM", write_word, kSecureRam},
    {"read secure RAM, non-secure alias", read_word, kSecureRam - 0x10000000},
    {"write secure RAM, non-secure alias", write_word, kSecureRam - 0x10000000},
    {"read secure stack", read_word, kSecureRam + 12 * 1024 - 64},
    {"read secure code", read_word, kSecureImage},
    {"write secure code", write_word, kSecureImage},
    {"read secure code, non-secure alias", read_word, kSecureImage - 0x10000000},
    {"read boot code", read_word, kBootImage},
    {"read boot code, non-secure alias", read_word, 0x00000000},
    {"read gateway page", read_word, kGateways},
    {"write gateway page", write_word, kGateways},
    {"read storage", read_word, kNonVolatile},
    {"read factory seed", read_word, kNonVolatile + 0x20000},
    {"write storage", write_word, kNonVolatile},
    {"read firmware root", read_word, kNonVolatile + kOtp},
    {"write firmware root", write_word, kNonVolatile + kOtp},
    {"read update state", read_word, kNonVolatile + kUpdateArea},
    {"write update state", write_word, kNonVolatile + kUpdateArea},
    {"write list of revoked signers", write_word, kNonVolatile + kUpdateArea + kUpdateLayout.list(0)},
    {"read image slot 0", read_word, kNonVolatile + kUpdateArea + kUpdateLayout.slot(0)},
    {"write image slot 0", write_word, kNonVolatile + kUpdateArea + kUpdateLayout.slot(0)},
    {"write image slot 1", write_word, kNonVolatile + kUpdateArea + kUpdateLayout.slot(1)},
    {"read boot report", read_word, kBootReport},
    {"write boot report", write_word, kBootReport},
    {"write boot report, non-secure alias", write_word, kBootReport - kSecureAlias},
    {"write boot code", write_word, kBootImage},
    {"read secure control block", read_word, 0x50080010},
    {"write secure control block", write_word, 0x50080084},
    {"write memory protection controller", write_word, 0x58008000},
    {"write secure UART", write_word, kSecureUart},
    {"read secure UART, non-secure alias", read_word, kSecureUart - 0x10000000},
    {"write secure UART, non-secure alias", write_word, kSecureUart - 0x10000000},
    {"read secure timer, non-secure alias", read_word, 0x40000000},
    {"switch off attribution", switch_off_attribution},
    {"ask for reset", ask_for_reset},
    {"read secure RAM in a handler", read_in_handler, kSecureRam},
    {"stack into secure RAM", stack_into, kSecureRam + 0x1000},
    {"branch into secure function", branch, kSecureImage + 0x1000},
    {"branch into secure function, non-secure alias", branch, kSecureImage + 0x1000 - 0x10000000},
    {"branch into boot code", branch, 0x10000100},
    {"branch into gateway, second instruction", branch_into_gateway, 4},
    {"branch into gateway, half an instruction", branch_into_gateway, 2},
    {"branch to secure RAM", branch, kSecureRam + 0x4000},
    {"return to the secure caller", branch_to_magic, 0xfeffffff},
    {"return to the secure caller in a handler", magic_in_handler, 0xfeffffff},
    {"return from an exception that is none", branch_to_magic, 0xfffffff9},
    {"return from a handler to secure thread mode", magic_in_handler, 0xfffffff9},
};

}  // namespace

std::span<const Attempt> memory_attempts() noexcept {
  return kAttempts;
}

}  // namespace pedigree::mps2
