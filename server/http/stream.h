// SPDX-License-Identifier: Apache-2.0
// One connection: TCP, and TLS once it has begun; and when it has to be done.
#pragma once

#include <openssl/ssl.h>

#include <boost/asio.hpp>
#include <chrono>
#include <memory>
#include <set>
#include <span>
#include <string_view>
#include <utility>

namespace pedigree::http {

class Stream;

/// An event loop and its connections, which are all of one thread. It cuts those whose time is over, and
/// looks a few times in a second while there are any: what a connection does then costs no timer of its own.
class Loop {
 public:
  [[nodiscard]] boost::asio::io_context& context() noexcept { return context_; }
  /// Ends what waits for a client to ask something.
  void cancel_idle();

 private:
  friend class Stream;
  void add(Stream& stream);
  void tick();

  std::set<Stream*> streams_;  // first: what the context still has when it goes leaves this
  boost::asio::io_context context_{1};
  boost::asio::steady_timer timer_{context_};
};

/// Belongs to one event loop's thread. While it waits for its client it has no buffers: OpenSSL reads from
/// the socket when there is something to read, and gives its record buffers back.
class Stream {
 public:
  using ErrorCode = boost::system::error_code;
  /// Error, and how many octets were moved.
  using Moved = std::pair<ErrorCode, std::size_t>;

  /// A connection of this loop, which it borrows.
  Stream(boost::asio::ip::tcp::socket socket, Loop& loop);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// From now on, for all that follows until it is said anew: boost::beast::error::timeout after that.
  void expires_after(std::chrono::steady_clock::duration time);
  /// Waits until there is something to read, or the client has gone. Loop::cancel_idle ends it.
  [[nodiscard]] boost::asio::awaitable<ErrorCode> readable();
  /// The handshake of a server. Borrows the context.
  [[nodiscard]] boost::asio::awaitable<ErrorCode> begin_tls(SSL_CTX* context);
  /// Says that nothing follows, and with TLS waits until the client has said so too.
  [[nodiscard]] boost::asio::awaitable<void> end();
  /// At least one octet, or an error: boost::asio::error::eof where the client ended it.
  [[nodiscard]] boost::asio::awaitable<Moved> read_some(boost::asio::mutable_buffer into);
  /// All of it, or an error.
  [[nodiscard]] boost::asio::awaitable<ErrorCode> write(std::string_view octets);

  /// Null without TLS.
  [[nodiscard]] SSL* tls() const noexcept { return tls_.get(); }

 private:
  friend class Loop;
  enum class Want : std::uint8_t { nothing, to_read, to_write };
  /// What became of an attempt: done where it wants nothing.
  struct Step {
    Want want = Want::nothing;
    ErrorCode error;
    std::size_t moved = 0;
  };
  template <typename Attempt>
  boost::asio::awaitable<Moved> repeat(Attempt attempt);
  [[nodiscard]] boost::asio::awaitable<ErrorCode> wait(Want want);
  [[nodiscard]] Step read_once(boost::asio::mutable_buffer into);
  [[nodiscard]] Step write_once(std::string_view octets);
  /// What OpenSSL means by `result`, which was not a success.
  [[nodiscard]] Step failed(int result) const;
  void time_out();

  boost::asio::ip::tcp::socket socket_;
  Loop& loop_;
  std::unique_ptr<SSL, decltype(&SSL_free)> tls_{nullptr, &SSL_free};
  std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::time_point::max();
  bool timed_out_ = false;
  bool idle_ = false;
};

}  // namespace pedigree::http
