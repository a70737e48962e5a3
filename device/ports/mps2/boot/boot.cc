// SPDX-License-Identifier: Apache-2.0
// The boot stage: verifies the images up to the firmware root in OTP, and starts the secure one.
#include <new>

#include "device/ports/mps2/board_flash.h"
#include "device/ports/mps2/boot/console.h"
#include "device/ports/mps2/trial/boot_clock.h"
#include "device/update/boot.h"

extern "C" {
extern std::uint32_t boot_stack_end;
extern std::uint32_t data_start;
extern std::uint32_t data_end;
extern const std::uint32_t data_image;
extern std::uint32_t bss_start;
extern std::uint32_t bss_end;
/// A symbol of the linker script, for the vector table (board.h, kBootImageEnd).
void image_end();
}

namespace pedigree::mps2 {
namespace {

constexpr std::uintptr_t kVectorTable = 0xe000ed08;

[[noreturn]] void halt() noexcept {
  while (true) __asm volatile("wfi");
}

[[noreturn]] void jump(std::uint32_t stack, std::uint32_t entry) noexcept {
  __asm volatile("msr msplim, %2\n msr msp, %0\n bx %1" : : "r"(stack), "r"(entry), "r"(0) : "memory");
  __builtin_unreachable();
}

class Log final : public update::BootLog {
 public:
  void refused(std::size_t image, std::uint8_t slot, ErrorCode code) noexcept override {
    say("boot: the ");
    if (image == update::kSecure) {
      say("secure image is refused: ");
    } else {
      say(slot == 0 ? "non-secure image in slot 0 is refused: " : "non-secure image in slot 1 is refused: ");
    }
    say_error(code);
    say("\n");
  }
  void reverted(std::uint8_t slot) noexcept override {
    say_number("boot: the image on trial was not confirmed, slot ", slot);
    say("\n");
  }
};

/// Errors: no_firmware_root, those of update::boot.
Result<void> decide() noexcept {
  const auto root = read_otp({reinterpret_cast<const std::uint8_t*>(kNonVolatile + kOtp), kOtpSize});
  if (!root) return fail(ErrorCode::no_firmware_root);
  TimedCrypto::start();
  const TimedCrypto crypto;
  BoardFlash flash;
  const update::BootPlatform platform{
      .crypto = crypto,
      .flash = flash,
      .layout = kUpdateLayout,
      .root = *root,
      .secure = {reinterpret_cast<const std::uint8_t*>(kSecureImage), kSecureCodeEnd - kSecureImage},
      .execution = {reinterpret_cast<std::uint8_t*>(kNonSecureImage + kSecureAlias),
                    kNonSecureCodeEnd - kNonSecureImage},
      .secure_address = kSecureImage,
      .nonsecure_address = kNonSecureImage};
  Log log;
  auto& report = *new (reinterpret_cast<void*>(kBootReport)) update::BootReport;
  return timed_boot([&] { return update::boot(platform, log, report); });
}

}  // namespace

extern "C" [[noreturn]] void boot_main() noexcept {
  std::copy_n(&data_image, &data_end - &data_start, &data_start);
  std::fill(&bss_start, &bss_end, 0);
  start_console();
  if (const auto decided = decide(); !decided) {
    say("boot: nothing is started: ");
    say_error(decided.error().code);
    say("\n");
    halt();
  }
  const std::uint32_t stack = reg(kSecureVectors);
  const std::uint32_t entry = reg(kSecureVectors + 4);
  if (stack < kSecureRam || stack > kSecureRamEnd || entry < kSecureVectors || entry >= kSecureCodeEnd) {
    say("boot: the secure image has no entry\n");
    halt();
  }
  reg(kVectorTable) = kSecureVectors;
  jump(stack, entry);
}

extern "C" [[noreturn]] void boot_fault() noexcept {
  say("boot: fault\n");
  halt();
}

}  // namespace pedigree::mps2

// What libraries end a program with.
extern "C" [[noreturn, gnu::used]] void exit(int) {
  pedigree::mps2::boot_fault();
}
extern "C" [[noreturn, gnu::used]] void abort() {
  pedigree::mps2::boot_fault();
}

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
