// SPDX-License-Identifier: Apache-2.0
// A board in the emulator, in a folder of its own.
#pragma once

#include <functional>
#include <memory>

#include "station/flow/device.h"
#include "testing/support/process.h"

namespace pedigree::testing {

/// Which images run, of those in build/mps2/bin.
struct Images {
  std::string secure{};  ///< empty: the product's, else a trial image's folder and "/"
  std::string nonsecure = "nonsecure";
};

/// The board's state: its non-volatile memory and the logs of the run at hand.
class Board {
 public:
  /// A new device: erased memory with a factory seed. Throws a sentence that says what to build where an
  /// image is missing.
  Board();
  /// Memory with these octets in front; the rest is what a new device has.
  void write_memory(std::size_t offset, Bytes octets) const;
  [[nodiscard]] std::filesystem::path memory() const { return folder_ / "nv"; }

  /// Powers on with both UARTs in files.
  [[nodiscard]] std::unique_ptr<Process> run(const Images& images,
                                             const std::vector<std::string>& more = {}) const;
  /// Powers on, hands `use` a device on UART0, powers off.
  void with_device(const Images& images, const std::function<void(station::Device&)>& use) const;

  /// What the last run said on UART0 and on the secure world's UART.
  [[nodiscard]] std::string nonsecure_log() const;
  [[nodiscard]] std::string secure_log() const;
  [[nodiscard]] std::filesystem::path trace_log() const { return folder_ / "trace.log"; }

 private:
  [[nodiscard]] std::vector<std::string> command(const Images& images, const std::string& uart) const;
  TempDir folder_;
};

/// Octets of a factory seed as a device is made with (docs/formats.md).
[[nodiscard]] Octets factory_seed(Bytes seed);
inline constexpr std::size_t kFactorySeedOffset = std::size_t{128} * 1024;

}  // namespace pedigree::testing
