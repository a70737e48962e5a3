// SPDX-License-Identifier: Apache-2.0
// Stands before a right device on UDP and makes it a wrong one: a fault decides what is asked and answered.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "core/smp/smp.h"
#include "testing/support/support.h"
#include "testing/support/udp_pair.h"

namespace pedigree::testing {

/// Asks the right device; nothing where it does not answer.
using Ask = std::function<std::optional<Octets>(Bytes packet)>;
/// What is answered to a packet; nothing: silence. A right device's is `ask(packet)`.
using Fault = std::function<std::optional<Octets>(Bytes packet, const Ask& ask)>;

class FaultyDevice {
 public:
  /// `device` is the right one's 127.0.0.1:PORT.
  FaultyDevice(const std::string& device, Fault fault);
  ~FaultyDevice();
  FaultyDevice(const FaultyDevice&) = delete;
  FaultyDevice& operator=(const FaultyDevice&) = delete;
  [[nodiscard]] const std::string& address() const noexcept { return sockets_.address(); }

 private:
  void run();
  [[nodiscard]] std::optional<Octets> ask(Bytes packet) const;
  Fault fault_;
  UdpPair sockets_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace pedigree::testing
