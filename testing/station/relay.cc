// SPDX-License-Identifier: Apache-2.0
#include "testing/station/relay.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <stdexcept>

namespace pedigree::testing {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

const sockaddr* generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

}  // namespace

Relay::Relay(const std::string& device, Hook hook) : hook_(std::move(hook)) {
  front_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  back_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const auto port = static_cast<std::uint16_t>(std::stoul(device.substr(device.rfind(':') + 1)));
  sockaddr_in own = loopback(0);
  socklen_t size = sizeof own;
  if (::bind(front_, generic(own), size) != 0 ||
      ::getsockname(front_, reinterpret_cast<sockaddr*>(&own), &size) != 0 ||
      ::connect(back_, generic(loopback(port)), size) != 0) {
    throw std::runtime_error("the relay has no socket");
  }
  address_ = "127.0.0.1:" + std::to_string(ntohs(own.sin_port));
  thread_ = std::thread([this] { run(); });
}

Relay::~Relay() {
  stop_ = true;
  thread_.join();
  ::close(front_);
  ::close(back_);
}

void Relay::run() {
  std::optional<sockaddr_in> station;
  std::array<std::uint8_t, 2048> buffer{};
  while (!stop_) {
    std::array<pollfd, 2> wait{{{front_, POLLIN, 0}, {back_, POLLIN, 0}}};
    if (::poll(wait.data(), wait.size(), 20) <= 0) continue;
    sockaddr_in from{};
    socklen_t from_size = sizeof from;
    if ((wait[0].revents & POLLIN) != 0) {
      const ssize_t got =
          ::recvfrom(front_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &from_size);
      if (got >= 0) station = from;
      // A device that is down answers with ICMP, which the next call reports: as good as a loss.
      if (got >= 0 && hook_(++passed_)) (void)::send(back_, buffer.data(), static_cast<std::size_t>(got), 0);
    }
    if ((wait[1].revents & (POLLIN | POLLERR)) != 0) {
      const ssize_t got = ::recv(back_, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (got >= 0 && station && hook_(++passed_)) {
        (void)::sendto(front_, buffer.data(), static_cast<std::size_t>(got), 0, generic(*station), from_size);
      }
    }
  }
}

}  // namespace pedigree::testing
