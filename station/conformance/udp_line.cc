// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "station/conformance/line.h"
#include "station/link/address.h"

namespace pedigree::station::conformance {
namespace {

/// A datagram within an Ethernet frame: 1500 octets less the headers of IP and UDP.
constexpr std::size_t kDatagram = 1472;

class UdpLine final : public Line {
 public:
  UdpLine(int socket, std::string address) : socket_(socket), address_(std::move(address)) {}
  ~UdpLine() override { ::close(socket_); }
  UdpLine(const UdpLine&) = delete;
  UdpLine& operator=(const UdpLine&) = delete;

  Outcome<void> send(Bytes packet) override {
    // A refusal is that of an earlier datagram; a device that restarts does not listen for a while.
    if (::send(socket_, packet.data(), packet.size(), MSG_NOSIGNAL) >= 0 || errno == ECONNREFUSED) return {};
    if (errno == EMSGSIZE) return failed(Side::station, ErrorCode::frame_too_large);
    return failed_with(Side::station, ErrorCode::connection_failed,
                       fmt::format("{}: {}", address_, std::strerror(errno)));
  }
  Outcome<void> send_octets(Bytes octets) override { return send(octets); }

  std::optional<Octets> receive(Clock::time_point deadline) override {
    for (;;) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
      pollfd ready{socket_, POLLIN, 0};
      if (::poll(&ready, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0))) <= 0) {
        return std::nullopt;
      }
      Octets buffer(65536);
      const ssize_t size = ::recv(socket_, buffer.data(), buffer.size(), 0);
      if (size < 0) continue;
      buffer.resize(static_cast<std::size_t>(size));
      return buffer;
    }
  }
  std::size_t largest() const override { return kDatagram; }
  bool serial() const override { return false; }
  std::string peer() const override { return "udp " + address_; }

 private:
  const int socket_;
  const std::string address_;
};

}  // namespace

Outcome<std::unique_ptr<Line>> open_udp_line(const std::string& address) {
  const auto [host, port] = split_address(address);
  if (host.empty() || port.empty()) {
    return failed_with(Side::station, ErrorCode::bad_value, fmt::format("'{}' is not HOST:PORT", address));
  }
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), port.c_str(), &wanted, &found); error != 0) {
    return failed_with(Side::station, ErrorCode::connection_failed,
                       fmt::format("'{}' is not a known address ({})", address, ::gai_strerror(error)));
  }
  const int socket = ::socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const bool connected = socket >= 0 && ::connect(socket, found->ai_addr, found->ai_addrlen) == 0;
  const std::string reason = std::strerror(errno);
  ::freeaddrinfo(found);
  if (!connected) {
    if (socket >= 0) ::close(socket);
    return failed_with(Side::station, ErrorCode::connection_failed, fmt::format("{}: {}", address, reason));
  }
  return std::make_unique<UdpLine>(socket, address);
}

}  // namespace pedigree::station::conformance
