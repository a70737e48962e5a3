// SPDX-License-Identifier: Apache-2.0
#include "server/app/app.h"

#include <ctime>
#include <future>

#include "server/app/appraisal.h"
#include "server/app/audit.h"
#include "server/app/database.h"
#include "server/app/grant_signer.h"

namespace pedigree::app {
namespace {

der::UnixTime now() {
  return std::time(nullptr);
}

Answer<std::unique_ptr<registry::Store>> open_database(const store::StoreOptions& options,
                                                       const crypto::Crypto& crypto) {
  std::string why;
  auto store = store::open_store(options, crypto, &why);
  if (!store) return refuse_database(options, store.error().code, why);
  return *std::move(store);
}

}  // namespace

struct App::State {
  std::unique_ptr<Directory> directory;
  std::string database;
  std::unique_ptr<registry::Store> store;
  std::unique_ptr<Appraisal> appraisal;
  std::unique_ptr<http::AuditSigner> log_signer;
  std::unique_ptr<GrantKey> grant_key;
  std::unique_ptr<http::Api> api;
  std::unique_ptr<Protocols> protocols;
  std::unique_ptr<http::Server> server;
  std::optional<LogKeeper> log_keeper;

  ~State() {
    log_keeper.reset();
    if (server) server->stop();
    if (protocols) protocols->stop();
    // The store answers what it still holds, into loops that have stopped but exist.
    store.reset();
    server.reset();
  }
};

App::App(std::unique_ptr<State> state) : state_(std::move(state)) {}
App::~App() = default;

Answer<std::unique_ptr<App>> App::start(const ServeOptions& options, const SecretText& passphrase) {
  auto state = std::make_unique<State>();
  auto directory = Directory::open(options.directory, &passphrase);
  if (!directory) return std::unexpected(directory.error());
  state->directory = *std::move(directory);
  const auto database = database_of(state->directory->layout(), state->directory->engine().config());
  if (!database) return std::unexpected(database.error());
  state->database = title(*database);
  auto store = open_database(*database, state->directory->crypto());
  if (!store) return std::unexpected(store.error());
  state->store = *std::move(store);
  auto appraisal = Appraisal::open(*state->directory, *database);
  if (!appraisal) return std::unexpected(appraisal.error());
  state->appraisal = *std::move(appraisal);
  state->api = std::make_unique<http::Api>(state->directory->engine(), *state->store,
                                           &state->appraisal->appraiser(), now);
  auto signer = open_log_signer(state->directory->layout(), state->directory->engine().root_spki_sha256(),
                                passphrase, *state->store, state->directory->crypto());
  if (!signer) return std::unexpected(signer.error());
  state->log_signer = *std::move(signer);
  state->api->sign_log_with(state->log_signer.get());
  auto grants = GrantKey::open(state->directory->layout(), state->directory->crypto(),
                               state->directory->engine().root(), passphrase);
  if (!grants) return std::unexpected(grants.error());
  state->grant_key = *std::move(grants);
  if (state->grant_key) state->api->grant_with(&state->grant_key->signer());
  state->protocols = std::make_unique<Protocols>(
      Protocols::Wanted{*state->directory, *state->store, *state->api, now,
                        [&registry = state->appraisal->registry()] { return registry.generation(); }});
  auto settings = state->directory->server_options();
  if (!settings) return std::unexpected(settings.error());
  settings->host = options.host;
  settings->port = options.port;
  settings->threads = options.threads;
  auto server = http::Server::start(*std::move(settings), state->protocols->handler());
  if (!server) return std::unexpected(server.error());
  state->server = *std::move(server);
  state->log_keeper.emplace(*state->log_signer, options.checkpoint_interval);
  if (const auto listening = state->protocols->listen(options.threads); !listening) {
    return std::unexpected(listening.error());
  }
  return std::unique_ptr<App>(new App(std::move(state)));
}

std::string App::url() const {
  return state_->server->url();
}

std::uint16_t App::port() const {
  return state_->server->port();
}

const std::string& App::database() const {
  return state_->database;
}

std::vector<ServedProtocol> App::protocols() const {
  return state_->protocols->served(url());
}

struct LocalAuthority::State {
  std::unique_ptr<Directory> directory;
  std::unique_ptr<registry::Store> store;
  std::unique_ptr<GrantKey> grant_key;
  std::unique_ptr<http::Api> api;
};

LocalAuthority::LocalAuthority(std::unique_ptr<State> state) : state_(std::move(state)) {}
LocalAuthority::~LocalAuthority() = default;

Answer<std::unique_ptr<LocalAuthority>> LocalAuthority::open(const std::filesystem::path& path,
                                                             const SecretText* passphrase) {
  auto state = std::make_unique<State>();
  auto directory = Directory::open(path, passphrase);
  if (!directory) return std::unexpected(directory.error());
  state->directory = *std::move(directory);
  const auto database = database_of(state->directory->layout(), state->directory->engine().config());
  if (!database) return std::unexpected(database.error());
  auto store = open_database(*database, state->directory->crypto());
  if (!store) return std::unexpected(store.error());
  state->store = *std::move(store);
  state->api = std::make_unique<http::Api>(state->directory->engine(), *state->store, nullptr, now);
  return std::unique_ptr<LocalAuthority>(new LocalAuthority(std::move(state)));
}

http::Response LocalAuthority::call(http::Method method, std::string_view target, std::string_view body,
                                    std::string who) {
  const http::Identity identity{http::Role::operator_, std::move(who), "local"};
  std::promise<http::Response> promise;
  state_->api->handle({method, target, body, false, &identity},
                      [&promise](http::Response response) { promise.set_value(std::move(response)); });
  return promise.get_future().get();
}

Answer<void> LocalAuthority::take_grant_signer(const SecretText& passphrase) {
  auto key = GrantKey::open(layout(), state_->directory->crypto(), engine().root(), passphrase);
  if (!key) return std::unexpected(key.error());
  state_->grant_key = *std::move(key);
  if (state_->grant_key == nullptr)
    return authority::refuse(ErrorCode::not_found, "this authority has no signer of grants");
  state_->api->grant_with(&state_->grant_key->signer());
  return {};
}

const authority::Engine& LocalAuthority::engine() const noexcept {
  return state_->directory->engine();
}

registry::Store& LocalAuthority::store() noexcept {
  return *state_->store;
}

const Layout& LocalAuthority::layout() const noexcept {
  return state_->directory->layout();
}

}  // namespace pedigree::app
