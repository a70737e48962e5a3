// SPDX-License-Identifier: Apache-2.0
// Issuing over HTTPS with durable SQLite, by the program as it is installed, the load generator on the same
// cores: against what one verification of the request's signature plus one signature allow on one core,
// against cfssl with SQLite, and what a client waits for at 80 % of that load.
#include <algorithm>
#include <set>

#include "bench/cfssl_peer.h"
#include "bench/core_peers.h"
#include "bench/https_cost.h"
#include "bench/measure.h"
#include "bench/results.h"
#include "crypto/openssl/keys.h"
#include "testing/authority/serve_process.h"

namespace pedigree::bench {
namespace {

constexpr std::size_t kConnections = 64;
constexpr std::size_t kWindows = 10;
constexpr std::size_t kPerWindow = 3000;
constexpr std::size_t kPacedWindows = 8;
// More make cfssl fail: "database is locked".
constexpr std::size_t kPeerConnections = 4;
constexpr std::size_t kPeerWindows = 8;
constexpr std::size_t kPerPeerWindow = 400;

/// Seconds for one P-256 verification and one signature of a request's size.
double raw_pair() {
  const auto key = crypto::OpenSslKey::generate(crypto::KeyType::p256);
  require(key.has_value(), "generate");
  const Octets message(300, 0x5a);
  std::array<std::uint8_t, 128> signature{};
  std::size_t size = signature.size();
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  require(EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key->get()) == 1 &&
              EVP_DigestSign(context, signature.data(), &size, message.data(), message.size()) == 1,
          "sign");
  EVP_MD_CTX_free(context);
  const auto length = static_cast<std::ptrdiff_t>(size);
  const RawVerification verification{key->get(), message, {signature.begin(), signature.begin() + length}};
  return best_seconds({[&] {
    raw_verify(verification);
    raw_sign(key->get(), message);
  }})[0];
}

/// Certificates of units that nobody asked for before, by one connection's worth of state.
class Enrolling {
 public:
  Enrolling(const testing::AuthorityFolder& folder, std::uint16_t port)
      : load_({port}, folder.identity("station"), kConnections) {}

  /// Requests for this many further units, whose nonces are asked for now.
  std::vector<std::string> requests(std::size_t count) {
    std::vector<testing::Unit> units;
    std::vector<std::string> out;
    for (std::size_t i = 0; i < count; ++i) {
      units.emplace_back(++units_);
      out.push_back(
          post_request("/v1/nonce", R"({"device":")" + units.back().id() + R"(","profile":"iak"})"));
    }
    const std::vector<std::string> nonces = load_.run(out);
    for (std::size_t i = 0; i < count; ++i) {
      const std::string nonce(boost::json::parse(nonces[i]).at("nonce").as_string());
      out[i] = post_request("/v1/enrol", boost::json::serialize(testing::enrol_body(units[i], nonce)));
    }
    return out;
  }
  [[nodiscard]] HttpsLoad& load() noexcept { return load_; }
  [[nodiscard]] std::size_t units() const noexcept { return units_; }

 private:
  HttpsLoad load_;
  std::size_t units_ = 0;
};

/// The best second's 99th percentile of waiting, at this many requests a second.
double best_p99(Enrolling& enrolling, double rate) {
  double best = 1e9;
  for (std::size_t window = 0; window < kPacedWindows; ++window) {
    const auto requests = enrolling.requests(static_cast<std::size_t>(rate));
    std::vector<double> latencies = enrolling.load().run_at(rate, requests);
    std::ranges::sort(latencies);
    best = std::min(best, latencies[latencies.size() * 99 / 100]);
  }
  return best;
}

/// What a certificate costs cfssl, client included.
HttpsCost cost_of_cfssl() {
  const CfsslPeer peer;
  HttpsLoad load({peer.port()}, peer.client(), kPeerConnections);
  std::vector<std::string> requests;
  for (std::size_t i = 0; i < kPeerWindows * kPerPeerWindow; ++i) {
    requests.push_back(post_request("/api/v1/cfssl/sign",
                                    cfssl_request(testing::Unit(i + 1).request(std::string(64, '0')))));
  }
  std::vector<std::string> answers;
  const HttpsCost cost =
      best_window(load, requests, kPerPeerWindow, answers, [&peer] { return peer.cpu_seconds(); });
  require(peer.certificates() == requests.size(), "cfssl has stored them all");
  return cost;
}

void bench_issue() {
  const double raw = raw_pair();
  const testing::AuthorityFolder folder;
  testing::ServeProcess serve(folder);
  const auto beside = [&serve] { return serve.process().cpu_milliseconds() / 1000; };
  const auto memory = [&serve](const char* name) {
    return static_cast<double>(serve.status(name)) * 1024 / 1e6;
  };
  Enrolling enrolling(folder, serve.port());
  HttpsCost issuing;
  std::set<std::string> serials;
  double early = 0;
  for (std::size_t window = 0; window < kWindows; ++window) {
    const auto requests = enrolling.requests(kPerWindow);
    std::vector<std::string> answers;
    const HttpsCost cost = best_window(enrolling.load(), requests, kPerWindow, answers, beside);
    issuing = {std::min(issuing.core, cost.core), std::min(issuing.wall, cost.wall),
               std::min(issuing.cpu, cost.cpu)};
    for (const std::string& answer : answers) {
      serials.emplace(boost::json::parse(answer).at("serial").as_string());
    }
    if (window == 1) early = memory("VmRSS");
  }
  require(serials.size() == enrolling.units(), "every unit has a certificate of its own");
  const double rate = 0.8 / issuing.wall;
  const double p99 = best_p99(enrolling, rate);
  require(folder.sql("SELECT count(*) FROM certificate") == std::to_string(enrolling.units()),
          "all are stored");
  const HttpsCost peer = cost_of_cfssl();
  record({"authority_https_sqlite",
          1 / issuing.core,
          "1/s",
          1 / raw,
          0.4,
          Better::higher,
          {{"by_the_clock", 1 / issuing.wall},
           {"for_a_second_of_cpu", 1 / issuing.cpu},
           {"cfssl_sqlite", 1 / peer.core},
           {"cfssl_sqlite_by_the_clock", 1 / peer.wall}}});
  record(
      {"authority_https_sqlite_beside_cfssl", 1 / issuing.core, "1/s", 1 / peer.core, 8, Better::higher, {}});
  record(
      {"authority_https_sqlite_p99", p99 * 1e3, "ms", 50, 1, Better::lower, {{"requests_a_second", rate}}});
  record({"authority_https_sqlite_memory",
          memory("VmHWM"),
          "MB",
          100,
          1,
          Better::lower,
          {{"after_two_windows", early}, {"at_the_end", memory("VmRSS")}}});
}

}  // namespace
}  // namespace pedigree::bench

int main() {
  return pedigree::bench::guarded("server_bench", pedigree::bench::bench_issue);
}
