// SPDX-License-Identifier: Apache-2.0
#include "device/ports/mps2/trial/power_cut.h"

#include "device/ports/mps2/board.h"
#include "device/ports/mps2/secure/world.h"

namespace pedigree::mps2 {
namespace {

constexpr std::uintptr_t kPage = kNonVolatile + kPowerCutPage;

bool due() noexcept {
  return reg(kPage) == kPowerCutMagic && reg(kPage + 4) + 1 == reg(kPage + 8);
}

}  // namespace

std::size_t octets_before_power_cut(std::size_t size) noexcept {
  reg(kPage + 8) = reg(kPage + 8) + 1;
  return due() ? size / 2 : size;
}

void cut_power_if_due() noexcept {
  if (!due()) return;
  reg(kPage) = 0;
  log("power cut\n");
  // The emulator ends at a reset, and with it everything but the non-volatile memory.
  reset_device();
}

}  // namespace pedigree::mps2
