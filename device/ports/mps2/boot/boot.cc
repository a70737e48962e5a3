// SPDX-License-Identifier: Apache-2.0
// The boot stage: starts the secure image where there is one.
#include <string_view>

#include "device/ports/mps2/board.h"

namespace pedigree::mps2 {
namespace {

constexpr std::uintptr_t kVectorTable = 0xe000ed08;

void say(std::string_view text) noexcept {
  const Uart uart(kSecureUart);
  uart.start(false);
  for (const char letter : text) uart.put(static_cast<std::uint8_t>(letter));
}

[[noreturn]] void halt() noexcept {
  while (true) __asm volatile("wfi");
}

[[noreturn]] void jump(std::uint32_t stack, std::uint32_t entry) noexcept {
  __asm volatile("msr msplim, %2\n msr msp, %0\n bx %1" : : "r"(stack), "r"(entry), "r"(0) : "memory");
  __builtin_unreachable();
}

}  // namespace

extern "C" [[noreturn]] void boot_main() noexcept {
  const std::uint32_t stack = reg(kSecureImage);
  const std::uint32_t entry = reg(kSecureImage + 4);
  if (stack < kSecureRam || stack > kSecureRamEnd || entry < kSecureImage || entry >= kGateways) {
    say("boot: there is no secure image at 0x10010000\n");
    halt();
  }
  reg(kVectorTable) = kSecureImage;
  jump(stack, entry);
}

extern "C" [[noreturn]] void boot_fault() noexcept {
  say("boot: fault\n");
  halt();
}

}  // namespace pedigree::mps2

extern "C" std::uint32_t boot_stack_end;
/// A symbol of the linker script, for the vector table (board.h, kImageEnd).
extern "C" void image_end();

namespace {
using Handler = void (*)();
struct Vectors {
  std::uint32_t* stack;
  Handler handlers[15];
};
// Every exception of the processor; the boot stage enables none.
[[gnu::section(".vectors"), gnu::used]] const Vectors vectors{
    &boot_stack_end,
    {pedigree::mps2::boot_main, pedigree::mps2::boot_fault, pedigree::mps2::boot_fault,
     pedigree::mps2::boot_fault, pedigree::mps2::boot_fault, pedigree::mps2::boot_fault,
     pedigree::mps2::boot_fault, image_end, nullptr, nullptr, pedigree::mps2::boot_fault, nullptr, nullptr,
     pedigree::mps2::boot_fault, pedigree::mps2::boot_fault}};
}  // namespace
