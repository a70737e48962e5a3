// SPDX-License-Identifier: Apache-2.0
// Vectors that the gateway must refuse, and vectors that change under it. Every call asks for the public key
// of a slot that has one: with proper vectors it succeeds.
#include <array>

#include "core/bytes/error.h"
#include "device/ports/mps2/attack/attack.h"
#include "device/ports/mps2/board.h"

extern "C" void timer_interrupt() noexcept;

namespace pedigree::mps2 {
namespace {

constexpr std::uintptr_t kTimerControl = 0xe000e010;
constexpr std::uintptr_t kTimerReload = 0xe000e014;
constexpr std::uintptr_t kTimerValue = 0xe000e018;

constexpr std::int32_t kNoSlot = static_cast<std::int32_t>(ErrorCode::slot_not_found);

constinit std::uint32_t slot = kAttestationSlot;
constinit std::array<std::uint8_t, 4096> buffer{};
constinit psa_invec in[8]{};
constinit psa_outvec out[8]{};

void* at(std::uintptr_t address) noexcept {
  return reinterpret_cast<void*>(address);
}

/// The slot comes last: an interrupt among these lines leaves vectors that are refused.
void proper() noexcept {
  for (psa_invec& vector : in) vector = {&slot, sizeof slot};
  for (psa_outvec& vector : out) vector = {buffer.data(), PEDIGREE_MAX_SPKI};
  __asm volatile("" : : : "memory");
  slot = kAttestationSlot;
}

std::int32_t ask(std::size_t in_len, std::size_t out_len) noexcept {
  return call(PEDIGREE_CALL_PUBLIC_KEY, in, in_len, out, out_len);
}

std::int32_t with_proper(std::uintptr_t /*unused*/) noexcept {
  proper();
  return ask(1, 1);
}
std::int32_t input_at(std::uintptr_t address) noexcept {
  proper();
  in[0].base = at(address);
  return ask(1, 1);
}
std::int32_t output_at(std::uintptr_t address) noexcept {
  proper();
  out[0].base = at(address);
  return ask(1, 1);
}
std::int32_t input_of(std::uintptr_t size) noexcept {
  proper();
  in[0] = {buffer.data(), size};
  return ask(1, 1);
}
std::int32_t input_wraps(std::uintptr_t base) noexcept {
  proper();
  in[0] = {at(base), std::size_t{0} - base + 16};
  return ask(1, 1);
}
std::int32_t output_wraps(std::uintptr_t base) noexcept {
  proper();
  out[0] = {at(base), std::size_t{0} - base + 16};
  return ask(1, 1);
}
std::int32_t output_of(std::uintptr_t size) noexcept {
  proper();
  out[0].len = size;
  return ask(1, 1);
}
std::int32_t so_many(std::uintptr_t counts) noexcept {
  proper();
  return ask(counts >> 8U, counts & 0xffU);
}
std::int32_t input_vectors_at(std::uintptr_t address) noexcept {
  proper();
  return call(PEDIGREE_CALL_PUBLIC_KEY, static_cast<const psa_invec*>(at(address)), 1, out, 1);
}
std::int32_t output_vectors_at(std::uintptr_t address) noexcept {
  proper();
  return call(PEDIGREE_CALL_PUBLIC_KEY, in, 1, static_cast<psa_outvec*>(at(address)), 1);
}
std::int32_t unaligned_vectors(std::uintptr_t offset) noexcept {
  return input_vectors_at(reinterpret_cast<std::uintptr_t>(in) + offset);
}
std::int32_t outputs_overlap(std::uintptr_t distance) noexcept {
  proper();
  out[1].base = buffer.data() + distance;
  return ask(1, 2);
}
std::int32_t output_over_input(std::uintptr_t distance) noexcept {
  proper();
  in[0].base = buffer.data() + distance;
  return ask(1, 1);
}
std::int32_t other_handle(std::uintptr_t handle) noexcept {
  proper();
  return pedigree_gateway_call(static_cast<psa_handle_t>(handle), 0x0101000cU, in, out);
}

struct Storm {
  std::uint32_t inside = 0;      ///< interrupts that hit the secure side
  std::uint32_t busy = 0;        ///< calls from them that were refused as busy
  std::uint32_t unexpected = 0;  ///< answers that no proper caller could get
};
constinit volatile bool turn = false;
constinit volatile bool fault_inside = false;
constinit Storm storm;
constinit std::uint32_t ticks = 500;  ///< of the 20 MHz clock

/// What the interrupted call still holds is changed, and another call is tried.
extern "C" [[gnu::used]] void timer_body(std::uint32_t exc_return) noexcept {
  // Another distance each time, so that the next one hits the call elsewhere.
  ticks = ticks * 5 % 8191 + 500;
  reg(kTimerReload) = ticks;
  const bool inside = (exc_return & 0x40U) != 0;  // EXC_RETURN.S
  if (inside && fault_inside) static_cast<void>(read_word(kSecureRam));
  turn = !turn;
  in[0].base = turn ? at(kSecureRam) : at(kNonVolatile);
  in[0].len = turn ? 4 : 0xfffffff0;
  out[0].base = at(turn ? kSecureRam + 0x100 : kSecureImage);
  out[0].len = 0x7fffffff;
  slot = turn ? kForeignSlot : 0xffffffff;
  std::uint32_t other = kAttestationSlot;
  const psa_invec own_in{&other, sizeof other};
  std::array<std::uint8_t, PEDIGREE_MAX_SPKI> key;
  psa_outvec own_out{key.data(), key.size()};
  const std::int32_t status = call(PEDIGREE_CALL_PUBLIC_KEY, &own_in, 1, &own_out, 1);
  if (inside) ++storm.inside;
  if (status == PSA_ERROR_CONNECTION_BUSY) {
    ++storm.busy;
  } else if (status != 0) {
    ++storm.unexpected;
  }
}

/// Calls again and again while the timer interrupts, until that has hit the service so often.
void make_storm(std::uint32_t hits) noexcept {
  storm = {};
  reg(kTimerReload) = ticks;
  reg(kTimerValue) = 0;
  reg(kTimerControl) = 7;
  for (std::uint32_t calls = 0; storm.busy < hits && calls < 200'000; ++calls) {
    proper();
    const std::int32_t status = ask(1, 1);
    // Vectors that the interrupt changed before they were copied are refused; so is a slot number that it
    // changed before that was copied. After that it changes nothing.
    if (status != 0 && status != PSA_ERROR_PROGRAMMER_ERROR && status != kNoSlot) ++storm.unexpected;
  }
  reg(kTimerControl) = 0;
}

/// Returns `hits`, or how many interrupts hit the service at work if they are fewer, or minus the number of
/// wrong answers.
std::int32_t change_under_call(std::uintptr_t hits) noexcept {
  fault_inside = false;
  make_storm(hits);
  if (storm.unexpected != 0) return -static_cast<std::int32_t>(storm.unexpected);
  return static_cast<std::int32_t>(storm.busy < hits ? storm.busy : hits);
}

/// Faults in an interrupt that hit the service at work.
std::int32_t fault_under_call(std::uintptr_t hits) noexcept {
  fault_inside = true;
  make_storm(hits);
  return -1;
}

constexpr std::uintptr_t kEnd = kNonSecureRamEnd;

constexpr Attempt kAttempts[] = {
    {"proper vectors", with_proper},
    {"input in secure RAM", input_at, kSecureRam},
    {"input in secure RAM, non-secure alias", input_at, kSecureRam - 0x10000000},
    {"input in secure code", input_at, kSecureImage},
    {"input in boot code", input_at, 0x10000000},
    {"input in storage", input_at, kNonVolatile},
    {"input in gateway page", input_at, kGateways},
    {"input reaches over the end of RAM", input_at, kEnd - 2},
    {"input at address 0", input_at, 0},
    {"output in secure RAM", output_at, kSecureRam},
    {"output in secure RAM, non-secure alias", output_at, kSecureRam - 0x10000000},
    {"output in secure code", output_at, kSecureImage},
    {"output in storage", output_at, kNonVolatile},
    {"output in gateway page", output_at, kGateways},
    {"output in secure control block", output_at, 0x50080000},
    {"output reaches over the end of RAM", output_at, kEnd - 2},
    {"input wraps around", input_wraps, kNonSecureRam},
    {"input wraps around from the top", input_wraps, 0xfffffff0},
    {"output wraps around", output_wraps, kNonSecureRam},
    {"input of 4096 octets", input_of, 4096},
    {"input of 2 GiB", input_of, 0x80000000},
    {"output of 2 GiB", output_of, 0x7fffffff},
    {"output of 4 GiB", output_of, 0xffffffff},
    {"five inputs", so_many, 0x0500},
    {"three inputs, two outputs", so_many, 0x0302},
    {"255 inputs, 255 outputs", so_many, 0xffff},
    {"input vectors in secure RAM", input_vectors_at, kSecureRam},
    {"input vectors in storage", input_vectors_at, kNonVolatile},
    {"input vectors over the end of RAM", input_vectors_at, kEnd - 4},
    {"input vectors wrap around", input_vectors_at, 0xfffffffc},
    {"output vectors in secure RAM", output_vectors_at, kSecureRam},
    {"output vectors in gateway page", output_vectors_at, kGateways},
    {"unaligned vectors", unaligned_vectors, 1},
    {"outputs overlap", outputs_overlap, 60},
    {"outputs are the same", outputs_overlap, 0},
    {"output over input", output_over_input, 8},
    {"handle of another service", other_handle, 0x40000102},
    {"handle of none", other_handle, 0},
    {"vectors change under the call", change_under_call, 500},
    {"fault under the call", fault_under_call, 500},
};

}  // namespace

std::span<const Attempt> vector_attempts() noexcept {
  return kAttempts;
}

}  // namespace pedigree::mps2

extern "C" [[gnu::naked]] void timer_interrupt() noexcept {
  __asm volatile("mov r0, lr\n b timer_body\n");
}
