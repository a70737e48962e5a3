// SPDX-License-Identifier: Apache-2.0
// One life of an emulated device: a QEMU process, from power on to power off.
#pragma once

#include <sys/types.h>

#include <expected>
#include <string>

#include "device/ports/qemu/firmware.h"
#include "device/ports/qemu/state.h"

namespace pedigree::qemu {

/// How a life ended.
struct End {
  bool reset = false;   ///< the firmware asked for it
  bool killed = false;  ///< by a signal that somebody sent: a power cut
  std::string how;      ///< "exit status 1", "signal 9"
};

/// QEMU with the board, its memory in the state's file. It dies with this process, and holds the state's lock
/// until it is gone. Start it from a thread that lives as long as it shall.
class Emulator {
 public:
  /// Powers the device on; `firmware.secure` is a signed image. Errors: a sentence.
  [[nodiscard]] static std::expected<Emulator, std::string> start(const Firmware& firmware,
                                                                  const State& state);
  /// Powers the device off, if it still runs.
  ~Emulator();
  Emulator(Emulator&& other) noexcept;
  Emulator& operator=(Emulator&&) = delete;

  /// Takes the socket that is the other end of UART0; the caller closes it.
  [[nodiscard]] int take_line() noexcept;
  /// Takes a descriptor that becomes readable when the process ends; the caller closes it.
  [[nodiscard]] int take_watch() noexcept;
  [[nodiscard]] pid_t id() const noexcept { return pid_; }
  /// Waits for the end.
  [[nodiscard]] End wait();
  /// Powers off, at any instant of what it does.
  void kill() noexcept;

 private:
  Emulator(pid_t pid, int line, int watch) noexcept : pid_(pid), line_(line), watch_(watch) {}
  pid_t pid_;
  int line_;
  int watch_;
};

}  // namespace pedigree::qemu
