// SPDX-License-Identifier: Apache-2.0
// The two sockets of whatever stands between a device on UDP and who asks it.
#pragma once

#include <string>

namespace pedigree::testing {

class UdpPair {
 public:
  /// `device` is 127.0.0.1:PORT. Throws std::runtime_error where there are no sockets.
  explicit UdpPair(const std::string& device);
  ~UdpPair();
  UdpPair(const UdpPair&) = delete;
  UdpPair& operator=(const UdpPair&) = delete;

  /// Where the device is found now: the front socket's 127.0.0.1:PORT.
  [[nodiscard]] const std::string& address() const noexcept { return address_; }
  [[nodiscard]] int front() const noexcept { return front_; }
  [[nodiscard]] int back() const noexcept { return back_; }  ///< connected to the device

 private:
  int front_;
  int back_;
  std::string address_;
};

}  // namespace pedigree::testing
