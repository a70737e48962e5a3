// SPDX-License-Identifier: Apache-2.0
#include "testing/mps2/uart_bridge.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <stdexcept>

namespace pedigree::testing {
namespace {

constexpr int kLookAtStopMs = 50;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return number_; }

 private:
  int number_;
};

bool send_all(int to, Bytes octets) {
  while (!octets.empty()) {
    const ssize_t sent = ::send(to, octets.data(), octets.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    octets = octets.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

/// False once `from` has no more, or `to` takes no more.
bool pass_on(int from, int to) {
  std::array<std::uint8_t, 4096> buffer{};
  const ssize_t got = ::recv(from, buffer.data(), buffer.size(), 0);
  return got > 0 && send_all(to, Bytes(buffer).first(static_cast<std::size_t>(got)));
}

bool readable(const std::stop_token& stop, int descriptor) {
  pollfd wanted{descriptor, POLLIN, 0};
  while (!stop.stop_requested()) {
    if (::poll(&wanted, 1, kLookAtStopMs) > 0) return true;
  }
  return false;
}

}  // namespace

UartBridge::UartBridge(const TempDir& folder, Octets first, const std::string& port)
    : path_((folder / "uart").string()), listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) throw std::runtime_error("too long for a socket: " + path_);
  std::memcpy(address.sun_path, path_.c_str(), path_.size());
  if (listener_ < 0 || ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener_, 1) != 0) {
    throw std::runtime_error("cannot listen on " + path_);
  }
  thread_ = std::jthread([this, first = std::move(first), number = std::stoi(port)](
                             const std::stop_token& stop) { serve(stop, first, number); });
}

UartBridge::~UartBridge() {
  thread_.request_stop();
  thread_.join();
  ::close(listener_);
}

void UartBridge::serve(const std::stop_token& stop, const Octets& first, int port) const {
  if (!readable(stop, listener_)) return;
  const Descriptor device(::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC));
  const Descriptor server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
  if (!send_all(device.get(), first)) return;
  bool server_open = true;
  while (!stop.stop_requested()) {
    // A server that has closed is not asked again: the device may still read what it was sent before.
    std::array<pollfd, 2> wanted{pollfd{device.get(), POLLIN, 0}, pollfd{server.get(), POLLIN, 0}};
    if (::poll(wanted.data(), server_open ? 2 : 1, kLookAtStopMs) < 0) return;
    if (wanted[0].revents != 0 && !pass_on(device.get(), server.get())) return;
    if (server_open && wanted[1].revents != 0) server_open = pass_on(server.get(), device.get());
  }
}

}  // namespace pedigree::testing
