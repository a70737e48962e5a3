// SPDX-License-Identifier: Apache-2.0
#include "server/http/server.h"

#include <fmt/format.h>

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <mutex>
#include <thread>

#include "core/bytes/bytes.h"
#include "server/http/connections.h"
#include "server/http/stream.h"
#include "server/http/tls.h"
#include "server/http/wire.h"

namespace pedigree::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kFirstRead = 4096;
/// A TLS record's content (RFC 8446 5.1).
constexpr std::size_t kBodyRead = 16384;
constexpr std::chrono::seconds kStopPatience{5};
constexpr std::chrono::seconds kDrainPatience{2};

/// Octets of a large body that are sent in one io_timeout.
constexpr std::size_t kPiece = std::size_t{256} << 10;

Method method_of(beast::http::verb verb) {
  return verb == beast::http::verb::get    ? Method::get
         : verb == beast::http::verb::post ? Method::post
                                           : Method::other;
}

/// Waits for the answer, which may come on another thread.
asio::awaitable<Response> ask(Handler& api, const Request& request) {
  const auto executor = co_await asio::this_coro::executor;
  const auto initiate = [&](auto handler) {
    // The handler is move-only, and Respond must be copyable.
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    api.handle(request, [shared, executor](Response response) {
      asio::post(executor, [shared, response = std::move(response)]() mutable {
        std::move (*shared)(std::move(response));
      });
    });
  };
  co_return co_await asio::async_initiate<decltype(asio::use_awaitable), void(Response)>(initiate,
                                                                                         asio::use_awaitable);
}

/// Takes what the client still sends, for a while: closing with octets unread resets the connection, and the
/// client would lose the answer that says why.
asio::awaitable<void> drain(Stream& stream) {
  std::array<char, 16384> rest;  // NOLINT: never looked at
  stream.expires_after(kDrainPatience);
  for (;;) {
    const auto [error, got] = co_await stream.read_some(asio::buffer(rest));
    if (error) co_return;
  }
}

/// Reads a request, some of which may be in `buffer`. Beast's own limit is for what it has not parsed yet: a
/// header that comes field by field would never reach it.
template <typename Parser>
asio::awaitable<error_code> read_request(Stream& stream, beast::flat_buffer& buffer, Parser& parser,
                                         std::size_t most_header) {
  parser.eager(true);
  std::size_t parsed = 0;
  for (;;) {
    error_code error;
    const std::size_t used = parser.put(buffer.data(), error);
    buffer.consume(used);
    parsed += used;
    if (parser.is_done() || (error && error != beast::http::error::need_more)) co_return error;
    if (!error && used > 0 && buffer.size() > 0) continue;
    const bool in_header = !parser.is_header_done();
    if (in_header && parsed + buffer.size() >= most_header) co_return beast::http::error::header_limit;
    const auto [failed, got] = co_await stream.read_some(buffer.prepare(in_header ? kFirstRead : kBodyRead));
    if (failed) co_return failed;
    buffer.commit(got);
  }
}

/// What a connection's identity is made of; a connection keeps that which it began with.
struct Tls {
  asio::ssl::context context{asio::ssl::context::tls_server};
  X509Owner system_ca{nullptr, nullptr};
};

authority::Answer<std::shared_ptr<Tls>> make_tls(ServerOptions& options) {
  auto tls = std::make_shared<Tls>();
  const bool configured = configure_tls(tls->context.native_handle(), options);
  tls->system_ca = read_certificate(options.ca_pem);
  wipe({reinterpret_cast<std::uint8_t*>(options.key_pem.data()), options.key_pem.size()});
  if (configured) return tls;
  return authority::refuse(ErrorCode::bad_configuration,
                           "the server's certificate, key or CA cannot be used");
}

/// A method as the client wrote it, cut to the length of the longest that there is.
std::string_view word(std::string_view method) {
  constexpr std::size_t kLongest = 16;
  return method.substr(0, kLongest);
}

}  // namespace

struct Server::State {
  State(ServerOptions given, Handler& answering)
      : options(std::move(given)),
        handler(answering),
        connections(connections_allowed(options.connections)) {}

  ServerOptions options;
  Handler& handler;
  std::mutex tls_mutex;  // held for copying a pointer
  std::shared_ptr<Tls> tls;
  std::vector<std::unique_ptr<Loop>> loops;
  std::vector<std::thread> threads;
  std::optional<tcp::acceptor> acceptor;
  tcp::endpoint endpoint;
  std::atomic<bool> stopping{false};
  Connections connections;
  Refusals refusals;  // of the accepting loop alone

  authority::Answer<void> open();
  void run();
  void stop();
  asio::awaitable<void> accept();
  asio::awaitable<void> serve(Loop& loop, tcp::socket socket, std::string from);
  asio::awaitable<void> requests(Stream& stream, const Identity& identity);
  asio::awaitable<Response> respond(const beast::http::request<beast::http::string_body>& message,
                                    const Identity& identity);
  /// Counts a request that was answered, and writes its line.
  void note(std::string_view method, const Trace& trace, const Identity& identity, const Response& response,
            double seconds);
  void note_handshake(std::string_view reason, const std::string& from);
  asio::awaitable<bool> answer(Stream& stream, const Response& response, bool keep_alive);
};

