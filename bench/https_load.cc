// SPDX-License-Identifier: Apache-2.0
#include "bench/https_load.h"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <deque>
#include <stdexcept>

#include "crypto/openssl/handles.h"
#include "testing/support/loopback.h"

namespace pedigree::bench {
namespace {

using crypto::openssl::Deleter;
using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr std::string_view kEnd = "\r\n\r\n";
constexpr std::string_view kOk = "HTTP/1.1 200 ";
constexpr std::string_view kLength = "Content-Length: ";
constexpr int kEvents = 64;
/// Longest wait for an answer: a server that stands still ends the benchmark.
constexpr std::chrono::seconds kPatience{60};

void require(bool done, const char* what) {
  if (!done) throw std::runtime_error(std::string("load generator: ") + what);
}

/// Octets of the whole answer, once its header is there; 0 before that.
std::size_t answer_size(std::string_view got) {
  const std::size_t end = got.find(kEnd);
  if (end == std::string_view::npos) return 0;
  const std::size_t at = got.substr(0, end).find(kLength);
  std::size_t length = 0;
  require(at != std::string_view::npos, "an answer without a length");
  const char* digits = got.data() + at + kLength.size();
  std::from_chars(digits, got.data() + end, length);
  return end + kEnd.size() + length;
}

/// A connection to the loopback interface, and the answer that it is receiving. OpenSSL reads and writes the
/// socket itself: a layer of buffers between them would cost the server's cores.
class Connection {
 public:
  Connection(SSL_CTX* tls, std::uint16_t port)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), ssl_(SSL_new(tls)) {
    const sockaddr_in address = testing::loopback(port);
    int on = 1;
    require(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0, "connect");
    require(setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0, "TCP_NODELAY");
    require(ssl_ && SSL_set_fd(ssl_.get(), socket_) == 1 && SSL_connect(ssl_.get()) == 1, "handshake");
    require(ioctl(socket_, FIONBIO, &on) == 0, "FIONBIO");
    SSL_set_read_ahead(ssl_.get(), 1);
  }
  ~Connection() { ::close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] int socket() const noexcept { return socket_; }

  void send(std::string_view request) {
    size_ = whole_ = 0;
    std::size_t written = 0;
    while (SSL_write_ex(ssl_.get(), request.data(), request.size(), &written) != 1) {
      require(SSL_get_error(ssl_.get(), 0) == SSL_ERROR_WANT_WRITE, "write");
      pollfd room{socket_, POLLOUT, 0};
      require(::poll(&room, 1, std::chrono::milliseconds(kPatience).count()) == 1,
              "the server does not read");
    }
  }
  /// The whole answer, or nothing while some of it is not there.
  std::string_view receive() {
    while (whole_ == 0 || size_ < whole_) {
      if (size_ == buffer_.size()) buffer_.resize(2 * buffer_.size());
      std::size_t got = 0;
      if (SSL_read_ex(ssl_.get(), buffer_.data() + size_, buffer_.size() - size_, &got) != 1) {
        require(SSL_get_error(ssl_.get(), 0) == SSL_ERROR_WANT_READ, "read");
        return {};
      }
      size_ += got;
      if (whole_ == 0) whole_ = answer_size(std::string_view(buffer_).substr(0, size_));
    }
    return std::string_view(buffer_).substr(0, whole_);
  }

  std::size_t waits_for = 0;  ///< the request whose answer comes

 private:
  int socket_;
  std::unique_ptr<SSL, Deleter<SSL_free>> ssl_;
  std::string buffer_ = std::string(16384, '\0');
  std::size_t size_ = 0;
  std::size_t whole_ = 0;
};

}  // namespace

struct HttpsLoad::State {
  std::unique_ptr<SSL_CTX, Deleter<SSL_CTX_free>> tls{SSL_CTX_new(TLS_client_method())};
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  std::deque<Connection> connections;
  std::vector<Connection*> free;
  std::span<const std::string> requests;
  std::size_t sent = 0;
  std::vector<std::string> bodies;
  Clock::time_point start;
  Seconds gap{0};  ///< between two requests; 0: as soon as a connection is free
  std::vector<double> latencies;
  std::vector<double> answered;  ///< seconds since the start, in order

