// SPDX-License-Identifier: Apache-2.0
// Reset and vectors of a non-secure image.
#include <algorithm>
#include <cstdint>

extern "C" {
extern std::uint32_t nonsecure_stack_end;
extern std::uint32_t data_start;
extern std::uint32_t data_end;
extern const std::uint32_t data_image;
extern std::uint32_t bss_start;
extern std::uint32_t bss_end;

[[noreturn]] void nonsecure_main() noexcept;
void uart_receive_interrupt() noexcept;

[[noreturn]] void nonsecure_reset() noexcept {
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
  vectors.interrupts[32] = uart_receive_interrupt;
  return vectors;
}
[[gnu::section(".vectors"), gnu::used]] constinit const Vectors vectors = make_vectors();
}  // namespace
