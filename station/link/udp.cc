// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "station/link/address.h"
#include "station/link/session.h"

namespace pedigree::station {

namespace asio = boost::asio;
using asio::ip::udp;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

class UdpSession final : public Session {
 public:
  UdpSession(asio::io_context& io, udp::socket socket, std::string address, const LinkOptions& options)
      : Session(io, "udp " + address, options, options.datagram),
        socket_(std::move(socket)),
        address_(std::move(address)) {}

  void listen() {
    asio::co_spawn(io_, reader(std::static_pointer_cast<UdpSession>(shared_from_this())), asio::detached);
  }

 protected:
  void send(const std::vector<std::uint8_t>& packet) override {
    boost::system::error_code error;
    socket_.send(asio::buffer(packet), 0, error);
    if (error == asio::error::connection_refused) refused_ = true;
  }

  void shut() override {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

  Failure unanswered() const override {
    if (refused_) {
      return {Side::device, ErrorCode::connection_failed,
              fmt::format("nothing listens on {}; start the device, or correct the address", address_)};
    }
    const auto seconds = std::chrono::duration<double>(options_.exchange.give_up).count();
    return {Side::device, ErrorCode::timeout,
            fmt::format("no answer from {} in {:.3g} s; check the network and that the device is powered",
                        address_, seconds)};
  }

 private:
  static asio::awaitable<void> reader(std::shared_ptr<UdpSession> self) {
    std::vector<std::uint8_t> buffer(65536);
    for (;;) {
      const auto [error, size] = co_await self->socket_.async_receive(asio::buffer(buffer), kAwait);
      if (!self->socket_.is_open()) co_return;
      // An ICMP "port unreachable" for an earlier datagram; the device may still come up.
      if (error == asio::error::connection_refused) {
        self->refused_ = true;
        continue;
      }
      if (error) co_return;
      self->refused_ = false;
      self->received(Bytes(buffer).first(size));
    }
  }

  udp::socket socket_;
  const std::string address_;
  bool refused_ = false;
};

}  // namespace

std::pair<std::string, std::string> split_address(const std::string& address) {
  const std::string standard = std::to_string(smp::kUdpPort);
  if (address.starts_with('[')) {
    const std::size_t end = address.find(']');
    if (end == std::string::npos) return {};
    const std::string rest = address.substr(end + 1);
    return {address.substr(1, end - 1), rest.starts_with(':') ? rest.substr(1) : standard};
  }
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos) return {address, standard};
  return {address.substr(0, colon), address.substr(colon + 1)};
}

Outcome<std::unique_ptr<Link>> open_udp(Loop& loop, const std::string& address, const LinkOptions& options) {
  const auto [host, port] = split_address(address);
  if (host.empty() || port.empty()) {
    return failed_with(Side::station, ErrorCode::bad_value, fmt::format("'{}' is not HOST:PORT", address));
  }
  asio::io_context& io = loop.impl().io;
  boost::system::error_code error;
  udp::resolver resolver(io);
  const auto found = resolver.resolve(host, port, error);
  if (error || found.empty()) {
    return failed_with(Side::station, ErrorCode::connection_failed,
                       fmt::format("'{}' is not a known address ({})", address, error.message()));
  }
  udp::socket socket(io);
  socket.open(found.begin()->endpoint().protocol(), error);
  if (!error) socket.connect(found.begin()->endpoint(), error);
  if (!error) socket.non_blocking(true, error);
  if (error) {
    return failed_with(Side::station, ErrorCode::connection_failed,
                       fmt::format("{}: {}", address, error.message()));
  }
  auto session = std::make_shared<UdpSession>(io, std::move(socket), address, options);
  session->listen();
  return std::make_unique<SessionLink>(std::move(session));
}

}  // namespace pedigree::station
