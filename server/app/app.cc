// SPDX-License-Identifier: Apache-2.0
#include "server/app/app.h"

#include <fmt/format.h>

#include <ctime>
#include <future>
#include <tuple>

#include "crypto/openssl/openssl_crypto.h"
#include "server/app/appraisal.h"
#include "server/app/audit.h"
#include "server/app/crl_lots.h"
#include "server/app/crl_shelf.h"
#include "server/app/database.h"
#include "server/app/grant_signer.h"
#include "server/app/listeners.h"
#include "server/app/readiness.h"
#include "server/http/repeat.h"
#include "server/store/sqlite_store.h"

namespace pedigree::app {
namespace {

/// How late a server may learn of a rotation that another process ordered.
constexpr std::chrono::milliseconds kIssuerWatchInterval{500};

der::UnixTime now() {
  return std::time(nullptr);
}

/// The registry's orders, into the engine's states. To be late is no danger: what an intermediate signs that
/// is not active any more, the registry does not take. Errors: database_failure.
Result<void> take_issuer_orders(const authority::Engine& engine, registry::Store& store) {
  PEDIGREE_ASSIGN(const auto orders, store.issuer_orders());
  engine.apply(orders);
  return {};
}

Answer<std::unique_ptr<registry::Store>> open_database(const store::StoreOptions& options,
                                                       const crypto::Crypto& crypto) {
  std::string why;
  auto store = store::open_store(options, crypto, &why);
  if (!store) return refuse_database(options, store.error().code, why);
  return *std::move(store);
}

/// What a running process cannot change. Errors: bad_configuration.
Answer<void> needs_no_restart(const authority::Config& old, const authority::Config& fresh) {
  const std::array<std::tuple<const char*, const std::string&, const std::string&>, 4> fixed{{
      {"database.url", old.database.url, fresh.database.url},
      {"protocols.http_listen", old.protocols.http_listen, fresh.protocols.http_listen},
      {"protocols.liteboot_listen", old.protocols.liteboot_listen, fresh.protocols.liteboot_listen},
      {"metrics.listen", old.metrics_listen, fresh.metrics_listen},
  }};
  for (const auto& [name, before, after] : fixed) {
    if (before == after) continue;
    return authority::refuse(ErrorCode::bad_configuration,
                             std::string(name) + " has another value: that takes a restart");
  }
  return {};
}

}  // namespace

/// What is read from the directory, and everything that works by it: replaced as a whole by a reload.
struct Generation {
  std::unique_ptr<Directory> directory;
  std::unique_ptr<Appraisal> appraisal;
  std::unique_ptr<GrantKey> grant_key;
  std::unique_ptr<http::Api> api;
  std::unique_ptr<Protocols> protocols;
};

struct App::State {
  explicit State(ServeOptions given) : options(std::move(given)), readiness(options.readiness_life) {}

  ServeOptions options;
  std::shared_ptr<observe::AuthorityMetrics> metrics = std::make_shared<observe::AuthorityMetrics>();
  std::shared_ptr<observe::Log> log;
  crypto::OpenSslCrypto crypto;
  store::StoreOptions database;
  std::string database_title;
  std::optional<CrlLots> crl_lots;
  std::optional<CrlFiles> crl_files;
  std::unique_ptr<registry::Store> store;
  std::unique_ptr<WatchedSigner> log_signer;
  std::mutex generation_mutex;  // held for copying a pointer
  std::shared_ptr<Generation> generation;
  // What reloads replaced, while requests are still answered by it. It ends here and not with its last
  // request, which may run on a thread that a generation waits for when it ends.
  std::vector<std::shared_ptr<Generation>> retired;
  std::mutex reload_mutex;
  CachedCheck readiness;
  std::unique_ptr<http::MonitorHandler> monitor;
  Listeners listeners;
  std::optional<LogKeeper> log_keeper;
  std::optional<http::Repeat> issuer_watch;

  ~State() {
    issuer_watch.reset();
    log_keeper.reset();
    listeners.stop();
    if (generation) {
      generation->protocols->stop();
      retired.push_back(generation);
    }
    for (const auto& one : retired) {
      one->protocols->drain();
      one->api->stop();
    }
    // The store answers what it still holds, into loops that have stopped but exist.
    store.reset();
  }

