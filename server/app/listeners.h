// SPDX-License-Identifier: Apache-2.0
// The listeners of a serving authority, and what stands behind each, which may be replaced while they serve.
#pragma once

#include <mutex>

#include "server/app/directory.h"
#include "server/app/protocols.h"

namespace pedigree::app {

/// Hands requests to a handler that may be replaced: each request is answered by the one that took it.
class Switch final : public http::Handler {
 public:
  void set(std::shared_ptr<http::Handler> handler);
  void handle(const http::Request& request, http::Respond respond) override;

 private:
  std::mutex mutex_;  // held for copying a pointer
  std::shared_ptr<http::Handler> handler_;
};

/// Where the authority listens; those of protocols come from its configuration.
struct ListenOptions {
  std::string host;
  std::uint16_t port = 0;
  unsigned threads = 0;
  std::string metrics_listen;  ///< "HOST:PORT"; empty: none
  std::shared_ptr<observe::AuthorityMetrics> metrics;
  std::shared_ptr<observe::Log> log;
};

class Listeners {
 public:
  Listeners() = default;
  Listeners(const Listeners&) = delete;
  Listeners& operator=(const Listeners&) = delete;

  /// Borrows `monitor`, which answers on the listener of metrics. Errors: those of Server::start.
  [[nodiscard]] Answer<void> start(const ListenOptions& options, const Directory& directory,
                                   http::Handler& monitor);
  /// What answers from now on; each keeps alive what it needs.
  void set(std::shared_ptr<http::Handler> main, std::shared_ptr<http::Handler> plain,
           std::shared_ptr<http::Handler> liteboot);
  /// Connections that begin from now on see the certificates of this directory, and have its limits. Errors:
  /// those of Server::renew_tls and Directory::server_options.
  [[nodiscard]] Answer<void> renew(const Directory& directory);
  /// Answers what is being worked on, and accepts no more.
  void stop();

  [[nodiscard]] const http::Server& main() const noexcept { return *main_server_; }
  /// Null: there is none.
  [[nodiscard]] const http::Server* monitor() const noexcept { return monitor_server_.get(); }
  [[nodiscard]] std::vector<ServedProtocol> served(const authority::ProtocolsConfig& config) const;

 private:
  [[nodiscard]] Answer<void> start_plain(const ListenOptions& options, const Directory& directory,
                                         const std::string& listen, http::Handler& handler,
                                         std::string_view protocol, std::unique_ptr<http::Server>& out);

  Switch main_;
  Switch plain_;
  Switch liteboot_;
  std::unique_ptr<http::Server> main_server_;
  std::unique_ptr<http::Server> plain_server_;
  std::unique_ptr<http::Server> liteboot_server_;
  std::unique_ptr<http::Server> monitor_server_;
};

}  // namespace pedigree::app
