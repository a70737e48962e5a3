// SPDX-License-Identifier: Apache-2.0
#include "server/app/protocols.h"

#include <charconv>

namespace pedigree::app {

bool parse_listen(std::string_view text, std::string& host, std::uint16_t& port) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data() + colon + 1, end, port);
  return error == std::errc() && at == end;
}

Protocols::Protocols(const Directory& directory, registry::Store& store, http::Api& api,
                     std::function<der::UnixTime()> clock)
    : directory_(directory),
      enrolment_(directory.engine(), store, std::move(clock)),
      est_(enrolment_),
      liteboot_(enrolment_),
      main_({enrolment_.config().est ? &est_ : nullptr, &api}) {}

Protocols::~Protocols() = default;

Answer<std::unique_ptr<Protocols>> Protocols::make(const Directory& directory, registry::Store& store,
                                                   http::Api& api, std::function<der::UnixTime()> clock) {
  return std::unique_ptr<Protocols>(new Protocols(directory, store, api, std::move(clock)));
}

Answer<void> Protocols::listen(unsigned threads) {
  const authority::ProtocolsConfig& config = enrolment_.config();
  if (config.liteboot_listen.empty()) return {};
  auto settings = directory_.server_options();
  if (!settings) return std::unexpected(settings.error());
  (void)parse_listen(config.liteboot_listen, settings->host, settings->port);  // read_config has checked it
  settings->threads = threads;
  settings->tls12 = true;  // Mbed TLS 2.28, in devices in the field, speaks no other
  settings->max_body = 64 * std::size_t{1024};
  auto server = http::Server::start(*std::move(settings), liteboot_);
  if (!server) return std::unexpected(server.error());
  liteboot_server_ = *std::move(server);
  return {};
}

void Protocols::stop() {
  if (liteboot_server_) liteboot_server_->stop();
}

std::vector<ServedProtocol> Protocols::served(const std::string& url) const {
  std::vector<ServedProtocol> list;
  if (enrolment_.config().est) list.push_back({"EST", url + "/.well-known/est"});
  if (liteboot_server_) list.push_back({"liteboot", liteboot_server_->url() + "/api/v1"});
  return list;
}

}  // namespace pedigree::app
