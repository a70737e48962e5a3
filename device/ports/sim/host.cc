// SPDX-License-Identifier: Apache-2.0
#include "device/ports/sim/host.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <csignal>

#include "core/smp/console.h"
#include "device/ports/common/pseudo_terminal.h"

namespace asio = boost::asio;
using boost::system::error_code;

namespace pedigree::sim {
namespace {

using asio::ip::udp;

/// A device on a UDP port. The impairment applies to both directions.
class UdpPort {
 public:
  UdpPort(asio::io_context& io, Device& device, udp::socket socket, Impairment* impairment)
      : io_(io), device_(device), socket_(std::move(socket)), impairment_(impairment) {
    receive();
  }

 private:
  void receive() {
    socket_.async_wait(udp::socket::wait_read, [this](const error_code& error) {
      if (error) return;
      drain();
      receive();
    });
  }

  void drain() {
    error_code error;
    while (true) {
      udp::endpoint peer;
      const std::size_t size = socket_.receive_from(asio::buffer(buffer_), peer, 0, error);
      if (error == asio::error::would_block) return;
      // Other errors are a peer's that went away (ICMP), and concern no later datagram.
      if (error) continue;
      const Bytes packet = Bytes(buffer_).first(size);
      if (impairment_ == nullptr) {
        serve(packet, peer);
        continue;
      }
      std::vector<std::uint8_t> copy(packet.begin(), packet.end());
      if (!impairment_->damage(copy)) later([this, peer, copy] { serve(copy, peer); });
    }
  }

  void serve(Bytes packet, const udp::endpoint& peer) {
    const Bytes response = device_.handle(packet);
    if (!response.empty()) {
      if (impairment_ == nullptr) {
        send(response, peer);
      } else {
        std::vector<std::uint8_t> copy(response.begin(), response.end());
        if (!impairment_->damage(copy)) later([this, peer, copy] { send(copy, peer); });
      }
    }
    device_.reset_if_asked();
  }

  void send(Bytes response, const udp::endpoint& peer) {
    error_code ignored;  // a datagram that cannot be sent is a lost one: the client asks again
    socket_.send_to(asio::buffer(response.data(), response.size()), peer, 0, ignored);
  }

  template <typename Action>
  void later(const Action& action) {
    for (const auto delay : impairment_->next()) {
      auto timer = std::make_shared<asio::steady_timer>(io_, delay);
      timer->async_wait([timer, action](const error_code& error) {
        if (!error) action();
      });
    }
  }

  asio::io_context& io_;
  Device& device_;
  udp::socket socket_;
  Impairment* impairment_;
  std::array<std::uint8_t, 2048> buffer_{};
};

/// A device on a pseudo-terminal. The other side stays open here too, so that a client may come and go. Of
/// the impairment a wire knows damage alone.
class Terminal {
 public:
  Terminal(asio::io_context& io, Device& device, int master, int other_side, Impairment* impairment)
      : device_(device), master_(io, master), other_side_(io, other_side), impairment_(impairment) {
    receive();
  }

 private:
  void receive() {
    master_.async_read_some(asio::buffer(input_), [this](const error_code& error, std::size_t size) {
      if (error) return;
      if (impairment_ != nullptr) impairment_->damage(MutableBytes(input_).first(size));
      for (std::size_t i = 0; i < size; ++i) feed(input_[i]);
      receive();
    });
  }

  void feed(std::uint8_t octet) {
    const Result<Bytes> packet = deframer_.feed(octet);
    if (!packet || packet->empty()) return;  // a damaged frame is a lost one
    const Bytes response = device_.handle(*packet);
    if (!response.empty()) write(response);
    device_.reset_if_asked();
  }

  void write(Bytes response) {
    const bool idle = pending_.empty();
    const std::size_t start = pending_.size();
    pending_.resize(start + smp::frame_size(response.size()));
    Writer out(MutableBytes(pending_).subspan(start));
    smp::write_frame(response, out);
    if (impairment_ != nullptr) impairment_->damage(MutableBytes(pending_).subspan(start));
    if (idle) flush();
  }

  void flush() {
    sending_ = pending_;
    asio::async_write(master_, asio::buffer(sending_), [this](const error_code& error, std::size_t size) {
      if (error) return;
      pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(size));
      if (!pending_.empty()) flush();
    });
  }

  Device& device_;
  asio::posix::stream_descriptor master_;
  asio::posix::stream_descriptor other_side_;
  Impairment* impairment_;
  std::array<std::uint8_t, 1024> input_{};
  std::array<std::uint8_t, 4096> frame_{};
  smp::Deframer deframer_{frame_};
  std::vector<std::uint8_t> pending_;
  std::vector<std::uint8_t> sending_;
};

std::unexpected<std::string> failure(const std::string& what, const std::string& why) {
  return std::unexpected(what + ": " + why);
}

}  // namespace

struct Host::Impl {
  explicit Impl(const ImpairmentOptions& options) : impairment(options), impaired(!options.none()) {}
  [[nodiscard]] Impairment* in_force() noexcept { return impaired ? &impairment : nullptr; }
  asio::io_context io{1};
  asio::signal_set signals{io, SIGINT, SIGTERM};
  Impairment impairment;
  bool impaired;
  std::vector<std::unique_ptr<UdpPort>> ports;
  std::vector<std::unique_ptr<Terminal>> terminals;
};

Host::Host(const ImpairmentOptions& impairment) : impl_(std::make_unique<Impl>(impairment)) {}
Host::~Host() = default;

std::expected<std::uint16_t, std::string> Host::add_udp(Device& device, const std::string& address,
                                                        std::uint16_t port) {
  const std::string what = address + ":" + std::to_string(port);
  error_code error;
  const auto ip = asio::ip::make_address(address, error);
  if (error) return failure(what, "not an IP address");
  udp::socket socket(impl_->io);
  const udp::endpoint endpoint(ip, port);
  if (socket.open(endpoint.protocol(), error)) return failure(what, error.message());
  if (socket.bind(endpoint, error)) return failure(what, error.message());
  if (socket.non_blocking(true, error)) return failure(what, error.message());
  const std::uint16_t bound = socket.local_endpoint().port();
  impl_->ports.push_back(std::make_unique<UdpPort>(impl_->io, device, std::move(socket), impl_->in_force()));
  return bound;
}

std::expected<std::string, std::string> Host::add_terminal(Device& device) {
  const auto line = ports::open_pseudo_terminal();
  if (!line) return std::unexpected(line.error());
  impl_->terminals.push_back(
      std::make_unique<Terminal>(impl_->io, device, line->master, line->other_side, impl_->in_force()));
  return line->path;
}

void Host::run() {
  impl_->signals.async_wait([this](const error_code& error, int) {
    if (!error) impl_->io.stop();
  });
  impl_->io.run();
}

void Host::stop() {
  impl_->io.stop();
}

}  // namespace pedigree::sim
