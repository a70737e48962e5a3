// SPDX-License-Identifier: Apache-2.0
#include "station/link/http.h"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include "station/link/session.h"

namespace pedigree::station {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kLargestAnswer = 4U << 20U;

struct Url {
  std::string host;
  std::string port;
};

Outcome<Url> parse_url(const std::string& text) {
  constexpr std::string_view kScheme = "https://";
  std::string rest = text.starts_with(kScheme) ? text.substr(kScheme.size()) : std::string();
  if (rest.ends_with('/')) rest.pop_back();
  const std::size_t end = rest.starts_with('[') ? rest.find(']') : rest.rfind(':');
  Url url;
  if (rest.starts_with('[') && end != std::string::npos) {
    url = {rest.substr(1, end - 1), rest.substr(end + 1).starts_with(':') ? rest.substr(end + 2) : "443"};
  } else {
    url = {rest.substr(0, end), end == std::string::npos ? "443" : rest.substr(end + 1)};
  }
  if (url.host.empty() || url.port.empty() || rest.find('/') != std::string::npos) {
    return failed_with(Side::station, ErrorCode::bad_value,
                       fmt::format("'{}' is not an authority's address; give https://HOST:PORT", text));
  }
  return url;
}

using Stream = beast::ssl_stream<beast::tcp_stream>;

struct Connection {
  Connection(asio::io_context& io, ssl::context& tls) : stream(io, tls) {}
  Stream stream;
  beast::flat_buffer buffer;
  bool used = false;
};

// One blocked caller's request.
struct Waiting {
  std::mutex mutex;
  std::condition_variable complete;
  std::optional<Outcome<HttpAnswer>> outcome;

  void set(Outcome<HttpAnswer> value) {
    const std::lock_guard lock(mutex);
    outcome = std::move(value);
    complete.notify_all();
  }
  Outcome<HttpAnswer> wait() {
    std::unique_lock lock(mutex);
    complete.wait(lock, [this] { return outcome.has_value(); });
    return *std::move(outcome);
  }
};

class Pool final : public HttpPool {
 public:
  Pool(Loop& loop, AuthorityOptions options, Url url, ssl::context tls)
      : io_(loop.impl().io),
        options_(std::move(options)),
        url_(std::move(url)),
        tls_(std::move(tls)),
        free_(options_.connections) {}

  ~Pool() override {
    // Idle connections belong to the loop's thread.
    auto idle = std::make_shared<std::vector<std::unique_ptr<Connection>>>(std::move(idle_));
    asio::post(io_, [idle] { idle->clear(); });
  }

  Outcome<HttpAnswer> ask(const std::string& path, const std::string& body) override {
    {
      std::unique_lock lock(mutex_);
      released_.wait(lock, [this] { return free_ > 0; });
      --free_;
    }
    auto waiting = std::make_shared<Waiting>();
    asio::co_spawn(io_, run(path, body, waiting), asio::detached);
    auto outcome = waiting->wait();
    {
      const std::lock_guard lock(mutex_);
      ++free_;
    }
    released_.notify_one();
    return outcome;
  }

 private:
  struct Fault {
    error_code error;
    std::string_view doing;
  };
  using Answer = std::expected<HttpAnswer, Fault>;

  asio::awaitable<void> run(std::string path, std::string body, std::shared_ptr<Waiting> waiting) {
    for (;;) {
      std::unique_ptr<Connection> connection = take_idle();
      const bool reused = connection != nullptr;
      if (!reused) {
        connection = std::make_unique<Connection>(io_, tls_);
        const Fault fault = co_await connect(*connection);
        if (fault.error) {
          waiting->set(std::unexpected(explain(fault)));
          co_return;
        }
      }
      bool keep = false;
      Answer answer = co_await send(*connection, path, body, keep);
      if (!answer && reused && answer.error().error != beast::error::timeout) continue;
      if (answer && keep) idle_.push_back(std::move(connection));
      if (answer) {
        waiting->set(*std::move(answer));
      } else {
        waiting->set(std::unexpected(explain(answer.error())));
      }
      co_return;
    }
  }

  std::unique_ptr<Connection> take_idle() {
    if (idle_.empty()) return nullptr;
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
  }

