// SPDX-License-Identifier: Apache-2.0
// Simulated devices of one process, asked from outside: over UDP and pseudo-terminals, side by side, and in
// every lifecycle.
#include "device/ports/sim/host.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <set>
#include <thread>

#include "core/smp/console.h"
#include "device/ports/sim/test_unit.h"
#include "testing/support/support.h"

namespace pedigree::sim {
namespace {

using boost::asio::ip::udp;
using enrol::Command;
using smp::Operation;

constexpr int kPatienceMs = 60'000;

/// One request at a time; an answer that never comes throws.
class Link {
 public:
  virtual ~Link() = default;
  [[nodiscard]] virtual Octets exchange(const Octets& packet) = 0;

  /// The payload of the answer.
  template <typename Message>
  [[nodiscard]] Octets ask(Operation operation, Command command, const Message& message) {
    Octets payload(1000);
    Writer out(payload);
    enrol::encode(message, out);
    return send(operation, command, out.written());
  }
  [[nodiscard]] Octets send(Operation operation, Command command, Bytes payload) {
    Octets packet(smp::kHeaderSize + payload.size());
    Writer out(packet);
    smp::Header header;
    header.operation = operation;
    header.version = smp::Version::v2;
    header.group = smp::kPedigreeGroup;
    header.command = static_cast<std::uint8_t>(command);
    header.sequence = ++sequence_;
    smp::write_packet(header, payload, out);
    const Octets answer = exchange(packet);
    const auto parsed = smp::parse_packet(answer);
    if (!parsed || parsed->header.sequence != sequence_) throw std::runtime_error("not the answer");
    return {parsed->payload.begin(), parsed->payload.end()};
  }
  [[nodiscard]] Octets device_id() {
    const Octets answer = send(Operation::read, Command::info, Octets{0xa0});
    const auto info = enrol::decode<enrol::InfoResponse>(answer);
    if (!info) throw std::runtime_error("no info");
    return {info->device_id.begin(), info->device_id.end()};
  }
  /// The error that a request is answered with; ErrorCode{} for success.
  template <typename Message>
  [[nodiscard]] ErrorCode error_of(Operation operation, Command command, const Message& message) {
    return static_cast<ErrorCode>(smp::read_status(ask(operation, command, message)).value().rc);
  }

 protected:
  static void wait_for_input(int descriptor) {
    pollfd waiting{descriptor, POLLIN, 0};
    if (::poll(&waiting, 1, kPatienceMs) != 1) throw std::runtime_error("no answer");
  }

 private:
  std::uint8_t sequence_ = 0;
};

class UdpLink : public Link {
 public:
  explicit UdpLink(std::uint16_t port)
      : peer_(boost::asio::ip::address_v4::loopback(), port), socket_(io_, udp::v4()) {}
  [[nodiscard]] Octets exchange(const Octets& packet) override {
    socket_.send_to(boost::asio::buffer(packet), peer_);
    wait_for_input(socket_.native_handle());
    Octets answer(2048);
    answer.resize(socket_.receive(boost::asio::buffer(answer)));
    return answer;
  }

