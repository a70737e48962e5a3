// SPDX-License-Identifier: Apache-2.0
// Connects simulated devices to the world: each to a UDP port, a pseudo-terminal with console framing, or
// both. One thread serves them all, because Mbed TLS 2.28's PSA allows no more.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "device/ports/sim/device.h"
#include "device/ports/sim/impairment.h"

namespace pedigree::sim {

/// Serves simulated devices on UDP and on pseudo-terminals.
class Host {
 public:
  explicit Host(const ImpairmentOptions& impairment = {});
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  /// Serves `device` (borrowed) on a UDP port; 0 takes a free one. Returns the port. Errors: a sentence.
  [[nodiscard]] std::expected<std::uint16_t, std::string> add_udp(Device& device, const std::string& address,
                                                                  std::uint16_t port);
  /// Serves `device` (borrowed) on a new pseudo-terminal. Returns the path of the side to open. Errors: a
  /// sentence.
  [[nodiscard]] std::expected<std::string, std::string> add_terminal(Device& device);

  /// Serves until stop(), SIGINT or SIGTERM.
  void run();
  /// May be called from another thread or before run().
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pedigree::sim
