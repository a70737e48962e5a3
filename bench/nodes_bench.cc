// SPDX-License-Identifier: Apache-2.0
// Issuing over HTTPS by two nodes on one PostgreSQL, against one node with as many threads as both, by turns
// on the same database: server of the database, nodes and load generator on the same cores.
#include <algorithm>
#include <atomic>
#include <future>
#include <random>
#include <set>
#include <stdexcept>

#include "bench/https_cost.h"
#include "bench/measure.h"
#include "bench/results.h"
#include "server/store/sqlite_store.h"
#include "testing/authority/authority.h"
#include "testing/postgres/postgres_server.h"

namespace pedigree::bench {
namespace {

constexpr std::size_t kConnections = 128;
constexpr std::size_t kRoundsOfBoth = 12;
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

/// Calls `each` for every number below `count`, with what is to be called when it is done; waits for all.
template <typename T, typename Each>
void for_all(unsigned count, Each each) {
  std::atomic<unsigned> left{count};
  std::atomic<bool> failed{false};
  std::promise<void> finished;
  for (unsigned i = 0; i < count; ++i) {
    each(i, [&](const registry::Outcome<T>& outcome) {
      if (!outcome) failed = true;
      if (--left == 0) finished.set_value();
    });
  }
  finished.get_future().wait();
  if (failed) throw std::runtime_error("the store refused");
}

registry::DeviceId device_of(unsigned number) {
  registry::DeviceId id{0x01};
  std::mt19937 random(number);  // ids are hashes, so no index gets them in order
  std::generate(id.begin() + 1, id.end(), [&] { return static_cast<std::uint8_t>(random()); });
  return id;
}

/// What a device costs in the database that was imported, asked, got a certificate and gave its receipt.
void bench_size(std::size_t certificate_octets) {
  constexpr unsigned kDevices = 20'000;
  testing::PostgresServer& server = testing::PostgresServer::shared();
  const std::string url = server.create_database();
  const registry::Actor actor{"Line 1", "192.0.2.1"};
  const std::int64_t now = 1'800'000'000;
  {
    const auto store = store::open_store({.file = {}, .url = url}, testing::host_crypto()).value();
    for_all<registry::Imported>(kDevices / 1000, [&](unsigned part, auto done) {
      registry::Import lines{{}, actor, now, "week 47"};
      for (unsigned i = part * 1000; i < (part + 1) * 1000; ++i) {
        lines.devices.push_back({device_of(i), "", "lamp", "SN-2026-" + std::to_string(i)});
      }
      store->import(std::move(lines), done);
    });
    const registry::StationClaim station{"Line 1", {}, false, 0};
    for_all<void>(kDevices, [&](unsigned i, auto done) {
      store->ask({device_of(i), "iak", actor, now, true, station}, done);
    });
    const auto serial_of = [](unsigned i) {
      registry::Serial serial{};
      const registry::DeviceId random = device_of(i + kDevices);
      std::copy_n(random.begin() + 1, serial.size(), serial.begin());
      return serial;
    };
    for_all<registry::Issued>(kDevices, [&](unsigned i, auto done) {
      registry::Issuance made;
      made.certificate.serial = serial_of(i);
      made.certificate.device = device_of(i);
      const registry::DeviceId random = device_of(i + 2 * kDevices);
      std::copy_n(random.begin() + 1, made.certificate.key.size(), made.certificate.key.begin());
      made.certificate.profile = "iak";
      made.certificate.issuer = "acme";
      made.certificate.der.assign(certificate_octets, 0x30);
      made.certificate.issued_at = now;
      made.actor = actor;
      made.station = station;
      store->issue(std::move(made), done);
    });
    for_all<registry::DeviceState>(
        kDevices, [&](unsigned i, auto done) { store->activate(serial_of(i), actor, now, done); });
  }
  (void)server.sql(url, "VACUUM FULL");  // what was updated leaves no room: the size of what is kept
  const auto octets = [&](const std::string& what) {
    return std::stod(server.sql(url, "SELECT sum(" + what +
                                         ") FROM pg_class WHERE relkind = 'r' AND "
                                         "relnamespace = 'public'::regnamespace")) /
           kDevices;
  };
  const auto table = [&](const std::string& name) {
    return std::stod(server.sql(url, "SELECT pg_total_relation_size('" + name + "')")) / kDevices;
  };
  record({"postgresql_octets_per_device",
          octets("pg_total_relation_size(oid)"),
          "B",
          3500,
          1.0,
          Better::lower,
          {{"indexes", octets("pg_indexes_size(oid)")},
           {"device", table("device")},
           {"certificate", table("certificate")},
           {"event", table("event")},
           {"audit_node", table("audit_node")},
           {"der", static_cast<double>(certificate_octets)}}});
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
      HttpsCost& best = both ? of_two : of_one;
      best = best_of(best, best_window(load, requests, kPerWindow, answers, beside));
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
          {{"two_nodes_by_the_clock", by_the_clock(of_two)},
           {"one_node_by_the_clock", by_the_clock(of_one)},
           {"two_nodes_for_a_second_of_cpu", 1 / of_two.cpu},
           {"one_node_for_a_second_of_cpu", 1 / of_one.cpu}}});
  bench_size(std::stoul(server.sql(url, "SELECT ceil(avg(length(der))) FROM certificate")));
}

}  // namespace
}  // namespace pedigree::bench

int main() {
  return pedigree::bench::guarded("nodes_bench", pedigree::bench::bench_nodes);
}
