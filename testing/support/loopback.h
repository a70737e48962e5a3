// SPDX-License-Identifier: Apache-2.0
// Where sockets of a test are: on this machine alone.
#pragma once

#include <arpa/inet.h>

#include <cstdint>

namespace pedigree::testing {

/// 127.0.0.1 and this port; 0: any that is free.
[[nodiscard]] inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace pedigree::testing