authority::Answer<void> Server::State::open() {
  if (!options.metrics) options.metrics = std::make_shared<observe::AuthorityMetrics>();
  if (options.tls) {
    auto made = make_tls(options);
    if (!made) return std::unexpected(made.error());
    tls = *std::move(made);
  }
  const unsigned count =
      options.threads != 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
  for (unsigned i = 0; i < count; ++i) loops.push_back(std::make_unique<Loop>());
  error_code error;
  const auto address = asio::ip::make_address(options.host, error);
  if (error) {
    return authority::refuse(ErrorCode::bad_configuration,
                             fmt::format("{} is not an IP address", options.host));
  }
  const tcp::endpoint wanted(address, options.port);
  acceptor.emplace(loops.front()->context());
  acceptor->open(wanted.protocol(), error);
  if (!error) acceptor->set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor->bind(wanted, error);
  if (!error) acceptor->listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    return authority::refuse(
        ErrorCode::connection_failed,
        fmt::format("cannot listen on {}:{}: {}", options.host, options.port, error.message()));
  }
  endpoint = acceptor->local_endpoint();
  return {};
}

void Server::State::run() {
  asio::co_spawn(loops.front()->context(), accept(), asio::detached);
  for (auto& loop : loops) {
    threads.emplace_back([&context = loop->context()] {
      const auto work = asio::make_work_guard(context);
      context.run();
    });
  }
}

asio::awaitable<void> Server::State::accept() {
  for (std::size_t next = 0; !stopping; ++next) {
    Loop& loop = *loops[next % loops.size()];
    auto [error, socket] = co_await acceptor->async_accept(loop.context(), kAwait);
    if (stopping) co_return;
    if (error) {
      // Out of file descriptors, most likely: wait for connections to end.
      asio::steady_timer pause(loops.front()->context(), std::chrono::milliseconds(100));
      co_await pause.async_wait(kAwait);
      continue;
    }
    const asio::ip::address address = socket.remote_endpoint(error).address();
    if (error) continue;  // it has gone again
    if (const Admission admission = connections.take(address); admission != Admission::taken) {
      refusals.note(admission, address, options);
      continue;  // the socket closes here
    }
    options.metrics->connections.add(1);
    options.metrics->connections_accepted.add();
    asio::co_spawn(loop.context(), serve(loop, std::move(socket), address.to_string()),
                   [this, address](std::exception_ptr) {
                     options.metrics->connections.add(-1);
                     connections.give_back(address);
                   });
  }
}

asio::awaitable<void> Server::State::serve(Loop& loop, tcp::socket socket, std::string from) {
  Stream stream(std::move(socket), loop);
  if (!options.tls) {
    const Identity nobody{Role::none, {}, from};
    co_await requests(stream, nobody);
    co_return co_await stream.end();
  }
  std::shared_ptr<Tls> own;
  {
    const std::lock_guard lock(tls_mutex);
    own = tls;
  }
  stream.expires_after(options.io_timeout);
  // TLS costs memory, in a handshake most of all: who says nothing has none.
  error_code error = co_await stream.readable();
  if (!error) error = co_await stream.begin_tls(own->context.native_handle());
  if (error) {
    note_handshake(handshake_failure(stream.tls(), error.message()), from);
    co_return;
  }
  const Identity identity = identify(stream.tls(), own->system_ca.get(), from);
  co_await requests(stream, identity);
  stream.expires_after(std::chrono::seconds(1));
  co_await stream.end();
}

asio::awaitable<void> Server::State::requests(Stream& stream, const Identity& identity) {
  namespace http = beast::http;
  beast::flat_buffer buffer;
  while (!stopping) {
    if (buffer.size() == 0) {
      buffer.shrink_to_fit();
      // Who has not said who he is may ask, but not stay.
      stream.expires_after(identity.role == Role::none ? options.io_timeout : options.idle_timeout);
      if (co_await stream.readable()) co_return;
    }
    // A request that begins must also end within io_timeout.
    stream.expires_after(options.io_timeout);
    http::request_parser<http::string_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(options.max_header));
    parser.body_limit(options.max_body);
    const error_code error = co_await read_request(stream, buffer, parser, options.max_header);
    // What the HTTP parser refuses gets an answer; a connection that ended, failed or was silent gets none.
    const bool refused = error.category() == http::make_error_code(http::error::bad_method).category() &&
                         error != http::error::end_of_stream && error != http::error::partial_message;
    if (error && !refused) {
      if (error == beast::error::timeout) options.metrics->timeouts.add();
      co_return;
    }
    if (error) {
      const bool large = error == http::error::body_limit || error == http::error::header_limit;
      const ErrorCode code = large ? ErrorCode::frame_too_large : ErrorCode::bad_request;
      options.metrics->requests_malformed.add();
      const Response response = error_response(code, error.message());
      note({}, {.protocol = options.protocol}, identity, response, 0);
      if (co_await answer(stream, response, false)) co_await drain(stream);
      co_return;
    }
    const auto& message = parser.get();
    const Response response = co_await respond(message, identity);
    stream.expires_after(options.io_timeout);
    const bool keep_alive = message.keep_alive() && !stopping;
    if (!co_await answer(stream, response, keep_alive) || !keep_alive) co_return;
  }
}

