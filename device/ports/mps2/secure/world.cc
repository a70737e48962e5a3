// SPDX-License-Identifier: Apache-2.0
#include "device/ports/mps2/secure/world.h"

#include <arm_cmse.h>

#include "device/ports/mps2/board.h"

namespace pedigree::mps2 {
namespace {

// Armv8-M system registers; _NS: the non-secure view.
constexpr std::uintptr_t kSauControl = 0xe000edd0;
constexpr std::uintptr_t kSauNumber = 0xe000edd8;
constexpr std::uintptr_t kSauBase = 0xe000eddc;
constexpr std::uintptr_t kSauLimit = 0xe000ede0;
constexpr std::uintptr_t kSecureFaultStatus = 0xe000ede4;
constexpr std::uintptr_t kSecureFaultAddress = 0xe000ede8;
constexpr std::uintptr_t kConfigurableFaultStatus = 0xe000ed28;
constexpr std::uintptr_t kHardFaultStatus = 0xe000ed2c;
constexpr std::uintptr_t kHandlerControl = 0xe000ed24;
constexpr std::uintptr_t kApplicationInterrupt = 0xe000ed0c;
constexpr std::uintptr_t kInterruptTarget1 = 0xe000e384;

constexpr std::uintptr_t kInterruptDisableNs = 0xe002e180;
constexpr std::uintptr_t kInterruptUnpendNs = 0xe002e280;
constexpr std::uintptr_t kInterruptActiveNs = 0xe002e300;
constexpr std::uintptr_t kInterruptControlNs = 0xe002ed04;
constexpr std::uintptr_t kVectorTableNs = 0xe002ed08;
constexpr std::uintptr_t kHandlerControlNs = 0xe002ed24;
constexpr std::uintptr_t kMpuControlNs = 0xe002ed94;
constexpr std::size_t kInterruptWords = 3;

// IoT Kit: secure privilege control block, memory protection controllers of the three static memories.
constexpr std::uintptr_t kResponse = 0x50080010;
constexpr std::uintptr_t kGatewayControl = 0x50080014;
constexpr std::uintptr_t kUartProtection = 0x50080084;
constexpr std::uintptr_t kMpcCode = 0x58007000;
constexpr std::uintptr_t kMpcSecureRam = 0x58008000;
constexpr std::uintptr_t kMpcNonSecureRam = 0x58009000;

constinit std::uint32_t faults = 0;

void open_region(std::uint32_t number, std::uintptr_t base, std::uintptr_t end, bool gateway) noexcept {
  reg(kSauNumber) = number;
  reg(kSauBase) = base;
  reg(kSauLimit) = (end - 32) | (gateway ? 2U : 0U) | 1U;
}

/// Marks the memory's octets from `open_from` to its end non-secure, those before secure.
void open_memory(std::uintptr_t controller, std::size_t size, std::size_t open_from) noexcept {
  const std::size_t block = std::size_t{1} << ((reg(controller + 0x14) & 0xfU) + 5U);
  reg(controller) = 0x10;  // a blocked access is a bus error
  for (std::size_t word = 0; word * 32 * block < size; ++word) {
    std::uint32_t bits = 0;
    for (std::size_t bit = 0; bit < 32; ++bit) {
      if ((word * 32 + bit) * block >= open_from) bits |= std::uint32_t{1} << bit;
    }
    reg(controller + 0x18) = word;
    reg(controller + 0x1c) = bits;
  }
}

}  // namespace

void draw_border() noexcept {
  constexpr std::size_t kCodeMemory = 4 * 1024 * 1024;
  constexpr std::size_t kRamMemory = 2 * 1024 * 1024;
  open_region(0, kNonSecureImage, kNonSecureCodeEnd, false);
  open_region(1, kNonSecureRam, kNonSecureRamEnd, false);
  open_region(2, 0x40000000, 0x50000000, false);
  open_region(3, kGateways, kGatewaysEnd, true);
  reg(kSauControl) = 1;
  reg(kResponse) = 1;
  reg(kGatewayControl) = 1;
  open_memory(kMpcCode, kCodeMemory, kNonSecureImage);
  open_memory(kMpcSecureRam, kRamMemory, kRamMemory);
  open_memory(kMpcNonSecureRam, kRamMemory, 0);
  reg(kUartProtection) = reg(kUartProtection) | (1U << 5U);
  reg(kInterruptTarget1) = reg(kInterruptTarget1) | 1U;
  // Memory, bus, usage and secure faults have handlers of their own, and stay here.
  reg(kHandlerControl) = reg(kHandlerControl) | 0xf0000U;
  // SYSRESETREQS: only the secure side resets. PRIS: its exceptions come first. BFHFNMINS = 0: bus and hard
  // faults come here.
  reg(kApplicationInterrupt) = 0x05fa0000U | (1U << 14U) | (1U << 3U);
  __asm volatile("dsb\n isb" : : : "memory");
}

void log(std::string_view text) noexcept {
  const Uart uart(kSecureUart);
  for (const char letter : text) uart.put(static_cast<std::uint8_t>(letter));
}

void log_hex(std::string_view name, std::uint32_t value) noexcept {
  constexpr std::string_view kDigits = "0123456789abcdef";
  log(name);
  for (unsigned shift = 32; shift > 0; shift -= 4) log(kDigits.substr((value >> (shift - 4)) & 0xfU, 1));
}

bool has_nonsecure_entry() noexcept {
  const std::uint32_t stack = reg(kNonSecureVectors);
  const std::uint32_t entry = reg(kNonSecureVectors + 4);
  return stack > kNonSecureRam && stack <= kNonSecureRamEnd && entry > kNonSecureVectors &&
         entry < kNonSecureCodeEnd;
}

namespace {

/// Interrupts and memory protection of the non-secure side as after a reset, but for PRIMASK, which is set:
/// an image that is started again must not meet what the one before it has set. Its timer is its own to stop
/// before it takes interrupts: the emulator blocks the secure side's access to it (as re-entrant).
void calm_nonsecure() noexcept {
  for (std::size_t word = 0; word < kInterruptWords; ++word) {
    reg(kInterruptDisableNs + 4 * word) = 0xffffffff;
    reg(kInterruptUnpendNs + 4 * word) = 0xffffffff;
  }
  reg(kInterruptControlNs) = (1U << 27U) | (1U << 25U);  // PENDSVCLR, PENDSTCLR
  reg(kHandlerControlNs) = 0;
  reg(kMpuControlNs) = 0;
  // Thread mode, privileged, main stack.
  __asm volatile(
      "msr control_ns, %0\n msr basepri_ns, %0\n msr faultmask_ns, %0\n"
      "msr msplim_ns, %0\n msr psplim_ns, %0\n msr primask_ns, %1\n isb"
      :
      : "r"(0), "r"(1)
      : "memory");
}

/// Calls the image with nothing of ours left in a register. C++ has no cmse_nonsecure_call.
extern "C" [[gnu::naked]] void enter_nonsecure(std::uint32_t /*entry*/) noexcept {
  __asm volatile(
      "bic r0, #1\n mov lr, r0\n"
      "movs r0, #0\n mov r1, r0\n mov r2, r0\n mov r3, r0\n mov r4, r0\n mov r5, r0\n mov r6, r0\n"
      "mov r7, r0\n mov r8, r0\n mov r9, r0\n mov r10, r0\n mov r11, r0\n mov r12, r0\n"
      "msr apsr_nzcvq, r0\n"
      "blxns lr\n"
      "b nonsecure_returned\n");
}

}  // namespace

void run_nonsecure() noexcept {
  calm_nonsecure();
  reg(kVectorTableNs) = kNonSecureVectors;
  __asm volatile("msr msp_ns, %0" : : "r"(reg(kNonSecureVectors)) : "memory");
  enter_nonsecure(reg(kNonSecureVectors + 4));
  __builtin_unreachable();
}

/// Where the image's return ends up.
extern "C" [[noreturn, gnu::used]] void nonsecure_returned() noexcept {
  log("non-secure image returned: it restarts\n");
  run_nonsecure();
}

namespace {

struct Frame {
  std::uint32_t r0, r1, r2, r3, r12, lr, pc, xpsr;
};

/// Whether the fault came from a handler, or from a thread under which a handler is still at work. Then more
/// than the non-secure thread would have to be given up, a call of the service perhaps.
bool in_nonsecure_handler(std::uint32_t exc_return) noexcept {
  constexpr std::uint32_t kThread = 1U << 3U;
  std::uint32_t active = reg(kHandlerControlNs) & 0xfffU;
  for (std::size_t word = 0; word < kInterruptWords; ++word) active |= reg(kInterruptActiveNs + 4 * word);
  return (exc_return & kThread) == 0 || active != 0;
}

[[noreturn]] void reset_because(std::string_view reason) noexcept {
  log(reason);
  log(": reset\n");
  reset_device();
}

}  // namespace

void reset_device() noexcept {
  reg(kApplicationInterrupt) = 0x05fa0004;  // SYSRESETREQ
  while (true) {
  }
}

/// Called by the fault vectors with EXC_RETURN and the stacked frame of whoever faulted. Returns the
/// EXC_RETURN to leave with: to secure thread mode on the main stack, where resume_after_fault() starts.
extern "C" std::uint32_t handle_fault(std::uint32_t exc_return, const Frame* frame) noexcept {
  const bool from_nonsecure = (exc_return & 0x40U) == 0;
  ++faults;
  log(from_nonsecure ? "non-secure fault" : "secure fault");
  log_hex(" ", faults);
  log_hex(" sfsr ", reg(kSecureFaultStatus));
  log_hex(" sfar ", reg(kSecureFaultAddress));
  log_hex(" cfsr ", reg(kConfigurableFaultStatus));
  log_hex(" hfsr ", reg(kHardFaultStatus));
  const bool readable = cmse_check_address_range(const_cast<Frame*>(frame), sizeof *frame,
                                                 CMSE_NONSECURE | CMSE_MPU_READ) != nullptr;
  if (!from_nonsecure || readable) log_hex(" pc ", frame->pc);
  log("\n");
  if (!from_nonsecure) reset_because("the secure side cannot go on");
  if (in_nonsecure_handler(exc_return)) reset_because("the non-secure side was in a handler");
  reg(kSecureFaultStatus) = reg(kSecureFaultStatus);
  reg(kConfigurableFaultStatus) = reg(kConfigurableFaultStatus);
  reg(kHardFaultStatus) = reg(kHardFaultStatus);
  return 0xfffffff9;
}

/// Where the fault vectors leave to.
extern "C" [[noreturn]] void resume_after_fault() noexcept {
  log("non-secure side restarts\n");
  run_nonsecure();
}

}  // namespace pedigree::mps2

// What libraries end a program with: here there is nothing to return to.
extern "C" [[noreturn]] void exit(int) {
  pedigree::mps2::log("the secure side ended: reset\n");
  pedigree::mps2::reset_device();
}
extern "C" [[noreturn]] void abort() {
  exit(1);
}
