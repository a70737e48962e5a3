// SPDX-License-Identifier: Apache-2.0
#include "server/app/protocols.h"

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
  using Wanted = Protocols::Wanted;
  CmpParts(const protocols::Enrolment& enrolment, protocols::Delegates& signers, const Wanted& wanted)
      : cmp({enrolment, signers, system_ca(wanted.directory), {}, wanted.metrics}), off_loop(cmp, threads) {}

  /// Empty where it cannot be read: then no listener starts either.
  static std::string system_ca(const Directory& directory) {
    return read_text(directory.layout().tls_certificate("ca")).value_or(std::string());
  }

  protocols::Cmp cmp;
  http::SigningThreads threads{kSigningThreads, kMostWaiting};
  http::OffLoop off_loop;
};

}  // namespace

struct Protocols::Parts {
  explicit Parts(Wanted wanted)
      : enrolment(wanted.directory.engine(), wanted.store, std::move(wanted.clock)),
        delegates(wanted.directory.engine()),
        cmp_signers(wanted.directory.engine(), MemoryDelegates::Purpose::cmp),
        est(enrolment),
        liteboot(enrolment),
        ocsp(enrolment, delegates, std::move(wanted.generation)),
        cmp(config().cmp ? std::make_unique<CmpParts>(enrolment, cmp_signers, wanted) : nullptr),
        main({config().est ? &est : nullptr, config().ocsp ? &ocsp : nullptr, cmp ? &cmp->off_loop : nullptr,
              &wanted.api}),
        plain({nullptr, config().ocsp ? &ocsp : nullptr, nullptr, &wanted.api, true}) {
    enrolment.measure_with(wanted.metrics);
    if (!wanted.directory.has_token_keys()) return;
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
  std::unique_ptr<Presigner> presigner;  // last: its thread uses the others until it has stopped
};

Protocols::Protocols(Wanted wanted) : parts_(std::make_unique<Parts>(std::move(wanted))) {}

Protocols::~Protocols() = default;

http::Handler& Protocols::handler() noexcept {
  return Parts::asked(parts_->main, parts_->main_off_loop);
}

http::Handler& Protocols::plain() noexcept {
  return Parts::asked(parts_->plain, parts_->plain_off_loop);
}

http::Handler& Protocols::liteboot() noexcept {
  return Parts::asked(parts_->liteboot, parts_->liteboot_off_loop);
}

void Protocols::take_delegates_from(Protocols& old) {
  parts_->delegates.take_from(old.parts_->delegates);
  parts_->cmp_signers.take_from(old.parts_->cmp_signers);
}

void Protocols::begin() {
  if (parts_->config().ocsp) parts_->presigner = std::make_unique<Presigner>(parts_->ocsp);
}

void Protocols::stop() {
  parts_->presigner.reset();
}

void Protocols::drain() {
  parts_->cmp.reset();  // its threads wait for the store, which is still there
  parts_->signing.reset();
}

}  // namespace pedigree::app
