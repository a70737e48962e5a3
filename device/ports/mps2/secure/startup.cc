// SPDX-License-Identifier: Apache-2.0
// Reset, and the vectors of the secure image.
#include <algorithm>

#include "device/ports/mps2/board.h"
#include "device/ports/mps2/secure/world.h"

extern "C" {
extern std::uint32_t secure_stack_end;
extern std::uint32_t secure_stack_start;
extern std::uint32_t data_start;
extern std::uint32_t data_end;
extern const std::uint32_t data_image;
extern std::uint32_t bss_start;
extern std::uint32_t bss_end;

[[noreturn]] void secure_main() noexcept;

[[noreturn]] void secure_reset() noexcept {
  __asm volatile("msr msplim, %0" : : "r"(&secure_stack_start));
  std::copy_n(&data_image, &data_end - &data_start, &data_start);
  std::fill(&bss_start, &bss_end, 0);
  secure_main();
}

/// Faults: hands EXC_RETURN and the frame to handle_fault(); then leaves to resume_after_fault() in secure
/// thread mode, by an exception frame of its own making on a main stack emptied to its top.
[[gnu::naked]] void secure_fault_vector() noexcept {
  __asm volatile(
      "mov r0, lr\n"
      "tst lr, #0x40\n"  // EXC_RETURN.S: whose stack holds the frame
      "beq 1f\n"
      "mrs r1, msp\n"
      "b 3f\n"
      "1: tst lr, #4\n"  // EXC_RETURN.SPSEL
      "beq 2f\n"
      "mrs r1, psp_ns\n"
      "b 3f\n"
      "2: mrs r1, msp_ns\n"
      "3: bl handle_fault\n"
      "ldr r1, =secure_stack_end\n"
      "sub r1, #32\n"
      "movs r2, #0\n"
      "str r2, [r1, #0]\n str r2, [r1, #4]\n str r2, [r1, #8]\n str r2, [r1, #12]\n"
      "str r2, [r1, #16]\n str r2, [r1, #20]\n"
      "ldr r2, =resume_after_fault\n bic r2, #1\n str r2, [r1, #24]\n"
      "ldr r2, =0x01000000\n str r2, [r1, #28]\n"
      "msr msp, r1\n"
      "bx r0\n");
}

[[gnu::naked]] void secure_unexpected_vector() noexcept {
  __asm volatile("b secure_fault_vector");
}
}

namespace {
using Handler = void (*)();
struct Vectors {
  std::uint32_t* stack;
  Handler handlers[15];
};
[[gnu::section(".vectors"), gnu::used]] const Vectors vectors{
    &secure_stack_end,
    {secure_reset, secure_unexpected_vector, secure_fault_vector, secure_fault_vector, secure_fault_vector,
     secure_fault_vector, secure_fault_vector, nullptr, nullptr, nullptr, secure_unexpected_vector,
     secure_unexpected_vector, nullptr, secure_unexpected_vector, secure_unexpected_vector}};
}  // namespace