 private:
  udp::endpoint peer_;
  boost::asio::io_context io_;
  udp::socket socket_;
};

class TerminalLink : public Link {
 public:
  explicit TerminalLink(const std::string& path)
      : file_(::open(path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    if (file_ < 0) throw std::runtime_error("cannot open " + path);
  }
  ~TerminalLink() override { ::close(file_); }
  TerminalLink(const TerminalLink&) = delete;
  TerminalLink& operator=(const TerminalLink&) = delete;

  [[nodiscard]] Octets exchange(const Octets& packet) override {
    Octets frame(smp::frame_size(packet.size()));
    Writer out(frame);
    smp::write_frame(packet, out);
    if (::write(file_, frame.data(), frame.size()) != static_cast<ssize_t>(frame.size())) {
      throw std::runtime_error("cannot write");
    }
    Octets buffer(4096);
    smp::Deframer deframer(buffer);
    for (;;) {
      wait_for_input(file_);
      std::uint8_t octet = 0;
      if (::read(file_, &octet, 1) != 1) throw std::runtime_error("cannot read");
      const auto received = deframer.feed(octet);
      if (received && !received->empty()) return {received->begin(), received->end()};
    }
  }

 private:
  int file_;
};

/// Serves on a thread of its own until the end.
class Running {
 public:
  explicit Running(Host& host) : host_(host), thread_([&host] { host.run(); }) {}
  ~Running() {
    host_.stop();
    thread_.join();
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  Host& host_;
  std::thread thread_;
};

TEST(Host, ServesSeveralDevicesOnUdpAndOnTerminals) {
  const testing::TempDir folder;
  std::vector<std::unique_ptr<Device>> devices;
  Host host;
  std::vector<std::unique_ptr<Link>> links;
  for (const char* name : {"1", "2", "3"}) {
    devices.push_back(Device::open(folder / name, {}).value());
    links.push_back(std::make_unique<UdpLink>(host.add_udp(*devices.back(), "127.0.0.1", 0).value()));
    links.push_back(std::make_unique<TerminalLink>(host.add_terminal(*devices.back()).value()));
  }
  const Running running(host);
  std::set<Octets> ids;
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < links.size(); ++i) {
      const Octets id = links[i]->device_id();
      EXPECT_TRUE(equal(id, devices[i / 2]->id())) << i;
      ids.insert(id);
    }
  }
  EXPECT_EQ(ids.size(), 3U);
}

TEST(Host, AClientMayLeaveATerminalInTheMiddleOfAFrame) {
  const auto device = open_in_memory();
  Host host;
  const std::string path = host.add_terminal(*device).value();
  const Running running(host);
  const int file = ::open(path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
  ASSERT_GE(file, 0);
  EXPECT_EQ(::write(file, "\x06\x09QUJD", 6), 6);
  ::close(file);
  EXPECT_TRUE(equal(TerminalLink(path).device_id(), device->id()));
}

TEST(Host, NamesWhatItCannotServe) {
  const auto device = open_in_memory();
  Host host;
  const std::uint16_t port = host.add_udp(*device, "127.0.0.1", 0).value();
  const auto taken = host.add_udp(*device, "127.0.0.1", port);
  ASSERT_FALSE(taken.has_value());
  EXPECT_EQ(taken.error(), "127.0.0.1:" + std::to_string(port) + ": Address already in use");
  EXPECT_EQ(host.add_udp(*device, "localhost", 0).error(), "localhost:0: not an IP address");
}

TEST(Host, KeepsToTheLifecycle) {
  const enrol::BeginRequest begin{.slot = 2,
                                  .purpose = enrol::Purpose::tls,
                                  .type = crypto::KeyType::p256,
                                  .origin = enrol::Origin::generate};
  const Octets nonce(enrol::kNonceSize, 1);
  const enrol::CsrRequest csr{.slot = 2, .nonce = nonce};
  const enrol::SlotRequest slot{.slot = 2};
  const auto device = open_in_memory();
  Host host;
  UdpLink link(host.add_udp(*device, "127.0.0.1", 0).value());
  std::optional<Running> running;
  running.emplace(host);
  EXPECT_EQ(link.error_of(Operation::write, Command::begin, begin), ErrorCode{});
  running.reset();

  // Secured: what is begun may be finished, nothing begun, replaced or destroyed.
  device->platform().lifecycle = enrol::Lifecycle::secured;
  Host second_host;
  UdpLink secured(second_host.add_udp(*device, "127.0.0.1", 0).value());
  running.emplace(second_host);
  enrol::BeginRequest another = begin;
  another.slot = 3;
  EXPECT_EQ(secured.error_of(Operation::write, Command::begin, another), ErrorCode::grant_required);
  EXPECT_EQ(secured.error_of(Operation::write, Command::begin, begin), ErrorCode{}) << "its key is there";
  EXPECT_EQ(secured.error_of(Operation::write, Command::destroy, slot), ErrorCode::grant_required);
  EXPECT_EQ(secured.error_of(Operation::read, Command::csr, csr), ErrorCode{});
  EXPECT_EQ(secured.error_of(Operation::read, Command::public_key, slot), ErrorCode{});
  running.reset();

  // Decommissioned: nothing but info.
  device->platform().lifecycle = enrol::Lifecycle::decommissioned;
  Host third_host;
  UdpLink decommissioned(third_host.add_udp(*device, "127.0.0.1", 0).value());
  running.emplace(third_host);
  EXPECT_EQ(decommissioned.error_of(Operation::read, Command::csr, csr), ErrorCode::lifecycle_forbids);
  EXPECT_EQ(decommissioned.error_of(Operation::read, Command::public_key, slot),
            ErrorCode::lifecycle_forbids);
  EXPECT_EQ(decommissioned.error_of(Operation::write, Command::abort, slot), ErrorCode::lifecycle_forbids);
  EXPECT_TRUE(equal(decommissioned.device_id(), device->id()));
  running.reset();
}

}  // namespace
}  // namespace pedigree::sim
