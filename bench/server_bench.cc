// SPDX-License-Identifier: Apache-2.0
// Issuing over HTTPS with durable SQLite, the load generator on the same cores, against what one verification
// of the request's signature plus one signature allow on one core.
#include <set>

#include "bench/core_peers.h"
#include "bench/https_cost.h"
#include "bench/measure.h"
#include "bench/results.h"
#include "crypto/openssl/keys.h"
#include "testing/authority/authority.h"

namespace pedigree::bench {
namespace {

constexpr std::size_t kConnections = 64;
constexpr std::size_t kWindows = 10;
constexpr std::size_t kPerWindow = 3000;

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
  HttpsLoad load({authority.port()}, authority.identity("station"), kConnections);
  std::vector<testing::Unit> units;
  std::vector<std::string> requests;
  for (std::size_t i = 0; i < kWindows * kPerWindow; ++i) {
    units.emplace_back(i + 1);
    requests.push_back(
        post_request("/v1/nonce", R"({"device":")" + units.back().id() + R"(","profile":"iak"})"));
  }
  std::vector<std::string> nonces;
  const HttpsCost asking = best_window(load, requests, kPerWindow, nonces);
  for (std::size_t i = 0; i < units.size(); ++i) {
    const std::string nonce(boost::json::parse(nonces[i]).at("nonce").as_string());
    requests[i] = post_request("/v1/enrol", boost::json::serialize(testing::enrol_body(units[i], nonce)));
  }
  std::vector<std::string> answers;
  const HttpsCost issuing = best_window(load, requests, kPerWindow, answers);
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
