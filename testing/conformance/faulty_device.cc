// SPDX-License-Identifier: Apache-2.0
#include "testing/conformance/faulty_device.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

namespace pedigree::testing {
namespace {

/// What is not answered by then is not answered at all. Shorter than silence is listened to by the suite.
constexpr int kAnswerMilliseconds = 150;

const sockaddr* generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

bool ready(int socket, int milliseconds) {
  pollfd wait{socket, POLLIN, 0};
  return ::poll(&wait, 1, milliseconds) > 0;
}

}  // namespace

FaultyDevice::FaultyDevice(const std::string& device, Fault fault)
    : fault_(std::move(fault)), sockets_(device), thread_([this] { run(); }) {}

FaultyDevice::~FaultyDevice() {
  stop_ = true;
  thread_.join();
}

// A request takes as long as it takes; only what deserves no answer waits in vain.
std::optional<Octets> FaultyDevice::ask(Bytes packet) const {
  Octets buffer(65536);
  while (::recv(sockets_.back(), buffer.data(), buffer.size(), MSG_DONTWAIT) >= 0) continue;
  if (::send(sockets_.back(), packet.data(), packet.size(), 0) < 0) return std::nullopt;
  const bool request = smp::parse_packet(packet).has_value() && (packet[0] & 1U) == 0;
  if (!ready(sockets_.back(), request ? 20000 : kAnswerMilliseconds)) return std::nullopt;
  const ssize_t size = ::recv(sockets_.back(), buffer.data(), buffer.size(), 0);
  if (size < 0) return std::nullopt;
  buffer.resize(static_cast<std::size_t>(size));
  return buffer;
}

void FaultyDevice::run() {
  Octets buffer(65536);
  while (!stop_) {
    if (!ready(sockets_.front(), 20)) continue;
    sockaddr_in from{};
    socklen_t from_size = sizeof from;
    const ssize_t size = ::recvfrom(sockets_.front(), buffer.data(), buffer.size(), 0,
                                    reinterpret_cast<sockaddr*>(&from), &from_size);
    if (size < 0) continue;
    const auto answer = fault_(Bytes(buffer).first(static_cast<std::size_t>(size)),
                               [this](Bytes packet) { return ask(packet); });
    if (answer) (void)::sendto(sockets_.front(), answer->data(), answer->size(), 0, generic(from), from_size);
  }
}

}  // namespace pedigree::testing
