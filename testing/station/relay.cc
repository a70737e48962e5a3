// SPDX-License-Identifier: Apache-2.0
#include "testing/station/relay.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <optional>

namespace pedigree::testing {
namespace {

const sockaddr* generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

}  // namespace

Relay::Relay(const std::string& device, Hook hook)
    : hook_(std::move(hook)), sockets_(device), thread_([this] { run(); }) {}

Relay::~Relay() {
  stop_ = true;
  thread_.join();
}

void Relay::run() {
  std::optional<sockaddr_in> station;
  std::array<std::uint8_t, 2048> buffer{};
  while (!stop_) {
    std::array<pollfd, 2> wait{{{sockets_.front(), POLLIN, 0}, {sockets_.back(), POLLIN, 0}}};
    if (::poll(wait.data(), wait.size(), 20) <= 0) continue;
    sockaddr_in from{};
    socklen_t from_size = sizeof from;
    if ((wait[0].revents & POLLIN) != 0) {
      const ssize_t got = ::recvfrom(sockets_.front(), buffer.data(), buffer.size(), 0,
                                     reinterpret_cast<sockaddr*>(&from), &from_size);
      if (got >= 0) station = from;
      // A device that is down answers with ICMP, which the next call reports: as good as a loss.
      if (got >= 0 && hook_(++passed_))
        (void)::send(sockets_.back(), buffer.data(), static_cast<std::size_t>(got), 0);
    }
    if ((wait[1].revents & (POLLIN | POLLERR)) != 0) {
      const ssize_t got = ::recv(sockets_.back(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (got >= 0 && station && hook_(++passed_)) {
        (void)::sendto(sockets_.front(), buffer.data(), static_cast<std::size_t>(got), 0, generic(*station),
                       from_size);
      }
    }
  }
}

}  // namespace pedigree::testing
