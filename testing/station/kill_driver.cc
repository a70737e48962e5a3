// SPDX-License-Identifier: Apache-2.0
// A station that kills itself with SIGKILL at the point it is told: before and after every step, journal
// write, request to the device and request to the authority. Each point's name goes to standard output as it
// is passed.
//
// kill_driver POINT UDP-ADDRESS URL TLS-FOLDER JOURNAL PROFILE [reset]; point 0: none, run to the end.
// Exit status: 0 provisioned or already, 5 refused, 1 failed.
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <mutex>

#include "crypto/openssl/openssl_crypto.h"
#include "station/flow/provision.h"

namespace pedigree::station {
namespace {

class Killer {
 public:
  explicit Killer(unsigned long point) : point_(point) {}

  void pass(std::string_view name) {
    const std::lock_guard lock(mutex_);
    const std::string line = fmt::format("{}\n", name);
    if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) std::abort();
    if (++passed_ == point_) ::kill(::getpid(), SIGKILL);
  }
  /// Passes a point before and one after.
  template <typename Body>
  auto around(std::string_view name, Body body) {
    pass(fmt::format("before {}", name));
    auto outcome = body();
    pass(fmt::format("after {}", name));
    return outcome;
  }

 private:
  std::mutex mutex_;
  const unsigned long point_;
  unsigned long passed_ = 0;
};

class KillingLink final : public Link {
 public:
  KillingLink(std::unique_ptr<Link> link, Killer& killer) : link_(std::move(link)), killer_(killer) {}
  std::vector<Outcome<Response>> exchange(std::vector<Request> requests) override {
    const std::string name =
        fmt::format("device request {}/{}", requests.front().group, requests.front().command);
    return killer_.around(name, [&] { return link_->exchange(std::move(requests)); });
  }
  Limits limits() const override { return link_->limits(); }
  void set_limits(const Limits& limits) override { link_->set_limits(limits); }
  std::string peer() const override { return link_->peer(); }
  ExchangeCounters counters() const override { return link_->counters(); }

 private:
  std::unique_ptr<Link> link_;
  Killer& killer_;
};

class KillingAuthority final : public AuthorityClient {
 public:
  KillingAuthority(AuthorityClient& authority, Killer& killer) : authority_(authority), killer_(killer) {}
  Outcome<Nonce> nonce(const std::string& device, const std::string& profile) override {
    return killer_.around("authority nonce", [&] { return authority_.nonce(device, profile); });
  }
  Outcome<Issued> enrol(const EnrolRequest& request) override {
    return killer_.around("authority enrol", [&] { return authority_.enrol(request); });
  }
  Outcome<std::string> receipt(const ReceiptRequest& request) override {
    return killer_.around("authority receipt", [&] { return authority_.receipt(request); });
  }
  Outcome<std::vector<std::uint8_t>> root() override {
    return killer_.around("authority root", [&] { return authority_.root(); });
  }
  Outcome<std::vector<std::uint8_t>> signer_revocations() override {
    return killer_.around("authority revocations", [&] { return authority_.signer_revocations(); });
  }
  Outcome<std::string> revocation_reason(const std::string& serial) override {
    return killer_.around("authority reason", [&] { return authority_.revocation_reason(serial); });
  }
  Outcome<std::vector<std::uint8_t>> grant(const GrantQuestion& question) override {
    return killer_.around("authority grant", [&] { return authority_.grant(question); });
  }
  Outcome<std::vector<std::string>> revoke_all(const std::string& device, const std::string& reason,
                                               const std::string& why,
                                               const std::vector<std::string>& kept) override {
    return killer_.around("authority revoke",
                          [&] { return authority_.revoke_all(device, reason, why, kept); });
  }
  std::string name() const override { return authority_.name(); }

 private:
  AuthorityClient& authority_;
  Killer& killer_;
};

int status_of(const UnitResult& result) {
  if (result.failure) fmt::print(stderr, "{}\n", result.failure->message);
  if (result.state == UnitState::refused) return 5;
  return result.state == UnitState::failed ? 1 : 0;
}

int run(const std::vector<std::string>& words) {
  Killer killer(std::strtoul(words[1].c_str(), nullptr, 10));
  Loop loop;
  const std::string tls = words[4];
  const auto client = open_authority(loop, {.url = words[3],
                                            .ca_file = tls + "/ca.cert.pem",
                                            .certificate_file = tls + "/station.cert.pem",
                                            .key_file = tls + "/station.key.pem",
                                            .notice = {}});
  const auto journal = Journal::open(words[5]);
  if (!client || !journal) {
    fmt::print(stderr, "{}\n", (!client ? client.error() : journal.error()).message);
    return 1;
  }
  const crypto::OpenSslCrypto crypto;
  KillingAuthority authority(**client, killer);
  const Line line{authority, **journal, crypto};
  ProvisionOptions options;
  options.profile = words[6];
  options.reset = words.size() > 7;
  options.fault_point = [&](std::string_view name) { killer.pass(name); };
  const auto open = [&]() -> Outcome<std::unique_ptr<Link>> {
    STATION_ASSIGN(auto link, open_udp(loop, words[2], {}));
    return std::make_unique<KillingLink>(std::move(link), killer);
  };
  deliver_receipts(line);
  return status_of(provision_all({{"udp " + words[2], open}}, line, options).front());
}

}  // namespace
}  // namespace pedigree::station

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv, argv + argc);
  if (words.size() < 7) return 2;
  return pedigree::station::run(words);
}
