// SPDX-License-Identifier: Apache-2.0
// Issuing over HTTPS by two nodes on one PostgreSQL, against one node with as many threads as both, by turns
// on the same database: server of the database, nodes and load generator on the same cores.
#include <fmt/format.h>

#include <set>
#include <stdexcept>

#include "bench/https_cost.h"
#include "bench/measure.h"
#include "bench/results.h"
#include "testing/authority/authority.h"
#include "testing/postgres/postgres_server.h"

namespace pedigree::bench {
namespace {

constexpr std::size_t kConnections = 64;
constexpr std::size_t kRoundsOfBoth = 8;
constexpr std::size_t kPerWindow = 2000;

std::unique_ptr<app::App> serve(const testing::AuthorityFolder& folder, unsigned threads) {
  app::ServeOptions options;
  options.directory = folder.path();
  options.threads = threads;
  auto served = app::App::start(options, app::SecretText(testing::kPassphrase));
  if (!served) throw std::runtime_error(served.error().detail);
  return *std::move(served);
}

/// The requests of a window, each for a unit of its own, with nonces that were asked for before.
std::vector<std::string> requests_of(HttpsLoad& load, std::uint64_t first) {
  std::vector<testing::Unit> units;
  std::vector<std::string> requests;
  for (std::size_t i = 0; i < kPerWindow; ++i) {
    units.emplace_back(first + i);
    requests.push_back(
        post_request("/v1/nonce", R"({"device":")" + units.back().id() + R"(","profile":"iak"})"));
  }
  const std::vector<std::string> nonces = load.run(requests);
  for (std::size_t i = 0; i < units.size(); ++i) {
    const std::string nonce(boost::json::parse(nonces[i]).at("nonce").as_string());
    requests[i] = post_request("/v1/enrol", boost::json::serialize(testing::enrol_body(units[i], nonce)));
  }
  return requests;
}

void keep_best(HttpsCost& best, const HttpsCost& cost) {
  best = {std::min(best.core, cost.core), std::min(best.wall, cost.wall), std::min(best.cpu, cost.cpu)};
}

void bench_nodes() {
  testing::PostgresServer& server = testing::PostgresServer::shared();
  const std::string url = server.create_database();
  const testing::AuthorityFolder folder(false, url);
  const auto single = serve(folder, 2);
  const auto one = serve(folder, 1);
  const auto two = serve(folder, 1);
  HttpsLoad alone({single->port()}, folder.identity("station"), kConnections);
  HttpsLoad together({one->port(), two->port()}, folder.identity("station"), kConnections);
  const auto beside = [&server] { return server.cpu_seconds(); };
  HttpsCost of_one;
  HttpsCost of_two;
  std::set<std::string> serials;
  std::vector<std::string> answers;
  for (std::size_t round = 0; round < kRoundsOfBoth; ++round) {
    for (const bool both : {false, true}) {
      HttpsLoad& load = both ? together : alone;
      const auto requests = requests_of(load, 1 + (2 * round + (both ? 1 : 0)) * kPerWindow);
      keep_best(both ? of_two : of_one, best_window(load, requests, kPerWindow, answers, beside));
    }
  }
  for (const std::string& answer : answers) {
    serials.emplace(boost::json::parse(answer).at("serial").as_string());
  }
  const std::string count = std::to_string(2 * kRoundsOfBoth * kPerWindow);
  if (std::to_string(serials.size()) != count ||
      server.sql(url, "SELECT count(*), count(DISTINCT device) FROM certificate") != count + "|" + count) {
    throw std::runtime_error("not every unit has one certificate of its own");
  }
  record({"authority_postgresql_nodes",
          1 / of_two.core,
          "1/s",
          1 / of_one.core,
          1.0,
          Better::higher,
          {{"two_nodes_by_the_clock", 1 / of_two.wall},
           {"one_node_by_the_clock", 1 / of_one.wall},
           {"two_nodes_for_a_second_of_cpu", 1 / of_two.cpu},
           {"one_node_for_a_second_of_cpu", 1 / of_one.cpu}}});
}

}  // namespace
}  // namespace pedigree::bench

int main() {
  return pedigree::bench::guarded("nodes_bench", pedigree::bench::bench_nodes);
}
