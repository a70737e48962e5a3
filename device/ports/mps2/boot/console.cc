// SPDX-License-Identifier: Apache-2.0
#include "device/ports/mps2/boot/console.h"

#include "device/ports/mps2/board.h"

namespace pedigree::mps2 {
namespace {

constexpr Uart uart(kSecureUart);

}  // namespace

void start_console() noexcept {
  uart.start(false);
}

void say(std::string_view text) noexcept {
  for (const char letter : text) uart.put(static_cast<std::uint8_t>(letter));
}

void say_number(std::string_view before, std::uint32_t number) noexcept {
  say(before);
  unsigned shift = 28;
  while (shift > 4 && (number >> shift) == 0) shift -= 4;
  for (;; shift -= 4) {
    uart.put(static_cast<std::uint8_t>("0123456789abcdef"[(number >> shift) & 0xfU]));
    if (shift == 0) return;
  }
}

void say_error(ErrorCode code) noexcept {
  say(name(code));
  say_number(" (error 0x", static_cast<std::uint32_t>(code));
  say(")");
}

}  // namespace pedigree::mps2
