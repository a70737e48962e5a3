// SPDX-License-Identifier: Apache-2.0
// The border between the worlds: what the non-secure side may reach, and what happens when it reaches
// further.
#pragma once

#include <cstdint>
#include <string_view>

namespace pedigree::mps2 {

/// Sets the attribution of every address (SAU, memory and peripheral protection) and of faults. To be called
/// before any non-secure instruction runs; everything not opened here stays secure.
void draw_border() noexcept;

/// Whether the non-secure image begins with a stack and an entry of its own memory.
[[nodiscard]] bool has_nonsecure_entry() noexcept;

/// Starts the non-secure image, afresh each time. A fault in non-secure thread mode comes back through here:
/// the secure side goes on, and the non-secure side starts anew. One in a handler restarts the device,
/// because the handler may have interrupted the service, whose work is then given up as a loss of power does.
[[noreturn]] void run_nonsecure() noexcept;

/// Restarts the whole device, as a power cycle does.
[[noreturn]] void reset_device() noexcept;

/// Writes to the secure world's log (UART1). Never secrets.
void log(std::string_view text) noexcept;
void log_hex(std::string_view name, std::uint32_t value) noexcept;

}  // namespace pedigree::mps2
