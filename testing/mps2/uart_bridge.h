// SPDX-License-Identifier: Apache-2.0
// Between a UART of the emulator and a TCP port: first octets of the test's own to the device, then
// everything both ways.
#pragma once

#include <string>
#include <thread>

#include "testing/support/support.h"

namespace pedigree::testing {

class UartBridge {
 public:
  /// Listens for the emulator in `folder`; once it is there, gives it `first` and connects it to `port` of
  /// 127.0.0.1. Throws where the system does not let it.
  UartBridge(const TempDir& folder, Octets first, const std::string& port);
  ~UartBridge();
  UartBridge(const UartBridge&) = delete;
  UartBridge& operator=(const UartBridge&) = delete;

  /// What the emulator's option -serial takes.
  [[nodiscard]] std::string uart() const { return "unix:" + path_; }

 private:
  void serve(const std::stop_token& stop, const Octets& first, int port) const;
  std::string path_;
  int listener_;
  std::jthread thread_;
};

}  // namespace pedigree::testing