  [[nodiscard]] std::shared_ptr<Generation> current() {
    const std::lock_guard lock(generation_mutex);
    return generation;
  }
  Answer<void> start(const SecretText& passphrase);
  Answer<void> open_store(const SecretText& passphrase, const Directory& directory);
  Answer<std::shared_ptr<Generation>> build(std::unique_ptr<Directory> directory,
                                            const SecretText& passphrase);
  Answer<void> reload(const SecretText& passphrase);
  void take(std::shared_ptr<Generation> next);
  std::vector<http::Dependency> dependencies();
  std::string metrics_text();
  void write_times(observe::Exposition& out, const Generation& now_serving);
};

Answer<void> App::State::open_store(const SecretText& passphrase, const Directory& directory) {
  auto where = database_of(directory.layout(), directory.engine().config());
  if (!where) return std::unexpected(where.error());
  database = *std::move(where);
  database_title = title(database);
  database.metrics = {metrics, &metrics->store};
  auto opened = open_database(database, crypto);
  if (!opened) return std::unexpected(opened.error());
  store = *std::move(opened);
  crl_lots.emplace(*store);
  crl_files.emplace(directory.layout());
  auto signer =
      open_log_signer(directory.layout(), directory.engine().root_spki_sha256(), passphrase, *store, crypto);
  if (!signer) return std::unexpected(signer.error());
  log_signer = std::make_unique<WatchedSigner>(*std::move(signer));
  return {};
}

Answer<std::shared_ptr<Generation>> App::State::build(std::unique_ptr<Directory> directory,
                                                      const SecretText& passphrase) {
  auto next = std::make_shared<Generation>();
  next->directory = std::move(directory);
  if (const auto taken = take_issuer_orders(next->directory->engine(), *store); !taken) {
    return authority::refuse(taken.error());
  }
  next->directory->take_crl_partitions_from(&*crl_lots);
  if (const auto taken = crl_lots->start(next->directory->engine()); !taken) {
    return authority::refuse(taken.error());
  }
  auto appraisal = Appraisal::open(*next->directory, database);
  if (!appraisal) return std::unexpected(appraisal.error());
  next->appraisal = *std::move(appraisal);
  auto grants = GrantKey::open(next->directory->layout(), next->directory->crypto(),
                               next->directory->engine().root(), passphrase);
  if (!grants) return std::unexpected(grants.error());
  next->grant_key = *std::move(grants);
  next->api =
      std::make_unique<http::Api>(next->directory->engine(), *store, &next->appraisal->appraiser(), now);
  const auto changes = [&registry = next->appraisal->registry()] { return registry.generation(); };
  next->api->see_changes_by(changes);
  next->api->keep_crls_on(&*crl_files);
  next->api->sign_log_with(log_signer.get());
  if (next->grant_key) next->api->grant_with(&next->grant_key->signer());
  next->api->observe_with(
      metrics.get(), [this] { return metrics_text(); }, [this] { return dependencies(); });
  next->protocols = std::make_unique<Protocols>(
      Protocols::Wanted{*next->directory, *store, *next->api, now, changes, metrics.get()});
  return next;
}

void App::State::take(std::shared_ptr<Generation> next) {
  next->protocols->begin();
  // Each handler's pointer keeps the whole generation alive.
  listeners.set({next, &next->protocols->handler()}, {next, &next->protocols->plain()},
                {next, &next->protocols->liteboot()});
  {
    const std::lock_guard lock(generation_mutex);
    generation.swap(next);
  }
  std::erase_if(retired, [](const auto& one) { return one.use_count() == 1; });
  if (!next) return;
  next->protocols->stop();
  retired.push_back(std::move(next));
}

Answer<void> App::State::start(const SecretText& passphrase) {
  auto directory = Directory::open(options.directory, &passphrase, metrics);
  if (!directory) return std::unexpected(directory.error());
  const authority::Config config = (*directory)->engine().config();
  if (options.log) {
    auto opened = observe::Log::open(config.log, metrics->log_lines_lost);
    if (!opened) return std::unexpected(opened.error());
    log = *std::move(opened);
  }
  if (const auto opened = open_store(passphrase, **directory); !opened) return opened;
  auto next = build(*std::move(directory), passphrase);
  if (!next) return std::unexpected(next.error());
  monitor = std::make_unique<http::MonitorHandler>([this] { return metrics_text(); },
                                                   [this] { return dependencies(); });
  const ListenOptions listen{
      options.host,    options.port,
      options.threads, options.metrics_listen.empty() ? config.metrics_listen : options.metrics_listen,
      metrics,         log};
  const Directory& read = *(*next)->directory;
  take(*std::move(next));
  if (const auto listening = listeners.start(listen, read, *monitor); !listening) return listening;
  log_keeper.emplace(*log_signer, options.checkpoint_interval);
  issuer_watch.emplace(
      [this] {
        // A database that fails is noticed by whoever writes.
        (void)take_issuer_orders(current()->directory->engine(), *store);
      },
      kIssuerWatchInterval);
  return {};
}

Answer<void> App::State::reload(const SecretText& passphrase) {
  const std::lock_guard lock(reload_mutex);
  auto directory = Directory::open(options.directory, &passphrase, metrics);
  if (!directory) return std::unexpected(directory.error());
  if ((*directory)->engine().root() != current()->directory->engine().root()) {
    return authority::refuse(
        ErrorCode::bad_configuration,
        "the root is another one: that is another authority, which is started, not reloaded");
  }
  const authority::Config& config = (*directory)->engine().config();
  if (const auto same = needs_no_restart(current()->directory->engine().config(), config); !same) return same;
  const authority::LogConfig lines = config.log;
  auto next = build(*std::move(directory), passphrase);
  if (!next) return std::unexpected(next.error());
  if (log) {
    if (const auto opened = log->reopen(lines); !opened) return opened;
  }
  if (const auto renewed = listeners.renew(*(*next)->directory); !renewed) return renewed;
  (*next)->protocols->take_delegates_from(*current()->protocols);
  take(*std::move(next));
  return {};
}

std::vector<http::Dependency> App::State::dependencies() {
  return readiness.get([this] {
    const auto serving = current();
    return check_dependencies(*serving->directory, *store, log_signer.get(), now());
  });
}

void App::State::write_times(observe::Exposition& out, const Generation& serving) {
  const auto sample = [&out](std::string_view label, std::string_view name, der::UnixTime when) {
    const std::array<std::pair<std::string_view, std::string_view>, 1> labels{{{label, name}}};
    out.sample(labels, static_cast<double>(when));
  };
  out.begin("pedigree_certificate_expiry_timestamp_seconds", "gauge",
            "When a certificate of the authority ends, Unix time.");
  for (const Validity& one : validities(*serving.directory)) sample("certificate", one.name, one.not_after);
  const auto crls = serving.api->crl_times();
  out.begin("pedigree_crl_made_timestamp_seconds", "gauge",
            "When the newest CRL of an issuer was made, Unix time.");
  for (const http::CrlTimes& one : crls) sample("issuer", one.issuer, one.made);
  out.begin("pedigree_crl_expiry_timestamp_seconds", "gauge", "When that CRL ends, Unix time.");
  for (const http::CrlTimes& one : crls) sample("issuer", one.issuer, one.next_update);
}

std::string App::State::metrics_text() {
  observe::Exposition out;
  metrics->write(out);
  const auto serving = current();
  write_times(out, *serving);
  out.begin("pedigree_ready", "gauge", "1 where a dependency is well, 0 where it fails.");
  for (const http::Dependency& one : dependencies()) {
    const std::array<std::pair<std::string_view, std::string_view>, 1> labels{{{"dependency", one.name}}};
    out.sample(labels, one.state == http::DependencyState::failing ? 0 : 1);
  }
  if (const auto head = store->log_head()) {
    out.gauge("pedigree_audit_log_events", "Events in the audit log.", static_cast<double>(head->size));
  }
  if (const auto head = store->signed_head()) {
    out.gauge("pedigree_audit_checkpoint_events", "Events that the newest checkpoint covers.",
              static_cast<double>(head->size));
    out.gauge("pedigree_audit_checkpoint_timestamp_seconds",
              "When the newest checkpoint was signed, Unix time.", static_cast<double>(head->when));
  }
  observe::write_process(out);
  return std::move(out).take();
}

App::App(std::unique_ptr<State> state) : state_(std::move(state)) {}
App::~App() = default;

Answer<std::unique_ptr<App>> App::start(const ServeOptions& options, const SecretText& passphrase) {
  auto state = std::make_unique<State>(options);
  if (const auto started = state->start(passphrase); !started) return std::unexpected(started.error());
  return std::unique_ptr<App>(new App(std::move(state)));
}

Answer<void> App::reload(const SecretText& passphrase) {
  auto done = state_->reload(passphrase);
  state_->metrics->reloads.at({done ? "taken" : "refused"}).add();
  note(done ? Notice{observe::LogLevel::info, "reloaded", {}}
            : Notice{observe::LogLevel::error, "reload refused", done.error().detail});
  if (done) note_tokens();
  return done;
}

std::vector<TokenTrouble> App::token_troubles() const {
  return state_->current()->directory->token_troubles(false);
}

void App::note_tokens() {
  for (const TokenTrouble& one : token_troubles()) {
    note({observe::LogLevel::warning, "token away",
          fmt::format("intermediate {}: token {}: {}", one.issuer, one.token, one.reason)});
  }
}

void App::note(const Notice& notice) {
  if (!state_->log) return;
  if (notice.detail.empty()) return state_->log->write(notice.level, notice.event, {});
  state_->log->write(notice.level, notice.event, {{"detail", notice.detail}});
}

std::string App::url() const {
  return state_->listeners.main().url();
}

std::uint16_t App::port() const {
  return state_->listeners.main().port();
}

const std::string& App::database() const {
  return state_->database_title;
}

std::vector<ServedProtocol> App::protocols() const {
  return state_->listeners.served(state_->current()->directory->engine().config().protocols);
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
  if (const auto taken = take_issuer_orders(state->directory->engine(), *state->store); !taken) {
    return authority::refuse(taken.error());
  }
  state->api = std::make_unique<http::Api>(state->directory->engine(), *state->store, nullptr, now);
  return std::unique_ptr<LocalAuthority>(new LocalAuthority(std::move(state)));
}

http::Response LocalAuthority::call(http::Method method, std::string_view target, std::string_view body,
                                    std::string who) {
  const http::Identity identity{http::Role::operator_, std::move(who), "local"};
  std::promise<http::Response> promise;
  state_->api->handle({method, target, body, false, &identity},
                      [&promise](http::Response response) { promise.set_value(std::move(response)); });
  http::Response response = promise.get_future().get();
  if (response.shared) response.body = *response.shared;
  return response;
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

std::vector<http::Dependency> LocalAuthority::dependencies() const {
  return check_dependencies(*state_->directory, *state_->store, nullptr, now());
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
