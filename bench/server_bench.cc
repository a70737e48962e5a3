// SPDX-License-Identifier: Apache-2.0
// Issuing over HTTPS with durable SQLite, by the program as it is installed, the load generator on the same
// cores: against the verifications of a request's signature with one signature each that these cores can do,
// against cfssl with SQLite, and what a client waits for at 80 % of that load.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <set>
#include <thread>

#include "bench/cfssl_peer.h"
#include "bench/core_peers.h"
#include "bench/https_cost.h"
#include "bench/measure.h"
#include "bench/results.h"
#include "crypto/openssl/keys.h"
#include "testing/authority/serve_process.h"

namespace pedigree::bench {
namespace {

constexpr std::size_t kConnections = 128;
constexpr std::size_t kWindows = 6;
constexpr std::size_t kPerWindow = 5000;
constexpr std::size_t kPacedWindows = 8;
// More make cfssl fail: "database is locked".
constexpr std::size_t kPeerConnections = 4;
constexpr std::size_t kPeerWindows = 3;
constexpr std::size_t kPerPeerWindow = 1200;

/// What the cores allow at most: verifications of a request's signature, each with one signature, on all of
/// them at once.
class CryptoCeiling {
 public:
  CryptoCeiling() {
    for (unsigned i = 0; i < std::max(1U, std::thread::hardware_concurrency()); ++i) workers_.emplace_back();
  }
  /// For as long as the best of a load counts. The two take turns, so that both see the same machine.
  void sample() {
    constexpr std::chrono::milliseconds kSlot{200};
    const auto start = std::chrono::steady_clock::now();
    std::atomic<std::size_t> pairs{0};
    std::vector<std::thread> threads;
    for (Worker& worker : workers_) {
      threads.emplace_back([&worker, &pairs, end = start + kSlot] {
        std::size_t count = 0;
        for (; std::chrono::steady_clock::now() < end; ++count) worker.pair();
        pairs += count;
      });
    }
    for (std::thread& thread : threads) thread.join();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    best_ = std::max(best_, static_cast<double>(pairs) / took.count());
  }
  [[nodiscard]] double pairs_per_second() const noexcept { return best_; }

 private:
  /// A key and a signature of one thread.
  class Worker {
   public:
    Worker() : key_(crypto::OpenSslKey::generate(crypto::KeyType::p256)) {
      require(key_.has_value(), "generate");
      request_ = {key_->get(), Octets(300, 0x5a), Octets(128)};
      std::size_t size = request_.signature.size();
      EVP_MD_CTX* context = EVP_MD_CTX_new();
      require(EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, request_.key) == 1 &&
                  EVP_DigestSign(context, request_.signature.data(), &size, request_.message.data(),
                                 request_.message.size()) == 1,
              "sign");
      EVP_MD_CTX_free(context);
      request_.signature.resize(size);
    }
    void pair() {
      raw_verify(request_);
      raw_sign(request_.key, request_.message);
    }

   private:
    Result<crypto::OpenSslKey> key_;
    RawVerification request_{};
  };
  std::deque<Worker> workers_;
  double best_ = 0;
};

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
HttpsCost cost_of_cfssl(CfsslPeer::Journal journal) {
  const CfsslPeer peer(journal);
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
  CryptoCeiling ceiling;
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
    ceiling.sample();
    std::vector<std::string> answers;
    const HttpsCost cost = best_window(enrolling.load(), requests, kPerWindow, answers, beside);
    issuing = best_of(issuing, cost);
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
  const HttpsCost peer = cost_of_cfssl(CfsslPeer::Journal::as_created);
  const HttpsCost tuned = cost_of_cfssl(CfsslPeer::Journal::write_ahead);
  record({"authority_https_sqlite",
          by_the_clock(issuing),
          "1/s",
          ceiling.pairs_per_second(),
          0.4,
          Better::higher,
          {{"for_a_second_of_cpu", 1 / issuing.cpu}}});
  record(
      {"authority_https_sqlite_beside_cfssl",
       by_the_clock(issuing),
       "1/s",
       by_the_clock(peer),
       8,
       Better::higher,
       {{"cfssl_for_a_second_of_cpu", 1 / peer.cpu}, {"cfssl_with_a_write_ahead_log", by_the_clock(tuned)}}});
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
