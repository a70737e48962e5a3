// SPDX-License-Identifier: Apache-2.0
// Stands between a station and a device on UDP, and tells the test of every datagram before it is passed on.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include "testing/support/udp_pair.h"

namespace pedigree::testing {

class Relay {
 public:
  /// Called on the relay's thread with the datagrams' running number, from 1 on, both directions together;
  /// returns whether it is passed on.
  using Hook = std::function<bool(unsigned number)>;

  /// Passes datagrams on to `device`, 127.0.0.1:PORT, and its answers back to whoever asked last.
  Relay(const std::string& device, Hook hook);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// Where a station finds the device now.
  [[nodiscard]] const std::string& address() const noexcept { return sockets_.address(); }
  /// Datagrams so far.
  [[nodiscard]] unsigned passed() const noexcept { return passed_; }

 private:
  void run();
  Hook hook_;
  UdpPair sockets_;
  std::atomic<unsigned> passed_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace pedigree::testing
