// SPDX-License-Identifier: Apache-2.0
// Goes through the attempts, one after the other, over any number of restarts; reports on UART0.
#include <array>

#include "core/bytes/bytes.h"
#include "device/ports/mps2/attack/attack.h"
#include "device/ports/mps2/board.h"

namespace pedigree::mps2 {
namespace {

constexpr Uart uart(kNonSecureUart);

/// Behind all that the linker gives away, so that nothing clears it: neither our start-up nor, after a reset,
/// the emulator's loader.
struct Kept {
  std::uint32_t magic;
  std::uint32_t attempt;
  bool running;
  pedigree_info_t info;
  std::array<std::uint8_t, PEDIGREE_MAX_SPKI> attestation_key;
};
constexpr std::uint32_t kMagic = 0x41545441;

Kept& kept() noexcept {
  return *reinterpret_cast<Kept*>(kNonSecureRamEnd - 4096);
}

void say(std::string_view text) noexcept {
  for (const char letter : text) uart.put(static_cast<std::uint8_t>(letter));
}

void say_number(std::int32_t value) noexcept {
  std::array<char, 12> digits{};
  auto rest = value < 0 ? 0U - static_cast<std::uint32_t>(value) : static_cast<std::uint32_t>(value);
  std::size_t first = digits.size();
  do {
    digits[--first] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest > 0);
  if (value < 0) digits[--first] = '-';
  say({digits.data() + first, digits.size() - first});
}

const Attempt* attempt(std::uint32_t number) noexcept {
  for (const auto list : {memory_attempts(), vector_attempts(), service_attempts()}) {
    if (number < list.size()) return &list[number];
    number -= static_cast<std::uint32_t>(list.size());
  }
  return nullptr;
}

std::int32_t ask_public_key(std::array<std::uint8_t, PEDIGREE_MAX_SPKI>& out) noexcept {
  std::size_t size = 0;
  return pedigree_public_key(PEDIGREE_SERVICE_HANDLE, kAttestationSlot, out.data(), &size);
}

void begin() noexcept {
  kept() = {};
  const std::int32_t info = pedigree_info(PEDIGREE_SERVICE_HANDLE, &kept().info);
  const std::int32_t key = ask_public_key(kept().attestation_key);
  say("begin ");
  say_number(info);
  say(" ");
  say_number(key);
  say("\n");
  kept().magic = kMagic;
}

/// The service answers as it did before the first attempt.
void end() noexcept {
  pedigree_info_t info{};
  std::array<std::uint8_t, PEDIGREE_MAX_SPKI> key{};
  const bool same = pedigree_info(PEDIGREE_SERVICE_HANDLE, &info) == 0 && ask_public_key(key) == 0 &&
                    equal(info.device_id, kept().info.device_id) && equal(key, kept().attestation_key);
  say(same ? "end: the service works\n" : "end: the service does not work\n");
}

}  // namespace
}  // namespace pedigree::mps2

using namespace pedigree::mps2;

extern "C" [[noreturn]] void nonsecure_main() noexcept {
  uart.start(false);
  if (kept().magic != kMagic) begin();
  if (kept().running) {
    say("stopped: ");
    say(attempt(kept().attempt++)->name);
    say("\n");
    kept().running = false;
  }
  for (; attempt(kept().attempt) != nullptr; ++kept().attempt) {
    const Attempt& next = *attempt(kept().attempt);
    kept().running = true;
    const std::int32_t result = next.run(next.argument);
    kept().running = false;
    say("returned ");
    say_number(result);
    say(": ");
    say(next.name);
    say("\n");
  }
  end();
  while (true) __asm volatile("wfi");
}

namespace {
constinit std::int32_t (*handler_act)(std::uintptr_t) noexcept = nullptr;
constinit std::uintptr_t handler_argument = 0;
constinit std::int32_t handler_result = 0;
}  // namespace

std::int32_t pedigree::mps2::in_handler(std::int32_t (*act)(std::uintptr_t) noexcept,
                                        std::uintptr_t argument) noexcept {
  handler_act = act;
  handler_argument = argument;
  __asm volatile("svc 0" : : : "memory");
  return handler_result;
}

extern "C" void supervisor_call() noexcept {
  if (handler_act != nullptr) handler_result = handler_act(handler_argument);
}
