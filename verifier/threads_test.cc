// SPDX-License-Identifier: Apache-2.0
// One verifier on several threads, while a source revokes and devices come and go from a small memory.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "testing/verifier/fleet.h"
#include "verifier/replay_guard.h"
#include "verifier/verifier.h"

namespace pedigree::verifier {
namespace {

using testing::Fleet;
using testing::kFleetNow;
using testing::Octets;

constexpr unsigned kThreads = 4;
constexpr unsigned kDevices = 24;
const Octets kNonce(32, 0x4e);

/// Revokes what the odd generations say is revoked: the device of number 0.
class Switching final : public StatusSource {
 public:
  explicit Switching(const Octets& certificate) : certificate_(certificate) {}
  [[nodiscard]] std::string_view name() const noexcept override { return "registry"; }
  [[nodiscard]] std::uint64_t generation() const noexcept override { return number.load(); }
  [[nodiscard]] CertificateStatus certificate(const x509::Certificate& asked, const x509::Certificate&,
                                              der::UnixTime) const override {
    if (number.load() % 2 == 0 || !equal(asked.der(), certificate_))
      return {CertificateStatus::State::good, {}};
    return {CertificateStatus::State::revoked, Revocation{kFleetNow, 1}};
  }
  [[nodiscard]] DeviceStatus device(Bytes, der::UnixTime) const override {
    return {DeviceStatus::State::known, "active"};
  }
  std::atomic<std::uint64_t> number{0};

 private:
  Octets certificate_;
};

struct Shared {
  Fleet fleet;
  std::vector<Octets> tokens;
  std::unique_ptr<Switching> source;
  std::unique_ptr<Verifier> verifier;

  explicit Shared(std::size_t cached) {
    Policy policy;
    policy.roots = {fleet.root().certificate};
    for (unsigned i = 0; i < kDevices; ++i) {
      const auto device = fleet.device(i);
      if (i == 0) source = std::make_unique<Switching>(device.holder().certificate);
      tokens.push_back(device.token());
    }
    verifier = std::make_unique<Verifier>(Fleet::crypto(), policy,
                                          std::vector<const StatusSource*>{source.get()}, cached);
  }
  [[nodiscard]] Appraisal appraise(std::size_t device, ReplayGuard* guard = nullptr) const {
    return verifier->appraise({.token = tokens[device], .nonce = kNonce, .replay = guard}, kFleetNow);
  }
};

void on_threads(const std::function<void(unsigned)>& work) {
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < kThreads; ++i) threads.emplace_back([&work, i] { work(i); });
}

TEST(VerifierThreads, ARevocationIsSeenByTheNextAppraisalOfEveryThread) {
  for (const std::size_t cached : {std::size_t{0}, std::size_t{64}, kCachedChains}) {
    const Shared shared(cached);
    for (std::uint64_t round = 0; round < 8; ++round) {
      shared.source->number = round;
      on_threads([&](unsigned thread) {
        for (std::size_t i = 0; i < kDevices; ++i) {
          const std::size_t device = (i + thread) % kDevices;
          const bool revoked = device == 0 && round % 2 == 1;
          EXPECT_EQ(shared.appraise(device).verdict, revoked ? Verdict::rejected : Verdict::trusted);
        }
      });
    }
  }
}

TEST(VerifierThreads, OthersAreTrustedWhileTheSourceChanges) {
  const Shared shared(64);
  std::atomic<bool> done = false;
  std::jthread changing([&] {
    while (!done) ++shared.source->number;
  });
  on_threads([&](unsigned thread) {
    for (std::size_t i = 0; i < 10 * kDevices; ++i) {
      EXPECT_EQ(shared.appraise(1 + (i + thread) % (kDevices - 1)).verdict, Verdict::trusted);
    }
  });
  done = true;
}

TEST(VerifierThreads, OneOfManyWinsAReplay) {
  const Shared shared(kCachedChains);
  for (std::size_t device = 0; device < kDevices; ++device) {
    ReplayGuard guard(16, 60);
    std::atomic<unsigned> trusted = 0;
    on_threads([&](unsigned) {
      if (shared.appraise(device, &guard).verdict == Verdict::trusted) ++trusted;
    });
    EXPECT_EQ(trusted, 1U);
    EXPECT_EQ(guard.size(), 1U);
  }
}

}  // namespace
}  // namespace pedigree::verifier
