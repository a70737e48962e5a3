// SPDX-License-Identifier: Apache-2.0
// What power_cut.cc needs, in the boot stage.
#include "device/ports/mps2/board.h"
#include "device/ports/mps2/boot/console.h"
#include "device/ports/mps2/secure/world.h"

namespace pedigree::mps2 {

void log(std::string_view text) noexcept {
  say(text);
}

void reset_device() noexcept {
  constexpr std::uintptr_t kApplicationInterrupt = 0xe000ed0c;
  reg(kApplicationInterrupt) = 0x05fa0004;  // SYSRESETREQ
  while (true) {
  }
}

}  // namespace pedigree::mps2
