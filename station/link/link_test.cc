// SPDX-License-Identifier: Apache-2.0
// Links over real sockets and pseudo-terminals, against a small SMP server that loses what it is told to.
#include "station/link/link.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "core/smp/console.h"

namespace pedigree::station {
namespace {

using namespace std::chrono_literals;

/// Answers echo with its own payload as {"r": ...}, parameters with 300 octets and 4 buffers, other groups
/// with an error.
std::vector<std::uint8_t> serve(Bytes packet) {
  const auto request = *smp::parse_packet(packet);
  auto header = request.header;
  header.operation = static_cast<smp::Operation>(static_cast<unsigned>(header.operation) + 1);
  std::vector<std::uint8_t> payload(512);
  Writer body(payload);
  cbor::Encoder encoder(body);
  if (header.group != smp::kOsGroup) {
    smp::write_error(header.version, ErrorCode::slots_full, body);
  } else if (header.command == static_cast<std::uint8_t>(smp::OsCommand::echo)) {
    Reader in(request.payload);
    (void)cbor::read_map(in);
    (void)cbor::read_tstr(in);
    encoder.map(1);
    encoder.tstr("r");
    encoder.tstr(*cbor::read_tstr(in));
  } else {
    encoder.map(2);
    encoder.tstr("buf_size");
    encoder.uint(300);
    encoder.tstr("buf_count");
    encoder.uint(4);
  }
  std::vector<std::uint8_t> answer(smp::kHeaderSize + body.size());
  Writer out(answer);
  smp::write_packet(header, body.written(), out);
  return answer;
}

/// Runs `turn` until the test ends; `turn` must come back within a moment.
class Peer {
 public:
  template <typename Turn>
  explicit Peer(Turn turn)
      : thread_([this, turn] {
          while (!stop_) turn();
        }) {}
  ~Peer() {
    stop_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

bool readable(int file) {
  pollfd wait{file, POLLIN, 0};
  return ::poll(&wait, 1, 20) > 0 && (wait.revents & POLLIN) != 0;
}

class UdpServer {
 public:
  /// Drops every `lose`th datagram, if not 0, and sends every answer `copies` times.
  explicit UdpServer(unsigned lose = 0, unsigned copies = 1) : lose_(lose), copies_(copies) {
    socket_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    address_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    peer_ = std::make_unique<Peer>([this] { turn(); });
  }
  ~UdpServer() {
    peer_.reset();
    ::close(socket_);
  }
  [[nodiscard]] const std::string& address() const { return address_; }

 private:
  void turn() {
    if (!readable(socket_)) return;
    std::uint8_t buffer[2048];
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t got =
        ::recvfrom(socket_, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (got <= 0 || (lose_ != 0 && ++count_ % lose_ == 0)) return;
    const auto answer = serve({buffer, static_cast<std::size_t>(got)});
    for (unsigned i = 0; i < copies_; ++i) {
      ::sendto(socket_, answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
    }
  }

  int socket_ = -1;
  unsigned lose_, copies_, count_ = 0;
  std::string address_;
  std::unique_ptr<Peer> peer_;
};

/// A serial device behind a symbolic link, so that it can be pulled and plugged in again.
class PtyServer {
 public:
  explicit PtyServer(std::string link) : link_(std::move(link)) { plug(); }
  ~PtyServer() { pull(); }

  void plug() {
    int device = -1;
    char name[128];
    ASSERT_EQ(::openpty(&line_, &device, name, nullptr, nullptr), 0);
    termios raw{};
    ::tcgetattr(device, &raw);
    ::cfmakeraw(&raw);
    ::tcsetattr(device, TCSANOW, &raw);
    ::close(device);
    std::filesystem::remove(link_);
    std::filesystem::create_symlink(name, link_);
    peer_ = std::make_unique<Peer>([this] { turn(); });
  }
  void pull() {
    std::filesystem::remove(link_);
    peer_.reset();
    ::close(line_);
  }

 private:
  void turn() {
    if (!readable(line_)) {
      std::this_thread::yield();
      return;
    }
    std::uint8_t octets[512];
    const ssize_t got = ::read(line_, octets, sizeof octets);
    for (ssize_t i = 0; i < got; ++i) {
      const auto packet = deframer_.feed(octets[i]);
      if (!packet || packet->empty()) continue;
      const auto answer = serve(*packet);
      std::vector<std::uint8_t> frame(smp::frame_size(answer.size()));
      Writer out(frame);
      smp::write_frame(answer, out);
      const std::string_view log = "[00:00:01] boot: some log line\n";
      EXPECT_GT(::write(line_, log.data(), log.size()), 0);
      EXPECT_EQ(::write(line_, frame.data(), frame.size()), static_cast<ssize_t>(frame.size()));
    }
  }

  const std::string link_;
  int line_ = -1;
  std::array<std::uint8_t, 1024> buffer_{};
  smp::Deframer deframer_{buffer_};
  std::unique_ptr<Peer> peer_;
};

Request echo_request(const std::string& text) {
  std::vector<std::uint8_t> payload(4 + text.size() + 4);
  Writer out(payload);
  cbor::Encoder encoder(out);
  encoder.map(1);
  encoder.tstr("d");
  encoder.tstr(text);
  payload.resize(out.size());
  return {.operation = smp::Operation::write, .group = 0, .command = 0, .payload = payload, .slow = false};
}

void expect_echoes(Link& link, int count) {
  std::vector<Request> requests;
  for (int i = 0; i < count; ++i) requests.push_back(echo_request("number " + std::to_string(i)));
  auto answers = link.exchange(requests);
  for (int i = 0; i < count; ++i) {
    const auto payload = payload_of(std::move(answers[static_cast<std::size_t>(i)]));
    ASSERT_TRUE(payload) << payload.error().message;
    EXPECT_TRUE(as_text(*payload).ends_with("number " + std::to_string(i)));
  }
}

TEST(UdpLink, NegotiatesAndEchoes) {
  UdpServer server;
  Loop loop;
  auto link = open_udp(loop, server.address(), {});
  ASSERT_TRUE(link);
  const auto limits = negotiate(**link);
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->packet, 300U);
  EXPECT_EQ(limits->in_flight, 4U);
  EXPECT_TRUE(limits->negotiated);
  EXPECT_TRUE(echo(**link, "hello"));
  expect_echoes(**link, 300);
  EXPECT_EQ(echo(**link, std::string(400, 'x')).error().code, ErrorCode::frame_too_large);
}

TEST(UdpLink, TheDatagramLimitHoldsWhateverTheDeviceBuffers) {
  UdpServer server;
  Loop loop;
  auto link = open_udp(loop, server.address(), {.datagram = 200});
  ASSERT_TRUE(link && negotiate(**link));
  EXPECT_EQ((*link)->limits().packet, 200U);
}

TEST(UdpLink, LossAndRepetitionAreMadeGood) {
  UdpServer server(3, 2);
  Loop loop;
  auto link =
      open_udp(loop, server.address(),
               {.exchange = {.initial_timeout = 20ms, .minimum_timeout = 5ms, .maximum_timeout = 50ms}});
  ASSERT_TRUE(link && negotiate(**link));
  expect_echoes(**link, 100);
  EXPECT_GT((*link)->counters().retransmitted, 0U);
  EXPECT_GT((*link)->counters().ignored, 0U);
}

TEST(UdpLink, ErrorsOfTheDeviceHaveTheirSentence) {
  UdpServer server;
  Loop loop;
  auto link = open_udp(loop, server.address(), {});
  ASSERT_TRUE(link);
  const auto refused = call(**link, {.group = 80, .command = 2, .payload = {0xa0}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().side, Side::device);
  EXPECT_EQ(refused.error().code, ErrorCode::slots_full);
  EXPECT_EQ(refused.error().message, sentence(ErrorCode::slots_full));
}

TEST(UdpLink, NobodyThere) {
  std::string address;
  {
    address = UdpServer().address();
  }
  Loop loop;
  auto link = open_udp(loop, address, {.exchange = {.initial_timeout = 10ms, .give_up = 60ms}});
  ASSERT_TRUE(link);
  const auto failure = echo(**link, "hello");
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().code, ErrorCode::connection_failed);
  EXPECT_NE(failure.error().message.find("nothing listens"), std::string::npos);
  EXPECT_FALSE(open_udp(loop, ":", {}));
  EXPECT_FALSE(open_udp(loop, "[::1", {}));
}

TEST(UdpLink, ManyLinksFromManyThreads) {
  UdpServer server;
  Loop loop;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&] {
      auto link = open_udp(loop, server.address(), {});
      ASSERT_TRUE(link && negotiate(**link));
      expect_echoes(**link, 20);
    });
  }
}

class SerialLink : public testing::Test {
 protected:
  SerialLink() { EXPECT_NE(::mkdtemp(folder_.data()), nullptr); }
  ~SerialLink() override { std::filesystem::remove_all(folder_); }
  std::string folder_ = std::filesystem::temp_directory_path() / "serial-XXXXXX";
};

TEST_F(SerialLink, NegotiatesAndEchoesBetweenLogLines) {
  PtyServer server(folder_ + "/tty");
  Loop loop;
  auto link = open_serial(loop, folder_ + "/tty", {});
  ASSERT_TRUE(link) << link.error().message;
  const auto limits = negotiate(**link);
  ASSERT_TRUE(limits) << limits.error().message;
  EXPECT_EQ(limits->packet, 300U);
  expect_echoes(**link, 50);
}

TEST_F(SerialLink, APulledCableIsWaitedFor) {
  PtyServer server(folder_ + "/tty");
  Loop loop;
  std::atomic<int> notices = 0;
  auto link = open_serial(loop, folder_ + "/tty", {.notice = [&](const std::string&) { ++notices; }});
  ASSERT_TRUE(link && echo(**link, "before"));
  server.pull();
  Outcome<void> during;
  std::thread caller([&] { during = echo(**link, "during"); });
  while (notices == 0) std::this_thread::yield();
  server.plug();
  caller.join();
  EXPECT_TRUE(during) << during.error().message;
  EXPECT_EQ(notices, 2);
}

TEST_F(SerialLink, ACableThatStaysAwayIsAnError) {
  PtyServer server(folder_ + "/tty");
  Loop loop;
  auto link = open_serial(loop, folder_ + "/tty", {.reconnect = 100ms});
  ASSERT_TRUE(link && echo(**link, "before"));
  server.pull();
  const auto gone = echo(**link, "after");
  server.plug();
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::connection_failed);
  EXPECT_FALSE(open_serial(loop, folder_ + "/none", {}));
}

TEST_F(SerialLink, OnePortOneStation) {
  PtyServer server(folder_ + "/tty");
  Loop loop;
  auto first = open_serial(loop, folder_ + "/tty", {});
  ASSERT_TRUE(first);
  const auto second = open_serial(loop, folder_ + "/tty", {});
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("another program"), std::string::npos);
}

}  // namespace
}  // namespace pedigree::station
