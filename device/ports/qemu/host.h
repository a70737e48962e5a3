// SPDX-License-Identifier: Apache-2.0
// Runs emulated devices: each a QEMU with the reference firmware, its state in a folder, its UART a
// pseudo-terminal of this process. A client of the terminal may come and go, and so may the device: a reset
// or the emulator's sudden end is a power cycle, after which the same terminal goes on.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "device/ports/qemu/emulator.h"
#include "device/ports/qemu/probe.h"

namespace pedigree::qemu {

/// A device that runs.
struct Running {
  std::filesystem::path state;
  std::filesystem::path secure_log;
  std::string terminal;                 ///< path of the pseudo-terminal
  Identity identity;                    ///< as it said after power on
  std::chrono::microseconds boot_time;  ///< from power on to that answer
};

/// Makes a device ready to be powered on, its folder locked: what a factory does (device/factory). Returns
/// the signed secure image that it boots. Errors: a sentence.
using Prepare = std::function<std::expected<std::filesystem::path, std::string>(const State&)>;

class Host {
 public:
  /// `notice` gets a sentence for each power cycle that nobody asked for.
  Host(Firmware firmware, Prepare prepare, std::function<void(const std::string&)> notice);
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  /// Adds the device of a state folder, making it where there is none. Errors: a sentence.
  [[nodiscard]] std::expected<void, std::string> add(const std::filesystem::path& state);
  /// Powers all of them on and waits until each has said who it is. Errors: a sentence, with what emulator or
  /// secure world said; all are powered off again when the host is gone.
  [[nodiscard]] std::expected<std::vector<Running>, std::string> start();
  /// Serves until stop(), SIGINT or SIGTERM. The devices go on until the host is gone.
  void run();
  /// May be called from another thread.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pedigree::qemu
