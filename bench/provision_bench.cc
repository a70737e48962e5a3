// SPDX-License-Identifier: Apache-2.0
// A thousand devices in one run: the real authority and the simulated devices as processes of their own, UDP
// over loopback, this program the station.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "bench/measure.h"
#include "bench/results.h"
#include "crypto/openssl/openssl_crypto.h"
#include "station/flow/provision.h"
#include "testing/station/plant.h"

namespace pedigree::bench {
namespace {

constexpr unsigned kDevices = 1000;
// What the machine can do, not what else it did: shared machines lose whole seconds to others.
constexpr std::size_t kWindow = 250;
constexpr double kLimit = 15;  // ms for each device

template <typename T>
T must(station::Outcome<T> outcome) {
  if (!outcome) throw std::runtime_error(outcome.error().message);
  return *std::move(outcome);
}

/// CPU time of all parts so far, in milliseconds.
struct Cpu {
  double station, authority, devices;
};

Cpu cpu_of(const testing::Plant& plant) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto ms = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  };
  return {ms(usage.ru_utime) + ms(usage.ru_stime), plant.authority_cpu(), plant.devices_cpu()};
}

/// Milliseconds for each device.
struct Round {
  double best = 0;  ///< in the best window of kWindow devices that end one after another
  std::vector<Peer> peers;
};

Round provision(const testing::Plant& plant) {
  station::Loop loop;
  const std::string tls = plant.path("ca/tls");
  const auto authority = must(station::open_authority(loop, {.url = plant.url(),
                                                             .ca_file = tls + "/ca.cert.pem",
                                                             .certificate_file = tls + "/station.cert.pem",
                                                             .key_file = tls + "/station.key.pem",
                                                             .notice = {}}));
  const auto journal = must(station::Journal::open(plant.path("journal")));
  const crypto::OpenSslCrypto crypto;
  std::vector<station::Unit> units;
  for (unsigned i = 0; i < kDevices; ++i) {
    const std::string& address = plant.address(i);
    units.push_back({"udp " + address, [&loop, address] { return station::open_udp(loop, address, {}); }});
  }
  station::ProvisionOptions options;
  options.issuer = "acme";
  std::vector<double> ends;  // ms from the start; one call at a time
  ends.reserve(kDevices);
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [start] {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  };
  options.progress = [&](const station::Event& event) {
    if (event.kind == station::Event::Kind::ended) ends.push_back(elapsed());
  };
  const Cpu before = cpu_of(plant);
  const auto results = station::provision_all(units, {*authority, *journal, crypto}, options);
  const double whole = elapsed();
  const Cpu after = cpu_of(plant);
  for (const auto& result : results) {
    if (result.failure) throw std::runtime_error(result.peer + ": " + result.failure->message);
    if (result.state != station::UnitState::provisioned) throw std::runtime_error(result.peer + ": not new");
  }
  double best = whole;
  for (std::size_t i = kWindow; i < ends.size(); ++i) best = std::min(best, ends[i] - ends[i - kWindow]);
  return {best / kWindow,
          {{"whole_run", whole / kDevices},
           {"cpu_station", (after.station - before.station) / kDevices},
           {"cpu_authority", (after.authority - before.authority) / kDevices},
           {"cpu_devices", (after.devices - before.devices) / kDevices}}};
}

/// Asks every fiftieth device and the registry: one key, one certificate, active, or this throws.
void check_registry(const testing::Plant& plant) {
  for (unsigned i = 0; i < kDevices; i += 50) {
    const auto standing = plant.standing(i);
    const std::string fault = testing::fault_in(standing, enrol::Purpose::iak, "iak");
    if (!fault.empty()) throw std::runtime_error(standing.id + ": " + fault);
  }
}

void run() {
  testing::Plant plant;
  plant.start_authority();
  plant.keep_devices_in_memory();
  // Two, because a process of simulated devices has one thread.
  plant.start_devices(kDevices / 2);
  plant.start_more_devices(kDevices / 2, {"--udp", "127.0.0.1:0"});
  const Round round = provision(plant);
  check_registry(plant);
  record({"provision_udp", round.best, "ms", kLimit, 1.0, Better::lower, round.peers});
}

}  // namespace
}  // namespace pedigree::bench

int main() {
  return pedigree::bench::guarded("provision_bench", pedigree::bench::run);
}
