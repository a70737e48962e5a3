// SPDX-License-Identifier: Apache-2.0
// The state folder of one emulated device: what survives its power cycles.
#pragma once

#include <expected>
#include <filesystem>
#include <string>

#include "device/ports/mps2/non_volatile.h"

namespace pedigree::qemu {

/// Holds the folder's lock while it lives; so does an emulator that was given the lock's descriptor.
class State {
 public:
  /// Octets of the board's non-volatile memory.
  static constexpr std::uintmax_t kMemorySize = mps2::kNonVolatileSize;

  /// Opens or makes the folder (mode 0700), locks it, and makes the memory of a new device: erased, with a
  /// factory seed of its own (docs/formats.md). A memory that is there is never replaced. Errors: a sentence,
  /// also where another process has the device, or the file has another size.
  [[nodiscard]] static std::expected<State, std::string> open(const std::filesystem::path& folder);
  ~State();
  State(State&& other) noexcept;
  State& operator=(State&&) = delete;

  [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_; }
  /// The non-volatile memory, mode 0600: private keys are in it.
  [[nodiscard]] std::filesystem::path memory() const { return folder_ / "nv"; }
  /// What the secure world says on its UART, since the program started.
  [[nodiscard]] std::filesystem::path secure_log() const { return folder_ / "secure.log"; }
  /// What the emulator says on standard error, since the program started.
  [[nodiscard]] std::filesystem::path emulator_log() const { return folder_ / "qemu.log"; }
  /// The descriptor that holds the lock.
  [[nodiscard]] int lock() const noexcept { return lock_; }

 private:
  State(std::filesystem::path folder, int lock) : folder_(std::move(folder)), lock_(lock) {}
  [[nodiscard]] std::expected<void, std::string> prepare_memory() const;

  std::filesystem::path folder_;
  int lock_;
};

}  // namespace pedigree::qemu
