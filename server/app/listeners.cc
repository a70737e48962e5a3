// SPDX-License-Identifier: Apache-2.0
#include "server/app/listeners.h"

namespace pedigree::app {
namespace {

/// Of bodies where no list of devices is sent.
constexpr std::size_t kSmallBody = 64 * std::size_t{1024};

}  // namespace

void Switch::set(std::shared_ptr<http::Handler> handler) {
  const std::lock_guard lock(mutex_);
  // What was there is destroyed outside of the lock.
  handler_.swap(handler);
}

void Switch::handle(const http::Request& request, http::Respond respond) {
  std::shared_ptr<http::Handler> current;
  {
    const std::lock_guard lock(mutex_);
    current = handler_;
  }
  if (!current)
    return respond(http::error_response(ErrorCode::timeout, "the authority is starting or stopping"));
  http::Handler& handler = *current;
  handler.handle(request, [current = std::move(current), respond = std::move(respond)](
                              http::Response response) { respond(std::move(response)); });
}

Answer<void> Listeners::start_plain(const ListenOptions& options, const Directory& directory,
                                    const std::string& listen, http::Handler& handler,
                                    std::string_view protocol, std::unique_ptr<http::Server>& out) {
  http::ServerOptions settings;
  if (!authority::parse_listen(listen, settings.host, settings.port)) {
    return authority::refuse(ErrorCode::bad_configuration, listen + " is not an address and a port");
  }
  settings.tls = false;
  settings.connections = directory.connection_limits();
  settings.threads = options.threads;
  settings.max_body = kSmallBody;
  settings.protocol = protocol;
  settings.metrics = options.metrics;
  settings.log = options.log;
  // Whoever scrapes metrics does so all day.
  settings.log_requests = &handler == &plain_;
  auto server = http::Server::start(std::move(settings), handler);
  if (!server) return std::unexpected(server.error());
  out = *std::move(server);
  return {};
}

Answer<void> Listeners::start(const ListenOptions& options, const Directory& directory,
                              http::Handler& monitor) {
  const authority::Config& config = directory.engine().config();
  const auto tls_settings = [&]() -> Answer<http::ServerOptions> {
    auto settings = directory.server_options();
    if (!settings) return settings;
    settings->threads = options.threads;
    settings->metrics = options.metrics;
    settings->log = options.log;
    settings->log_requests = config.log.requests;
    return settings;
  };
  auto settings = tls_settings();
  if (!settings) return std::unexpected(settings.error());
  settings->host = options.host;
  settings->port = options.port;
  auto server = http::Server::start(*std::move(settings), main_);
  if (!server) return std::unexpected(server.error());
  main_server_ = *std::move(server);
  if (!config.protocols.liteboot_listen.empty()) {
    settings = tls_settings();
    if (!settings) return std::unexpected(settings.error());
    (void)authority::parse_listen(config.protocols.liteboot_listen, settings->host,
                                  settings->port);  // read_config did
    settings->tls12 = true;                         // Mbed TLS 2.28, in devices in the field, speaks no other
    settings->max_body = kSmallBody;
    settings->protocol = "liteboot";
    server = http::Server::start(*std::move(settings), liteboot_);
    if (!server) return std::unexpected(server.error());
    liteboot_server_ = *std::move(server);
  }
  if (!config.protocols.http_listen.empty()) {
    const auto started =
        start_plain(options, directory, config.protocols.http_listen, plain_, "http", plain_server_);
    if (!started) return started;
  }
  if (options.metrics_listen.empty()) return {};
  return start_plain(options, directory, options.metrics_listen, monitor, "monitor", monitor_server_);
}

void Listeners::set(std::shared_ptr<http::Handler> main, std::shared_ptr<http::Handler> plain,
                    std::shared_ptr<http::Handler> liteboot) {
  main_.set(std::move(main));
  plain_.set(std::move(plain));
  liteboot_.set(std::move(liteboot));
}

Answer<void> Listeners::renew(const Directory& directory) {
  auto settings = directory.server_options();
  if (!settings) return std::unexpected(settings.error());
  if (liteboot_server_) {
    http::ServerOptions old_devices = *settings;
    old_devices.tls12 = true;
    if (const auto done = liteboot_server_->renew_tls(std::move(old_devices)); !done) return done;
  }
  if (const auto done = main_server_->renew_tls(*std::move(settings)); !done) return done;
  for (auto* server : {&main_server_, &liteboot_server_, &plain_server_, &monitor_server_}) {
    if (*server) (*server)->set_limits(directory.connection_limits());
  }
  return {};
}

void Listeners::stop() {
  for (auto* server : {&main_server_, &liteboot_server_, &plain_server_, &monitor_server_}) {
    if (*server) (*server)->stop();
  }
}

std::vector<ServedProtocol> Listeners::served(const authority::ProtocolsConfig& config) const {
  const std::string url = main_server_->url();
  std::vector<ServedProtocol> list;
  if (config.est) list.push_back({"EST", url + "/.well-known/est"});
  if (config.cmp) list.push_back({"CMP", url + "/.well-known/cmp"});
  if (config.ocsp) list.push_back({"OCSP", url + "/ocsp"});
  if (plain_server_) {
    list.push_back({"CRL (http)", plain_server_->url() + "/v1/crl"});
    if (config.ocsp) list.push_back({"OCSP (http)", plain_server_->url() + "/ocsp"});
  }
  if (liteboot_server_) list.push_back({"liteboot", liteboot_server_->url() + "/api/v1"});
  if (monitor_server_) list.push_back({"metrics", monitor_server_->url() + "/metrics"});
  return list;
}

}  // namespace pedigree::app
