// SPDX-License-Identifier: Apache-2.0
#include "testing/authority/parts.h"

#include <ctime>
#include <stdexcept>

namespace pedigree::testing {

TunedServer::TunedServer(const AuthorityFolder& folder, const Tuning& tuning) : folder_(folder) {
  const app::SecretText passphrase{std::string(kPassphrase)};
  auto directory = app::Directory::open(folder.path(), &passphrase);
  if (!directory) throw std::runtime_error(directory.error().detail);
  directory_ = *std::move(directory);
  auto store = store::open_store({.file = folder.layout().database(),
                                  .busy_milliseconds = tuning.busy_milliseconds,
                                  .max_size_octets = tuning.max_size_octets},
                                 directory_->crypto());
  if (!store) throw std::runtime_error(std::string(sentence(store.error().code)));
  store_ = *std::move(store);
  api_ =
      std::make_unique<http::Api>(directory_->engine(), *store_, nullptr, [] { return std::time(nullptr); });
  auto options = directory_->server_options();
  if (!options) throw std::runtime_error(options.error().detail);
  options->threads = 2;
  options->io_timeout = tuning.io_timeout;
  options->idle_timeout = tuning.idle_timeout;
  options->connections = tuning.connections;
  auto server = http::Server::start(*std::move(options), *api_);
  if (!server) throw std::runtime_error(server.error().detail);
  server_ = *std::move(server);
}

TunedServer::~TunedServer() {
  server_->stop();
  store_.reset();  // it answers what it still holds, into loops that have stopped but exist
}

}  // namespace pedigree::testing
