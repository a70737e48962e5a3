// SPDX-License-Identifier: Apache-2.0
// Clients that send too much, too slowly, half, or nothing, and a server that stops among them.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "testing/authority/configured.h"
#include "testing/authority/parts.h"

namespace pedigree::testing {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

/// A connection without TLS: for those who never come that far.
class RawSocket {
 public:
  explicit RawSocket(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    connected_ = ::connect(socket_, generic, sizeof address) == 0;
  }
  ~RawSocket() { ::close(socket_); }
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;
  [[nodiscard]] bool connected() const { return connected_; }
  void send(std::string_view octets) const {
    (void)::send(socket_, octets.data(), octets.size(), MSG_NOSIGNAL);
  }
  /// Waits until the server closes.
  [[nodiscard]] bool closed() const {
    pollfd wait{.fd = socket_, .events = POLLIN, .revents = 0};
    std::array<char, 512> octets{};
    while (::poll(&wait, 1, 60'000) == 1) {
      if (::read(socket_, octets.data(), octets.size()) <= 0) return true;
    }
    return false;
  }

 private:
  int socket_;
  bool connected_ = false;
};

std::string post(const std::string& target, const std::string& headers, const std::string& body) {
  return "POST " + target + " HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" + headers + "\r\n" +
         body;
}
std::string length(std::size_t octets) {
  return "Content-Length: " + std::to_string(octets) + "\r\n";
}

TEST(Limits, TooMuchIsRefusedWithAnAnswer) {
  const ServedAuthority authority;
  const std::string before = authority.dump();
  const std::string large(3U << 20U, ' ');
  const std::string fits(1U << 20U, ' ');
  const std::string chunk = "200000\r\n" + std::string(0x200000, ' ') + "\r\n0\r\n\r\n";
  std::string fields;
  for (int i = 0; i < 4000; ++i) fields += "X-" + std::to_string(i) + ": a\r\n";
  const struct {
    std::string what;
    std::string octets;
    unsigned status;
  } cases[] = {
      {"body", post("/v1/nonce", length(large.size()), large), 413},
      {"announced only", post("/v1/nonce", "Content-Length: 99999999999999\r\n", ""), 413},
      {"chunked", post("/v1/nonce", "Transfer-Encoding: chunked\r\n", chunk), 413},
      {"largest body", post("/v1/nonce", length(fits.size()), fits), 400},
      {"header", post("/v1/nonce", "X: " + std::string(9000, 'x') + "\r\n", ""), 413},
      {"many headers",
       "GET /v1/health HTTP/1.1\r\n" + std::string(4000, 'a') + ":\r\n" + std::string(5000, 'b') + ":\r\n",
       413},
      {"many whole headers", "GET /v1/health HTTP/1.1\r\n" + fields, 413},
      {"target", "GET /" + std::string(9000, 'a') + " HTTP/1.1\r\n\r\n", 413},
      {"negative length", post("/v1/nonce", "Content-Length: -1\r\n", ""), 400},
      {"two lengths", post("/v1/nonce", length(2) + length(3), "{}"), 400},
      {"length and chunks", post("/v1/nonce", length(2) + "Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
       400},
      {"version", "GET /v1/health HTTP/9.9\r\n\r\n", 400},
      {"no HTTP", "hello, is anybody there?\r\n\r\n", 400},
      {"a control character", "GET /v1/\x01health HTTP/1.1\r\n\r\n", 400},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.what);
    const auto client = authority.client("station");
    client->send(one.octets);
    const Answer answer = client->receive();
    EXPECT_EQ(answer.status, one.status) << answer.body;
    EXPECT_EQ(answer.error(), one.status == 413 ? "frame_too_large" : "bad_request");
  }
  write_file(authority.scratch("large"), std::string(20U << 20U, 'x'));
  const CommandResult curl = authority.curl(
      "station", "/v1/nonce",
      {"-H", "Content-Type: application/json", "--data-binary", "@" + authority.scratch("large").string()});
  EXPECT_THAT(curl.output, HasSubstr("frame_too_large"));
  EXPECT_THAT(curl.output, EndsWith("\n413"));
  EXPECT_EQ(authority.dump(), before);
}

TEST(Limits, SlowClientsAreCutAndOthersServed) {
  const AuthorityFolder folder;
  const TunedServer server(folder,
                           {.io_timeout = std::chrono::seconds(3), .idle_timeout = std::chrono::seconds(5)});
  const RawSocket silent(server.port());
  const RawSocket half_hello(server.port());
  half_hello.send("\x16\x03\x01");
  const auto half_header = server.client("station");
  half_header->send("POST /v1/nonce HTTP/1.1\r\nHost:");
  const auto half_body = server.client("station");
  half_body->send(post("/v1/nonce", length(100), "{\"device\""));
  const auto idle = server.client("station");
  EXPECT_EQ(idle->get("/v1/health").status, 200U);
  EXPECT_EQ(enrol(*server.client("station"), Unit(1)).status, 200U);
  EXPECT_TRUE(silent.closed());
  EXPECT_TRUE(half_hello.closed());
  EXPECT_THROW((void)half_header->receive(), boost::system::system_error);
  EXPECT_THROW((void)half_body->receive(), boost::system::system_error);
  EXPECT_THROW((void)idle->receive(), boost::system::system_error);
  EXPECT_EQ(server.client("")->get("/v1/health").status, 200U);
  EXPECT_EQ(folder.sql("SELECT count(*) FROM device"), "1");
}

TEST(Limits, ClientsThatGoAwayLeaveNothingHalf) {
  const ServedAuthority authority;
  constexpr std::size_t kUnits = 30;
  std::vector<Unit> units;
  std::vector<std::string> requests;
  const auto station = authority.client("station");
  for (std::size_t i = 0; i < kUnits; ++i) {
    units.emplace_back(i + 1);
    const std::string body = boost::json::serialize(enrol_body(units[i], nonce_for(*station, units[i])));
    requests.push_back(post("/v1/enrol", length(body.size()), body));
  }
  for (std::size_t i = 0; i < kUnits; ++i) {
    // Every third sends only a part; no one waits for the answer.
    authority.client("station")->send(std::string_view(requests[i]).substr(0, requests[i].size() - i % 3));
  }
  for (const Unit& unit : units) EXPECT_EQ(enrol(*station, unit).status, 200U);
  EXPECT_EQ(authority.sql("SELECT count(*) FROM certificate"), std::to_string(kUnits));
  EXPECT_EQ(authority.sql("PRAGMA integrity_check"), "ok");
}

TEST(Limits, ConnectionsAboveTheLimitAreClosed) {
  const AuthorityFolder folder;
  const TunedServer server(folder, {.connections = {.all = 4, .per_address = 4}});
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(server.client("station"));
  for (auto& client : clients) EXPECT_EQ(client->get("/v1/health").status, 200U);
  EXPECT_THROW((void)server.client("station"), boost::system::system_error);
  EXPECT_EQ(clients.front()->get("/v1/health").status, 200U) << "those that are there stay";
  clients.pop_back();
  std::unique_ptr<Client> next;
  while (!next) {  // the server has yet to see that the other went
    try {
      next = server.client("station");
    } catch (const boost::system::system_error&) {
      std::this_thread::yield();
    }
  }
  EXPECT_EQ(next->get("/v1/health").status, 200U);
}

/// 127.0.0.2 is this machine too, and another address.
CommandResult from_another(const ServedAuthority& authority, const std::string& target) {
  return authority.curl("operator", target, {"--interface", "127.0.0.2"});
}

TEST(Limits, OneAddressFillsItsShareAndAnotherIsServed) {
  ServedAuthority authority;
  serve_with(authority, {{"connections", "6"}, {"connections_per_address", "4"}});
  std::vector<std::unique_ptr<RawSocket>> silent;
  for (int i = 0; i < 4; ++i) silent.push_back(std::make_unique<RawSocket>(authority.port()));
  const RawSocket fifth(authority.port());
  EXPECT_TRUE(fifth.closed());
  EXPECT_THAT(from_another(authority, "/v1/health").output, EndsWith("\n200"));
  const CommandResult metrics = from_another(authority, "/metrics");
  EXPECT_THAT(metrics.output, HasSubstr("pedigree_connections_refused_total{limit=\"address\"} 1\n"));
  EXPECT_THAT(metrics.output, HasSubstr("pedigree_connections_refused_total{limit=\"listener\"} 0\n"));
  silent.pop_back();
  std::unique_ptr<Client> next;
  while (!next) {  // the server has yet to see that the other went
    try {
      next = authority.client("station");
    } catch (const boost::system::system_error&) {
      std::this_thread::yield();
    }
  }
  EXPECT_EQ(next->get("/v1/health").status, 200U);
}

TEST(Limits, ALimitIsChangedWhileItServes) {
  ServedAuthority authority;
  const auto first = authority.client("station");
  EXPECT_EQ(first->get("/v1/health").status, 200U);
  const std::filesystem::path config = authority.layout().config();
  change_settings(config, {{"connections_per_address", "1"}});
  ASSERT_TRUE(authority.reload());
  EXPECT_THROW((void)authority.client("station"), boost::system::system_error);
  EXPECT_EQ(first->get("/v1/health").status, 200U) << "those that are there stay";
  EXPECT_THAT(from_another(authority, "/v1/health").output, EndsWith("\n200"));
  change_settings(config, {{"connections_per_address", "0"}});
  EXPECT_FALSE(authority.reload());
}

TEST(Limits, OneConnectionCarriesManyRequestsInOrder) {
  const ServedAuthority authority;
  const auto client = authority.client("station");
  const std::string health = "GET /v1/health HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string unknown = "GET /v1/x HTTP/1.1\r\nHost: a\r\n\r\n";
  client->send(health + unknown + health);
  EXPECT_EQ(client->receive().status, 200U);
  EXPECT_EQ(client->receive().status, 404U);
  EXPECT_EQ(client->receive().status, 200U);
  client->send("GET /v1/health HTTP/1.0\r\n\r\n");
  EXPECT_FALSE(client->receive().keep_alive);
  EXPECT_THROW((void)client->receive(), boost::system::system_error);
}

TEST(Limits, StoppingAnswersWhatIsBeingWorkedOn) {
  ServedAuthority authority;
  std::vector<std::string> serials;
  std::atomic<std::size_t> done{0};
  std::thread enrolling([&] {
    try {
      const auto station = authority.client("station");
      for (std::uint64_t number = 1;; ++number) {
        const Answer answer = enrol(*station, Unit(number));
        ASSERT_EQ(answer.status, 200U) << answer.body;
        serials.emplace_back(answer.json().at("serial").as_string());
        ++done;
        done.notify_all();
      }
    } catch (const std::exception&) {  // the connection ends here, between two answers
    }
  });
  done.wait(0);
  const RawSocket silent(authority.port());  // does not keep it from stopping
  authority.stop();
  enrolling.join();
  for (const std::string& serial : serials) {
    EXPECT_EQ(authority.sql("SELECT count(*) FROM certificate WHERE serial = x'" + serial + "'"), "1");
  }
}

}  // namespace
}  // namespace pedigree::testing
