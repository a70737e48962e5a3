// SPDX-License-Identifier: Apache-2.0
// Reset and vectors of a non-secure image.
#include <algorithm>

#include "device/ports/mps2/board.h"

extern "C" {
extern std::uint32_t nonsecure_stack_end;
extern std::uint32_t data_start;
extern std::uint32_t data_end;
extern const std::uint32_t data_image;
extern std::uint32_t bss_start;
extern std::uint32_t bss_end;

[[noreturn]] void nonsecure_main() noexcept;

/// The secure side starts the image with interrupts masked: an earlier life may have left the timer running.
[[noreturn]] void nonsecure_reset() noexcept {
  constexpr std::uintptr_t kTimerControl = 0xe000e010;
  constexpr std::uintptr_t kInterruptControl = 0xe000ed04;
  pedigree::mps2::reg(kTimerControl) = 0;
  pedigree::mps2::reg(kInterruptControl) = 1U << 25U;  // PENDSTCLR
  __asm volatile("cpsie i" : : : "memory");
  std::copy_n(&data_image, &data_end - &data_start, &data_start);
  std::fill(&bss_start, &bss_end, 0);
  nonsecure_main();
}

/// Nothing here mends a fault; what concerns the border between the worlds never arrives here.
[[noreturn]] void nonsecure_fault() noexcept {
  while (true) __asm volatile("wfi");
}

[[noreturn]] void abort() {
  nonsecure_fault();
}

/// What an image wants of these it defines.
[[gnu::weak]] void uart_receive_interrupt() noexcept {
  nonsecure_fault();
}
[[gnu::weak]] void timer_interrupt() noexcept {
  nonsecure_fault();
}
[[gnu::weak]] void supervisor_call() noexcept {
  nonsecure_fault();
}
}

namespace {
using Handler = void (*)();
struct Vectors {
  std::uint32_t* stack;
  Handler exceptions[15];
  Handler interrupts[33];
};
constexpr Vectors make_vectors() noexcept {
  Vectors vectors{&nonsecure_stack_end, {}, {}};
  for (Handler& handler : vectors.exceptions) handler = nonsecure_fault;
  for (Handler& handler : vectors.interrupts) handler = nonsecure_fault;
  vectors.exceptions[0] = nonsecure_reset;
  vectors.exceptions[10] = supervisor_call;
  vectors.exceptions[14] = timer_interrupt;
  vectors.interrupts[32] = uart_receive_interrupt;
  return vectors;
}
[[gnu::section(".vectors"), gnu::used]] constinit const Vectors vectors = make_vectors();
}  // namespace
