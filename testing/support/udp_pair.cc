// SPDX-License-Identifier: Apache-2.0
#include "testing/support/udp_pair.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <stdexcept>

#include "testing/support/loopback.h"

namespace pedigree::testing {
namespace {

const sockaddr* generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

}  // namespace

UdpPair::UdpPair(const std::string& device)
    : front_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
      back_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  const auto port = static_cast<std::uint16_t>(std::stoul(device.substr(device.rfind(':') + 1)));
  sockaddr_in own = loopback(0);
  socklen_t size = sizeof own;
  if (::bind(front_, generic(own), size) != 0 ||
      ::getsockname(front_, reinterpret_cast<sockaddr*>(&own), &size) != 0 ||
      ::connect(back_, generic(loopback(port)), size) != 0) {
    throw std::runtime_error("no sockets stand before " + device);
  }
  address_ = "127.0.0.1:" + std::to_string(ntohs(own.sin_port));
}

UdpPair::~UdpPair() {
  ::close(front_);
  ::close(back_);
}

}  // namespace pedigree::testing
