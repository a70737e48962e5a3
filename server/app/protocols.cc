// SPDX-License-Identifier: Apache-2.0
#include "server/app/protocols.h"

#include <charconv>
#include <condition_variable>
#include <thread>

#include "server/app/delegates.h"
#include "server/http/off_loop.h"
#include "server/protocols/gateway.h"
#include "server/protocols/liteboot.h"

namespace pedigree::app {
namespace {

/// More of them than a token has sessions, so that those who wait for one hear in time that there is none.
constexpr unsigned kSigningThreads = 16;
constexpr std::size_t kMostWaiting = 1024;

/// How often what is to be signed ahead is looked for.
constexpr std::chrono::seconds kPresignPause{30};

/// Signs OCSP answers ahead, in a thread of its own.
class Presigner {
 public:
  explicit Presigner(protocols::OcspResponder& responder)
      : responder_(responder), thread_([this] { run(); }) {}
  ~Presigner() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  Presigner(const Presigner&) = delete;
  Presigner& operator=(const Presigner&) = delete;

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      lock.unlock();
      (void)responder_.presign(stopping_);
      lock.lock();
      wake_.wait_for(lock, kPresignPause, [this] { return stopping_.load(); });
    }
  }

  protocols::OcspResponder& responder_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

/// CMP waits for the registry, in threads of its own.
struct CmpParts {
  CmpParts(const protocols::Enrolment& enrolment, protocols::Delegates& signers, const Directory& directory)
      : cmp({enrolment, signers, system_ca(directory)}), off_loop(cmp, threads) {}

  /// Empty where it cannot be read: then no listener starts either.
  static std::string system_ca(const Directory& directory) {
    return read_text(directory.layout().tls_certificate("ca")).value_or(std::string());
  }

  protocols::Cmp cmp;
  http::SigningThreads threads{kSigningThreads, kMostWaiting};
  http::OffLoop off_loop;
};

}  // namespace

bool parse_listen(std::string_view text, std::string& host, std::uint16_t& port) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data() + colon + 1, end, port);
  return error == std::errc() && at == end;
}

struct Protocols::Parts {
  explicit Parts(Wanted wanted)
      : directory(wanted.directory),
        enrolment(wanted.directory.engine(), wanted.store, std::move(wanted.clock)),
        delegates(wanted.directory.engine()),
        cmp_signers(wanted.directory.engine(), MemoryDelegates::Purpose::cmp),
        est(enrolment),
        liteboot(enrolment),
        ocsp(enrolment, delegates, std::move(wanted.generation)),
        cmp(config().cmp ? std::make_unique<CmpParts>(enrolment, cmp_signers, directory) : nullptr),
        main({config().est ? &est : nullptr, config().ocsp ? &ocsp : nullptr, cmp ? &cmp->off_loop : nullptr,
              &wanted.api}),
        plain({nullptr, config().ocsp ? &ocsp : nullptr, nullptr, &wanted.api, true}) {
    if (!directory.has_token_keys()) return;
    signing.emplace(kSigningThreads, kMostWaiting);
    main_off_loop.emplace(main, *signing);
    plain_off_loop.emplace(plain, *signing);
    liteboot_off_loop.emplace(liteboot, *signing);
  }

  /// The handler itself, or the one that asks it off the event loop.
  static http::Handler& asked(http::Handler& handler, std::optional<http::OffLoop>& off_loop) {
    return off_loop ? static_cast<http::Handler&>(*off_loop) : handler;
  }

  [[nodiscard]] const authority::ProtocolsConfig& config() const { return enrolment.config(); }
  Answer<void> listen_liteboot(unsigned threads);
  Answer<void> listen_plain(unsigned threads);

  const Directory& directory;
  protocols::Enrolment enrolment;
  MemoryDelegates delegates;
  MemoryDelegates cmp_signers;
  protocols::Est est;
  protocols::Liteboot liteboot;
  protocols::OcspResponder ocsp;
  std::unique_ptr<CmpParts> cmp;
  protocols::Gateway main;
  protocols::Gateway plain;
  std::optional<http::SigningThreads> signing;  // where keys are in tokens
  std::optional<http::OffLoop> main_off_loop;
  std::optional<http::OffLoop> plain_off_loop;
  std::optional<http::OffLoop> liteboot_off_loop;
  std::unique_ptr<http::Server> liteboot_server;
  std::unique_ptr<http::Server> plain_server;
  std::unique_ptr<Presigner> presigner;  // last: its thread uses the others until it has stopped
};

Answer<void> Protocols::Parts::listen_liteboot(unsigned threads) {
  auto settings = directory.server_options();
  if (!settings) return std::unexpected(settings.error());
  (void)parse_listen(config().liteboot_listen, settings->host, settings->port);  // read_config has checked it
  settings->threads = threads;
  settings->tls12 = true;  // Mbed TLS 2.28, in devices in the field, speaks no other
  settings->max_body = 64 * std::size_t{1024};
  auto server = http::Server::start(*std::move(settings), asked(liteboot, liteboot_off_loop));
  if (!server) return std::unexpected(server.error());
  liteboot_server = *std::move(server);
  return {};
}

Answer<void> Protocols::Parts::listen_plain(unsigned threads) {
  http::ServerOptions settings;
  (void)parse_listen(config().http_listen, settings.host, settings.port);
  settings.tls = false;
  settings.threads = threads;
  settings.max_body = 64 * std::size_t{1024};
  auto server = http::Server::start(std::move(settings), asked(plain, plain_off_loop));
  if (!server) return std::unexpected(server.error());
  plain_server = *std::move(server);
  return {};
}

Protocols::Protocols(Wanted wanted) : parts_(std::make_unique<Parts>(std::move(wanted))) {}

Protocols::~Protocols() = default;

http::Handler& Protocols::handler() noexcept {
  return Parts::asked(parts_->main, parts_->main_off_loop);
}

Answer<void> Protocols::listen(unsigned threads) {
  const authority::ProtocolsConfig& config = parts_->config();
  if (!config.liteboot_listen.empty()) {
    if (const auto done = parts_->listen_liteboot(threads); !done) return done;
  }
  if (!config.http_listen.empty()) {
    if (const auto done = parts_->listen_plain(threads); !done) return done;
  }
  if (config.ocsp) parts_->presigner = std::make_unique<Presigner>(parts_->ocsp);
  return {};
}

void Protocols::stop() {
  parts_->presigner.reset();
  if (parts_->liteboot_server) parts_->liteboot_server->stop();
  if (parts_->plain_server) parts_->plain_server->stop();
  parts_->cmp.reset();  // ends what was taken while the store is there
}

std::vector<ServedProtocol> Protocols::served(const std::string& url) const {
  const authority::ProtocolsConfig& config = parts_->config();
  std::vector<ServedProtocol> list;
  if (config.est) list.push_back({"EST", url + "/.well-known/est"});
  if (config.cmp) list.push_back({"CMP", url + "/.well-known/cmp"});
  if (config.ocsp) list.push_back({"OCSP", url + "/ocsp"});
  if (parts_->plain_server) {
    list.push_back({"CRL (http)", parts_->plain_server->url() + "/v1/crl"});
    if (config.ocsp) list.push_back({"OCSP (http)", parts_->plain_server->url() + "/ocsp"});
  }
  if (parts_->liteboot_server) list.push_back({"liteboot", parts_->liteboot_server->url() + "/api/v1"});
  return list;
}

}  // namespace pedigree::app