  asio::awaitable<Fault> connect(Connection& connection) {
    tcp::resolver resolver(io_);
    auto [unresolved, endpoints] = co_await resolver.async_resolve(url_.host, url_.port, kAwait);
    if (unresolved) co_return Fault{unresolved, "finding"};
    auto& lowest = beast::get_lowest_layer(connection.stream);
    lowest.expires_after(options_.request_timeout);
    auto [refused, endpoint] = co_await lowest.async_connect(endpoints, kAwait);
    if (refused) co_return Fault{refused, "connecting to"};
    error_code ignored;
    lowest.socket().set_option(tcp::no_delay(true), ignored);
    asio::ip::make_address(url_.host, ignored);
    if (ignored) SSL_set_tlsext_host_name(connection.stream.native_handle(), url_.host.c_str());
    connection.stream.set_verify_callback(ssl::host_name_verification(url_.host));
    auto [untrusted] = co_await connection.stream.async_handshake(ssl::stream_base::client, kAwait);
    co_return Fault{untrusted, "opening TLS with"};
  }

  asio::awaitable<Answer> send(Connection& connection, const std::string& path, const std::string& body,
                               bool& keep) {
    const auto verb = body.empty() ? http::verb::get : http::verb::post;
    http::request<http::string_body> request(verb, path, 11, body);
    request.set(http::field::host, url_.host);
    request.set(http::field::content_type, "application/json");
    request.keep_alive(true);
    request.prepare_payload();
    beast::get_lowest_layer(connection.stream).expires_after(options_.request_timeout);
    auto [unsent, sent] = co_await http::async_write(connection.stream, request, kAwait);
    if (unsent) co_return std::unexpected(Fault{unsent, "writing to"});
    http::response_parser<http::string_body> parser;
    parser.body_limit(kLargestAnswer);
    auto [unread, read] = co_await http::async_read(connection.stream, connection.buffer, parser, kAwait);
    if (unread) co_return std::unexpected(Fault{unread, "reading from"});
    keep = parser.get().keep_alive();
    co_return HttpAnswer{parser.get().result_int(), std::move(parser.get().body())};
  }

  Failure explain(const Fault& fault) const {
    const std::string& url = options_.url;
    if (fault.error == beast::error::timeout) {
      return {Side::authority, ErrorCode::timeout,
              fmt::format("{} did not answer in time; is the network up?", url)};
    }
    if (fault.error.category() == asio::error::get_ssl_category()) {
      const int reason = ERR_GET_REASON(static_cast<unsigned long>(fault.error.value()));
      if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        return {Side::authority, ErrorCode::untrusted_root,
                fmt::format("the certificate of {} is not for that name, or not by the CA in {}", url,
                            options_.ca_file)};
      }
      return {Side::authority, ErrorCode::not_authorised,
              fmt::format("{} refused the station's certificate {} ({})", url, options_.certificate_file,
                          fault.error.message())};
    }
    return {Side::authority, ErrorCode::connection_failed,
            fmt::format("{} {} failed: {}", fault.doing, url, fault.error.message())};
  }

  asio::io_context& io_;
  const AuthorityOptions options_;
  const Url url_;
  ssl::context tls_;
  std::vector<std::unique_ptr<Connection>> idle_;  // the loop's thread only
  std::mutex mutex_;
  std::condition_variable released_;
  unsigned free_;
};

std::unexpected<Failure> bad_file(const std::string& what, const std::string& path, const error_code& error) {
  return failed_with(Side::station, ErrorCode::io_failure,
                     fmt::format("{} {}: {}", what, path, error.message()));
}

}  // namespace

Outcome<std::unique_ptr<HttpPool>> open_http_pool(Loop& loop, const AuthorityOptions& options) {
  STATION_ASSIGN(Url url, parse_url(options.url));
  ssl::context tls(ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_3_VERSION);
  error_code error;
  tls.set_verify_mode(ssl::verify_peer, error);
  if (tls.load_verify_file(options.ca_file, error)) return bad_file("CA file", options.ca_file, error);
  if (tls.use_certificate_chain_file(options.certificate_file, error)) {
    return bad_file("certificate", options.certificate_file, error);
  }
  if (tls.use_private_key_file(options.key_file, ssl::context::pem, error)) {
    return bad_file("private key", options.key_file, error);
  }
  return std::make_unique<Pool>(loop, options, std::move(url), std::move(tls));
}

}  // namespace pedigree::station
