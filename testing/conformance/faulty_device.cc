// SPDX-License-Identifier: Apache-2.0
#include "testing/conformance/faulty_device.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace pedigree::testing {
namespace {

/// What is not answered by then is not answered at all. Shorter than silence is listened to by the suite.
constexpr int kAnswerMilliseconds = 150;

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

bool ready(int socket, int milliseconds) {
  pollfd wait{socket, POLLIN, 0};
  return ::poll(&wait, 1, milliseconds) > 0;
}

}  // namespace

FaultyDevice::FaultyDevice(const std::string& device, Fault fault) : fault_(std::move(fault)) {
  front_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  back_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const auto port = static_cast<std::uint16_t>(std::stoul(device.substr(device.rfind(':') + 1)));
  sockaddr_in own = loopback(0);
  socklen_t size = sizeof own;
  if (::bind(front_, generic(own), size) != 0 ||
      ::getsockname(front_, reinterpret_cast<sockaddr*>(&own), &size) != 0 ||
      ::connect(back_, generic(loopback(port)), size) != 0) {
    throw std::runtime_error("the faulty device has no socket");
  }
  address_ = "127.0.0.1:" + std::to_string(ntohs(own.sin_port));
  thread_ = std::thread([this] { run(); });
}

FaultyDevice::~FaultyDevice() {
  stop_ = true;
  thread_.join();
  ::close(front_);
  ::close(back_);
}

// A request takes as long as it takes; only what deserves no answer waits in vain.
std::optional<Octets> FaultyDevice::ask(Bytes packet) const {
  Octets buffer(65536);
  while (::recv(back_, buffer.data(), buffer.size(), MSG_DONTWAIT) >= 0) continue;
  if (::send(back_, packet.data(), packet.size(), 0) < 0) return std::nullopt;
  const bool request = smp::parse_packet(packet).has_value() && (packet[0] & 1U) == 0;
  if (!ready(back_, request ? 20000 : kAnswerMilliseconds)) return std::nullopt;
  const ssize_t size = ::recv(back_, buffer.data(), buffer.size(), 0);
  if (size < 0) return std::nullopt;
  buffer.resize(static_cast<std::size_t>(size));
  return buffer;
}

void FaultyDevice::run() {
  Octets buffer(65536);
  while (!stop_) {
    if (!ready(front_, 20)) continue;
    sockaddr_in from{};
    socklen_t from_size = sizeof from;
    const ssize_t size =
        ::recvfrom(front_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &from_size);
    if (size < 0) continue;
    const auto answer = fault_(Bytes(buffer).first(static_cast<std::size_t>(size)),
                               [this](Bytes packet) { return ask(packet); });
    if (answer) (void)::sendto(front_, answer->data(), answer->size(), 0, generic(from), from_size);
  }
}

}  // namespace pedigree::testing
