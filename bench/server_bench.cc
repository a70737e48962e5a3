// SPDX-License-Identifier: Apache-2.0
// Issuing over HTTPS with durable SQLite, the load generator on the same cores, against what one verification
// of the request's signature plus one signature allow on one core.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <set>

#include "bench/core_peers.h"
#include "bench/https_load.h"
#include "bench/measure.h"
#include "bench/results.h"
#include "crypto/openssl/keys.h"
#include "testing/authority/authority.h"

namespace pedigree::bench {
namespace {

constexpr std::size_t kConnections = 64;
constexpr std::size_t kWindows = 10;
constexpr std::size_t kPerWindow = 3000;

/// Seconds of processor time: of this process, and of nobody, summed over the machine's cores.
struct Cores {
  double ours = 0;
  double idle = 0;
};

Cores cores_now() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  Cores cores{seconds(usage.ru_utime) + seconds(usage.ru_stime), 0};
  std::ifstream file("/proc/stat");
  std::string word;
  double user = 0;
  double nice = 0;
  double system = 0;
  double idle = 0;
  double waiting = 0;  // for a disk: nobody's time too
  file >> word >> user >> nice >> system >> idle >> waiting;
  require(word == "cpu" && !file.fail(), "/proc/stat");
  cores.idle = (idle + waiting) / static_cast<double>(sysconf(_SC_CLK_TCK));
  return cores;
}

/// What one request cost.
struct Cost {
  double core =
      1e9;  ///< seconds of a core that was ours or could have been: on a quiet machine wall time x cores
  double wall = 1e9;
  double cpu = 1e9;  ///< all threads: server, writer and load generator
};

/// Runs windows of requests and keeps the best. `bodies` gets every answer.
Cost best_window(HttpsLoad& load, std::span<const std::string> requests, std::vector<std::string>& bodies) {
  Cost best;
  for (std::size_t at = 0; at < requests.size(); at += kPerWindow) {
    const auto window = requests.subspan(at, std::min(kPerWindow, requests.size() - at));
    const Cores before = cores_now();
    const auto start = std::chrono::steady_clock::now();
    auto answers = load.run(window);
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
    const Cores after = cores_now();
    const auto count = static_cast<double>(window.size());
    const double cpu = after.ours - before.ours;
    best.core = std::min(best.core, (cpu + after.idle - before.idle) / count);
    best.wall = std::min(best.wall, wall.count() / count);
    best.cpu = std::min(best.cpu, cpu / count);
    bodies.insert(bodies.end(), std::move_iterator(answers.begin()), std::move_iterator(answers.end()));
  }
  return best;
}

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

void bench_issue() {
  const double raw = raw_pair();
  const testing::ServedAuthority authority;
  HttpsLoad load(authority.port(), authority.identity("station"), kConnections);
  std::vector<testing::Unit> units;
  std::vector<std::string> requests;
  for (std::size_t i = 0; i < kWindows * kPerWindow; ++i) {
    units.emplace_back(i + 1);
    requests.push_back(
        post_request("/v1/nonce", R"({"device":")" + units.back().id() + R"(","profile":"iak"})"));
  }
  std::vector<std::string> nonces;
  const Cost asking = best_window(load, requests, nonces);
  for (std::size_t i = 0; i < units.size(); ++i) {
    const std::string nonce(boost::json::parse(nonces[i]).at("nonce").as_string());
    requests[i] = post_request("/v1/enrol", boost::json::serialize(testing::enrol_body(units[i], nonce)));
  }
  std::vector<std::string> answers;
  const Cost issuing = best_window(load, requests, answers);
  std::set<std::string> serials;
  for (const std::string& answer : answers) {
    serials.emplace(boost::json::parse(answer).at("serial").as_string());
  }
  require(serials.size() == units.size(), "every unit has a certificate of its own");
  require(authority.sql("SELECT count(*) FROM certificate") == std::to_string(units.size()),
          "all are stored");
  record({"issue_https_sqlite",
          1 / issuing.core,
          "1/s",
          1 / raw,
          0.3,
          Better::higher,
          {{"by_the_clock", 1 / issuing.wall},
           {"for_a_second_of_cpu", 1 / issuing.cpu},
           {"nonces_by_the_clock", 1 / asking.wall}}});
}

}  // namespace
}  // namespace pedigree::bench

int main() {
  pedigree::bench::bench_issue();
}
