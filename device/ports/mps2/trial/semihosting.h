// SPDX-License-Identifier: Apache-2.0
// Ends the emulator with an exit status (Arm semihosting, SYS_EXIT_EXTENDED), and lets it say why.
// Semihosting reaches around the border between the worlds, so only images without real keys are run with it.
#pragma once

#include <cstdint>

namespace pedigree::mps2 {

/// Writes a text that ends in a zero to the emulator's standard error (SYS_WRITE0).
inline void say_to_emulator(const char* text) noexcept {
  __asm volatile("mov r0, #4\n mov r1, %0\n bkpt 0xab" : : "r"(text) : "r0", "r1", "memory");
}

[[noreturn]] inline void end_emulator(std::uint32_t status) noexcept {
  const std::uint32_t block[] = {0x20026, status};  // ADP_Stopped_ApplicationExit
  __asm volatile("mov r0, #0x20\n mov r1, %0\n bkpt 0xab" : : "r"(block) : "r0", "r1", "memory");
  while (true) __asm volatile("wfi");
}

}  // namespace pedigree::mps2
