// SPDX-License-Identifier: Apache-2.0
// One emulated device on its pseudo-terminal, through all its lives.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "device/ports/common/pseudo_terminal.h"
#include "device/ports/qemu/host.h"

namespace pedigree::qemu {

/// Lives on one thread, that of `io`, and longer than any of its handlers runs.
class Unit {
 public:
  /// What a unit tells its host.
  struct Events {
    std::function<void(const std::string&)> notice;  ///< a power cycle that nobody asked for
    std::function<void(Unit&)> ready;                ///< it has said who it is
    std::function<void(const std::string&)> failed;  ///< it does not start; it stays off
  };
  Unit(boost::asio::io_context& io, Firmware firmware, State state, ports::PseudoTerminal terminal,
       Events events);

  /// Powers on for the first time, and asks who it is.
  void start();
  /// Once ready.
  [[nodiscard]] Running running() const;
  /// Whether boot stage or secure world have said that nothing, or no non-secure image, is started.
  [[nodiscard]] bool starts_nothing() const;
  /// The path of its folder, and the last that emulator and secure world said, for an error.
  [[nodiscard]] std::string last_words() const;

 private:
  /// From power on to power off. Handlers hold it, so its buffers outlive it.
  struct Life;
  using Shared = std::shared_ptr<Life>;

  void power_on();
  void read_line(const Shared& life);
  void await_end(const Shared& life);
  void ended(const Shared& life);
  void heard(const Shared& life, Bytes octets);
  void identified();
  void read_terminal();
  void write_line(std::size_t size);
  void write_terminal(Bytes octets);
  void flush_terminal();

  boost::asio::io_context& io_;
  Firmware firmware_;
  State state_;
  std::string path_;
  boost::asio::posix::stream_descriptor terminal_;
  boost::asio::posix::stream_descriptor other_side_;
  Events events_;
  Shared life_;
  unsigned silent_lives_ = 0;  ///< one after another without a word
  bool known_ = false;
  Probe probe_;
  std::chrono::steady_clock::time_point power_on_time_;
  std::chrono::microseconds boot_time_{};
  bool reading_terminal_ = false;
  std::array<std::uint8_t, 4096> input_{};
  std::vector<std::uint8_t> pending_;
  std::vector<std::uint8_t> sending_;
};

}  // namespace pedigree::qemu
