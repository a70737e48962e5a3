// SPDX-License-Identifier: Apache-2.0
#include "server/http/stream.h"

#include <openssl/err.h>
#include <sys/socket.h>

#include <boost/asio/ssl/error.hpp>
#include <boost/beast/core/error.hpp>
#include <cerrno>

namespace pedigree::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds kTick{250};

bool would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

int socket_of(BIO* bio) {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

/// As BIO_s_socket does it, which raises SIGPIPE when the client has gone.
int bio_write(BIO* bio, const char* octets, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t sent = ::send(socket_of(bio), octets, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (sent < 0 && would_block(errno)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int bio_read(BIO* bio, char* into, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t got = ::recv(socket_of(bio), into, static_cast<std::size_t>(size), 0);
  if (got < 0 && would_block(errno)) BIO_set_retry_read(bio);
  if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return static_cast<int>(got);
}

long bio_control(BIO* bio, int command, long /*number*/, void* /*pointer*/) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return 0;
}

const BIO_METHOD* socket_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without signals");
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_ctrl(made, bio_control);
    return made;
  }();
  return method;
}

boost::system::error_code system_error(int number) {
  return {number, boost::system::system_category()};
}

}  // namespace

void Loop::add(Stream& stream) {
  if (streams_.insert(&stream).second && streams_.size() == 1) tick();
}

void Loop::tick() {
  timer_.expires_after(kTick);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error || streams_.empty()) return;
    const auto now = std::chrono::steady_clock::now();
    for (Stream* stream : streams_) {
      if (now >= stream->deadline_) stream->time_out();
    }
    tick();
  });
}

void Loop::cancel_idle() {
  boost::system::error_code ignored;
  for (Stream* stream : streams_) {
    if (stream->idle_) stream->socket_.cancel(ignored);
  }
}

Stream::Stream(tcp::socket socket, Loop& loop) : socket_(std::move(socket)), loop_(loop) {
  boost::system::error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.native_non_blocking(true, ignored);
  loop_.add(*this);
}

Stream::~Stream() {
  loop_.streams_.erase(this);
}

void Stream::expires_after(std::chrono::steady_clock::duration time) {
  deadline_ = std::chrono::steady_clock::now() + time;
  timed_out_ = false;
}

void Stream::time_out() {
  timed_out_ = true;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

asio::awaitable<Stream::ErrorCode> Stream::wait(Want want) {
  if (timed_out_) co_return boost::beast::error::timeout;
  const auto type = want == Want::to_write ? tcp::socket::wait_write : tcp::socket::wait_read;
  const auto [error] = co_await socket_.async_wait(type, kAwait);
  if (timed_out_) co_return boost::beast::error::timeout;
  co_return error;
}

asio::awaitable<Stream::ErrorCode> Stream::readable() {
  if (tls_ && SSL_has_pending(tls_.get()) == 1) co_return ErrorCode();
  idle_ = true;
  const ErrorCode error = co_await wait(Want::to_read);
  idle_ = false;
  co_return error;
}

template <typename Attempt>
asio::awaitable<Stream::Moved> Stream::repeat(Attempt attempt) {
  for (;;) {
    const Step step = attempt();
    if (step.want == Want::nothing) co_return Moved(step.error, step.moved);
    if (const ErrorCode error = co_await wait(step.want); error) co_return Moved(error, 0);
  }
}

Stream::Step Stream::failed(int result) const {
  switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return {Want::to_read, {}, 0};
    case SSL_ERROR_WANT_WRITE:
      return {Want::to_write, {}, 0};
    case SSL_ERROR_ZERO_RETURN:
      return {Want::nothing, asio::error::eof, 0};
    case SSL_ERROR_SYSCALL:
      return {Want::nothing, errno == 0 ? ErrorCode(asio::error::eof) : system_error(errno), 0};
    default:
      break;
  }
  const unsigned long error = ERR_get_error();
  if (ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    return {Want::nothing, asio::ssl::error::stream_truncated, 0};
  }
  return {Want::nothing, ErrorCode(static_cast<int>(error), asio::error::get_ssl_category()), 0};
}

asio::awaitable<Stream::ErrorCode> Stream::begin_tls(SSL_CTX* context) {
  tls_.reset(SSL_new(context));
  BIO* const bio = tls_ ? BIO_new(socket_method()) : nullptr;
  if (bio == nullptr) co_return asio::error::no_memory;
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket_.native_handle())));
  BIO_set_init(bio, 1);
  SSL_set_bio(tls_.get(), bio, bio);
  // A record by one read; and what is written may have moved when it is tried again.
  SSL_set_read_ahead(tls_.get(), 1);
  SSL_set_mode(tls_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                               SSL_MODE_RELEASE_BUFFERS);
  const auto [error, count] = co_await repeat([this] {
    ERR_clear_error();
    const int result = SSL_accept(tls_.get());
    return result == 1 ? Step() : failed(result);
  });
  co_return error;
}

asio::awaitable<void> Stream::end() {
  ErrorCode ignored;
  if (!tls_) {
    socket_.shutdown(tcp::socket::shutdown_both, ignored);
    co_return;
  }
  (void)co_await repeat([this] {
    ERR_clear_error();
    int result = SSL_shutdown(tls_.get());
    if (result == 0) result = SSL_shutdown(tls_.get());  // said; now what the client says
    return result == 1 ? Step() : failed(result);
  });
}

Stream::Step Stream::read_once(asio::mutable_buffer into) {
  if (tls_) {
    ERR_clear_error();
    std::size_t got = 0;
    const int result = SSL_read_ex(tls_.get(), into.data(), into.size(), &got);
    return result == 1 ? Step{Want::nothing, {}, got} : failed(result);
  }
  const ssize_t got = ::recv(socket_.native_handle(), into.data(), into.size(), 0);
  if (got > 0) return {Want::nothing, {}, static_cast<std::size_t>(got)};
  if (got == 0) return {Want::nothing, asio::error::eof, 0};
  return would_block(errno) ? Step{Want::to_read, {}, 0} : Step{Want::nothing, system_error(errno), 0};
}

Stream::Step Stream::write_once(std::string_view octets) {
  if (tls_) {
    ERR_clear_error();
    std::size_t sent = 0;
    const int result = SSL_write_ex(tls_.get(), octets.data(), octets.size(), &sent);
    return result == 1 ? Step{Want::nothing, {}, sent} : failed(result);
  }
  const ssize_t sent = ::send(socket_.native_handle(), octets.data(), octets.size(), MSG_NOSIGNAL);
  if (sent >= 0) return {Want::nothing, {}, static_cast<std::size_t>(sent)};
  return would_block(errno) ? Step{Want::to_write, {}, 0} : Step{Want::nothing, system_error(errno), 0};
}

asio::awaitable<Stream::Moved> Stream::read_some(asio::mutable_buffer into) {
  return repeat([this, into] { return read_once(into); });
}

asio::awaitable<Stream::ErrorCode> Stream::write(std::string_view octets) {
  const auto [error, count] = co_await repeat([this, &octets] {
    for (;;) {
      const Step step = write_once(octets);
      octets.remove_prefix(step.moved);
      if (step.want != Want::nothing || step.error || octets.empty()) return step;
    }
  });
  co_return error;
}

}  // namespace pedigree::http
