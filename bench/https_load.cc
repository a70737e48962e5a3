// SPDX-License-Identifier: Apache-2.0
#include "bench/https_load.h"

#include <fmt/format.h>

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <charconv>
#include <chrono>
#include <stdexcept>

namespace pedigree::bench {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;

namespace {

constexpr std::string_view kEnd = "\r\n\r\n";
constexpr std::string_view kOk = "HTTP/1.1 200 ";
constexpr std::string_view kLength = "Content-Length: ";

struct Connection {
  Connection(asio::io_context& io, ssl::context& tls) : stream(io, tls) {}
  ssl::stream<tcp::socket> stream;
  std::string buffer = std::string(16384, '\0');
};

/// Octets of the whole answer, once its header is there; 0 before that.
std::size_t answer_size(std::string_view got) {
  const std::size_t end = got.find(kEnd);
  if (end == std::string_view::npos) return 0;
  const std::size_t at = got.substr(0, end).find(kLength);
  std::size_t length = 0;
  if (at == std::string_view::npos) throw std::runtime_error("an answer without a length");
  const char* digits = got.data() + at + kLength.size();
  std::from_chars(digits, got.data() + end, length);
  return end + kEnd.size() + length;
}

}  // namespace

struct HttpsLoad::State {
  asio::io_context io{1};
  ssl::context tls{ssl::context::tls_client};
  std::vector<std::unique_ptr<Connection>> connections;
  std::span<const std::string> requests;
  std::size_t next = 0;
  std::vector<std::string> bodies;
  std::chrono::steady_clock::time_point start;
  std::chrono::duration<double> gap{0};  ///< between two requests; 0: as soon as a connection is free
  std::vector<double> latencies;

  asio::awaitable<void> work(Connection& connection) {
    while (next < requests.size()) {
      const std::size_t index = next++;
      const auto due =
          start + std::chrono::duration_cast<std::chrono::nanoseconds>(gap * static_cast<double>(index));
      if (gap.count() > 0) {
        asio::steady_timer timer(io, due);
        co_await timer.async_wait(asio::use_awaitable);
      }
      co_await asio::async_write(connection.stream, asio::buffer(requests[index]), asio::use_awaitable);
      std::size_t size = 0;
      std::size_t whole = 0;
      while (whole == 0 || size < whole) {
        size += co_await connection.stream.async_read_some(
            asio::buffer(connection.buffer.data() + size, connection.buffer.size() - size),
            asio::use_awaitable);
        if (whole == 0) whole = answer_size(std::string_view(connection.buffer).substr(0, size));
        if (whole > connection.buffer.size()) connection.buffer.resize(whole);
      }
      const std::string_view answer = std::string_view(connection.buffer).substr(0, whole);
      if (!answer.starts_with(kOk)) throw std::runtime_error("not 200: " + std::string(answer));
      bodies[index] = answer.substr(answer.find(kEnd) + kEnd.size());
      latencies[index] = std::chrono::duration<double>(std::chrono::steady_clock::now() - due).count();
    }
  }
};

HttpsLoad::HttpsLoad(const std::vector<std::uint16_t>& ports, const testing::TlsFiles& files,
                     std::size_t connections)
    : state_(std::make_unique<State>()) {
  state_->tls.load_verify_file(files.ca.string());
  state_->tls.set_verify_mode(ssl::verify_peer);
  state_->tls.use_certificate_file(files.certificate.string(), ssl::context::pem);
  state_->tls.use_private_key_file(files.key.string(), ssl::context::pem);
  for (std::size_t i = 0; i < connections; ++i) {
    auto connection = std::make_unique<Connection>(state_->io, state_->tls);
    connection->stream.lowest_layer().connect({asio::ip::address_v4::loopback(), ports[i % ports.size()]});
    connection->stream.lowest_layer().set_option(tcp::no_delay(true));
    connection->stream.handshake(ssl::stream_base::client);
    state_->connections.push_back(std::move(connection));
  }
}

HttpsLoad::~HttpsLoad() = default;

std::vector<std::string> HttpsLoad::run(std::span<const std::string> requests) {
  state_->requests = requests;
  state_->next = 0;
  state_->bodies.assign(requests.size(), {});
  state_->latencies.assign(requests.size(), 0);
  state_->start = std::chrono::steady_clock::now();
  for (auto& connection : state_->connections) {
    asio::co_spawn(state_->io, state_->work(*connection), [](std::exception_ptr failed) {
      if (failed) std::rethrow_exception(failed);
    });
  }
  state_->io.restart();
  state_->io.run();
  return std::move(state_->bodies);
}

std::vector<double> HttpsLoad::run_at(double rate, std::span<const std::string> requests) {
  state_->gap = std::chrono::duration<double>(1 / rate);
  (void)run(requests);
  state_->gap = std::chrono::duration<double>(0);
  return std::move(state_->latencies);
}

std::string post_request(const std::string& target, const std::string& body, std::string_view type) {
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n{}", target, type,
      body.size(), body);
}

}  // namespace pedigree::bench