  State() = default;
  ~State() { ::close(epoll); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  [[nodiscard]] Clock::time_point due(std::size_t index) const {
    return start + std::chrono::duration_cast<Clock::duration>(gap * static_cast<double>(index));
  }
  void connect(std::uint16_t port) {
    Connection& connection = connections.emplace_back(tls.get(), port);
    epoll_event event{.events = EPOLLIN, .data = {.ptr = &connection}};
    require(epoll_ctl(epoll, EPOLL_CTL_ADD, connection.socket(), &event) == 0, "epoll_ctl");
    free.push_back(&connection);
  }
  /// Sends what is due on the connections that are free.
  void send() {
    while (!free.empty() && sent < requests.size() && (gap.count() == 0 || due(sent) <= Clock::now())) {
      Connection& connection = *free.back();
      free.pop_back();
      connection.waits_for = sent++;
      connection.send(requests[connection.waits_for]);
    }
  }
  void receive(Connection& connection) {
    const std::string_view answer = connection.receive();
    if (answer.empty()) return;
    if (!answer.starts_with(kOk)) throw std::runtime_error("not 200: " + std::string(answer));
    const auto now = Clock::now();
    const std::size_t index = connection.waits_for;
    latencies[index] = Seconds(now - due(index)).count();
    answered.push_back(Seconds(now - start).count());
    bodies[index] = answer.substr(answer.find(kEnd) + kEnd.size());
    free.push_back(&connection);
  }
  /// Waits for answers, or until the next request is due.
  void wait() {
    std::chrono::nanoseconds patience = kPatience;
    const bool is_paced = gap.count() > 0 && !free.empty() && sent < requests.size();
    if (is_paced) patience = std::max(std::chrono::nanoseconds{0}, due(sent) - Clock::now());
    const auto whole = std::chrono::floor<std::chrono::seconds>(patience);
    const timespec time{whole.count(), (patience - whole).count()};
    pollfd any{epoll, POLLIN, 0};
    const int ready = ::ppoll(&any, 1, &time, nullptr);
    require(ready >= 0 && (ready > 0 || is_paced), "the server does not answer");
  }
  void run() {
    std::array<epoll_event, kEvents> events{};
    while (answered.size() < requests.size()) {
      send();
      const int count = epoll_wait(epoll, events.data(), kEvents, 0);
      require(count >= 0, "epoll_wait");
      for (const epoll_event& event : std::span(events).first(static_cast<std::size_t>(count))) {
        receive(*static_cast<Connection*>(event.data.ptr));
      }
      if (count == 0) wait();
    }
  }
};

HttpsLoad::HttpsLoad(const std::vector<std::uint16_t>& ports, const testing::TlsFiles& files,
                     std::size_t connections)
    : state_(std::make_unique<State>()) {
  SSL_CTX* tls = state_->tls.get();
  SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, nullptr);
  require(SSL_CTX_load_verify_file(tls, files.ca.c_str()) == 1 &&
              SSL_CTX_use_certificate_file(tls, files.certificate.c_str(), SSL_FILETYPE_PEM) == 1 &&
              SSL_CTX_use_PrivateKey_file(tls, files.key.c_str(), SSL_FILETYPE_PEM) == 1,
          "certificates");
  for (std::size_t i = 0; i < connections; ++i) state_->connect(ports[i % ports.size()]);
}

HttpsLoad::~HttpsLoad() = default;

std::vector<std::string> HttpsLoad::run(std::span<const std::string> requests) {
  state_->requests = requests;
  state_->sent = 0;
  state_->bodies.assign(requests.size(), {});
  state_->latencies.assign(requests.size(), 0);
  state_->answered.clear();
  state_->start = Clock::now();
  state_->run();
  return std::move(state_->bodies);
}

std::vector<double> HttpsLoad::run_at(double rate, std::span<const std::string> requests) {
  state_->gap = Seconds(1 / rate);
  (void)run(requests);
  state_->gap = Seconds(0);
  return std::move(state_->latencies);
}

double HttpsLoad::best_rate() const {
  constexpr double kSlot = 0.2;
  const auto& answered = state_->answered;
  if (answered.empty()) return 0;
  double best = static_cast<double>(answered.size()) / answered.back();
  auto first = answered.begin();
  for (double end = kSlot; end <= answered.back(); end += kSlot) {
    const auto last = std::lower_bound(first, answered.end(), end);
    best = std::max(best, static_cast<double>(last - first) / kSlot);
    first = last;
  }
  return best;
}

std::string post_request(const std::string& target, const std::string& body, std::string_view type) {
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n{}", target, type,
      body.size(), body);
}

}  // namespace pedigree::bench