asio::awaitable<Response> Server::State::respond(
    const beast::http::request<beast::http::string_body>& message, const Identity& identity) {
  const auto field = [&](beast::http::field name) {
    const auto value = message[name];
    return std::string_view(value.data(), value.size());
  };
  const std::string_view type = field(beast::http::field::content_type);
  Trace trace{.protocol = options.protocol};
  const Request request{method_of(message.method()),
                        {message.target().data(), message.target().size()},
                        message.body(),
                        is_media_type(type, "application/cbor"),
                        &identity,
                        type,
                        field(beast::http::field::authorization),
                        message.find(beast::http::field::origin) != message.end(),
                        &trace,
                        field(beast::http::field::if_none_match)};
  const observe::Stopwatch watch;
  Response response = co_await ask(handler, request);
  note({message.method_string().data(), message.method_string().size()}, trace, identity, response,
       watch.seconds());
  if (message.method() == beast::http::verb::head) {  // RFC 9110 9.3.2
    response.body.clear();
    response.shared.reset();
  }
  co_return response;
}

asio::awaitable<bool> Server::State::answer(Stream& stream, const Response& response, bool keep_alive) {
  const std::string out = serialize(response, keep_alive);
  const error_code error = co_await stream.write(out);
  if (error || !response.shared) co_return !error;
  // Of something large each piece has its time: a slow client is served, one that stands still is not.
  for (std::string_view rest = *response.shared; !rest.empty();) {
    const std::string_view piece = rest.substr(0, kPiece);
    stream.expires_after(options.io_timeout);
    if (co_await stream.write(piece)) co_return false;
    rest.remove_prefix(piece.size());
  }
  co_return true;
}

void Server::State::note(std::string_view method, const Trace& trace, const Identity& identity,
                         const Response& response, double seconds) {
  const std::string status = std::to_string(response.status);
  options.metrics->requests.at({trace.protocol, trace.route, status}).add();
  options.metrics->request_seconds.at({trace.protocol}).observe(seconds);
  if (!options.log || !options.log_requests) return;
  const auto level = response.status >= 500 ? observe::LogLevel::error : observe::LogLevel::info;
  options.log->write(level, "request",
                     {{"id", options.log->next_id()},
                      {"from", identity.from},
                      {"role", name(identity.role)},
                      {"who", identity.name},
                      {"protocol", trace.protocol},
                      {"method", word(method)},
                      {"path", trace.route},
                      {"status", std::int64_t{response.status}},
                      {"ms", seconds * 1e3},
                      {"reason", response.reason}});
}

void Server::State::note_handshake(std::string_view reason, const std::string& from) {
  options.metrics->handshakes_failed.add();
  if (!options.log) return;
  options.log->write(observe::LogLevel::info, "handshake failed",
                     {{"from", from}, {"protocol", options.protocol}, {"reason", reason}});
}

void Server::State::stop() {
  if (stopping.exchange(true)) return;
  asio::post(loops.front()->context(), [this] {
    error_code ignored;
    acceptor->close(ignored);
  });
  for (auto& loop : loops) {
    asio::post(loop->context(), [&one = *loop] { one.cancel_idle(); });
  }
  const auto deadline = std::chrono::steady_clock::now() + kStopPatience;
  while (connections.size() != 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  for (auto& loop : loops) loop->context().stop();
  for (std::thread& thread : threads) thread.join();
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() {
  state_->stop();
}

authority::Answer<std::unique_ptr<Server>> Server::start(ServerOptions options, Handler& handler) {
  auto state = std::make_unique<State>(std::move(options), handler);
  if (const auto opened = state->open(); !opened) return std::unexpected(opened.error());
  state->run();
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

std::uint16_t Server::port() const noexcept {
  return state_->endpoint.port();
}

std::string Server::url() const {
  const auto address = state_->endpoint.address();
  return fmt::format(fmt::runtime(address.is_v6() ? "{}://[{}]:{}" : "{}://{}:{}"),
                     state_->options.tls ? "https" : "http", address.to_string(), port());
}

authority::Answer<void> Server::renew_tls(ServerOptions options) {
  auto made = make_tls(options);
  if (!made) return std::unexpected(made.error());
  const std::lock_guard lock(state_->tls_mutex);
  state_->tls = *std::move(made);
  return {};
}

void Server::set_limits(const ConnectionLimits& limits) {
  state_->connections.set_limits(connections_allowed(limits));
}

void Server::stop() {
  state_->stop();
}

}  // namespace pedigree::http
