// SPDX-License-Identifier: Apache-2.0
// The server: HTTPS with client certificates, or plain HTTP; one event loop for each thread.
#pragma once

#include <chrono>
#include <memory>

#include "authority/refusal.h"
#include "server/http/handler.h"
#include "server/observe/authority_metrics.h"
#include "server/observe/log.h"

namespace pedigree::http {

/// Connections of one listener; more are closed at once.
struct ConnectionLimits {
  std::size_t all = 4096;
  /// From one IPv4 address, or from one /64 of IPv6, which one host may fill as it likes.
  std::size_t per_address = 1024;
};

struct ServerOptions {
  std::string host = "127.0.0.1";  ///< IPv4 or IPv6 address
  std::uint16_t port = 0;          ///< 0: the system chooses
  unsigned threads = 0;            ///< 0: as many as there are cores
  bool tls = true;                 ///< false: plain HTTP, where nobody has a role
  bool tls12 = false;              ///< TLS 1.2 too (ECDHE and AEAD), for clients that know no other
  std::string ca_pem;              ///< clients are checked against this
  std::string device_root_pem;     ///< devices below this are clients too; empty: none are
  std::vector<std::string> device_issuers_pem;  ///< between them and that root
  std::string certificate_pem;
  std::string key_pem;
  ConnectionLimits connections;  ///< fewer, in proportion, where RLIMIT_NOFILE is lower
  std::size_t max_header = 8 * 1024;
  std::size_t max_body = 1024 * 1024;
  std::chrono::seconds io_timeout{15};  ///< for a handshake, a request once begun, and an answer
  std::string_view protocol = "v1";     ///< of requests whose handler names none; static storage
  std::shared_ptr<observe::AuthorityMetrics> metrics{};  ///< null: nothing is counted
  std::shared_ptr<observe::Log> log{};                   ///< null: nothing is written
  bool log_requests = true;                              ///< a line for each request
  std::chrono::seconds idle_timeout{120};  ///< between requests; without a client certificate: io_timeout
};

class Server {
 public:
  /// Listens and starts. Borrows `handler`. Errors: bad_configuration (certificates, address),
  /// connection_failed (the port is taken).
  static authority::Answer<std::unique_ptr<Server>> start(ServerOptions options, Handler& handler);
  /// Stops if stop() was not called.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept;
  /// "https://127.0.0.1:8443", or with http where that is spoken.
  [[nodiscard]] std::string url() const;
  /// Certificate, key and client CAs of connections that begin from now on; of `options` nothing else is
  /// taken. Errors: bad_configuration: the old ones stay.
  [[nodiscard]] authority::Answer<void> renew_tls(ServerOptions options);
  /// For connections that begin from now on; those that there are stay.
  void set_limits(const ConnectionLimits& limits);
  /// Accepts no more, answers what is being worked on, and returns; what takes over five seconds is cut.
  void stop();

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace pedigree::http
