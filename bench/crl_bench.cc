// SPDX-License-Identifier: Apache-2.0
// CRLs at scale: a list of a million revoked certificates, from the database to its signature, as a client
// waits for it; and the largest part of it, which is what a device downloads.
#include <fmt/format.h>

#include <chrono>
#include <stdexcept>

#include "bench/measure.h"
#include "bench/results.h"
#include "server/store/sql.h"
#include "testing/authority/authority.h"

namespace pedigree::bench {
namespace {

constexpr std::uint32_t kRevoked = 1'000'000;
constexpr std::uint32_t kParts = (kRevoked + authority::kCrlPartitionSize - 1) / authority::kCrlPartitionSize;

void need(bool condition, const std::string& what) {
  if (!condition) throw std::runtime_error(what);
}

/// A number as octets that look like a random serial number, and are as long: the first octet is above 127.
registry::Serial serial(std::uint64_t number) {
  registry::Serial serial{};
  serial.fill(0xa7);
  Writer(MutableBytes(serial).last(8)).big_endian(number * 0x9e3779b97f4a7c15U, 8);
  return serial;
}

/// A device whose million certificates were revoked one after another.
void fill(const std::filesystem::path& file) {
  auto database = store::Connection::open({.file = file}, true).value();
  const auto run = [&](const std::string& sql) { need(database.execute(sql.c_str()).has_value(), sql); };
  run("PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; BEGIN");
  const registry::DeviceId id{0x01};
  need(database.prepare("INSERT INTO device (id, state, profiles, created, changed) VALUES (?1, 6, '', 1, 1)")
           .bind(id)
           .run()
           .has_value(),
       "device");
  run("INSERT INTO crl_partition VALUES ('vendor', " + std::to_string(kParts) +
      "); INSERT INTO crl_partition_base VALUES ('vendor', 0, 'http://crl.example/v1/crl/vendor')");
  store::Statement insert = database.prepare(
      "INSERT INTO certificate (number, serial, device, profile, issuer, key, state, not_before, not_after, "
      "issued_at, revoked_at, reason, der, crl_partition) VALUES (?1, ?2, ?3, 'iak', 'vendor', ?4, 3, 1, 2, "
      "1, "
      "?5, 1, ?6, ?7)");
  const std::vector<std::uint8_t> der(600, 0x30);
  for (std::int64_t i = 0; i < kRevoked; ++i) {
    Sha256 key{};
    Writer(MutableBytes(key).first(8)).big_endian(static_cast<std::uint64_t>(i) * 0x9e3779b97f4a7c15U, 8);
    need(insert
             .bind(i + 1, serial(static_cast<std::uint64_t>(i) + 1), id, key, 1'790'000'000 + i, der,
                   i / authority::kCrlPartitionSize)
             .run()
             .has_value(),
         "certificate");
  }
  run("COMMIT");
}

std::string get(app::LocalAuthority& authority, const std::string& path) {
  const http::Response response = authority.call(http::Method::get, "/v1/crl/" + path, "", "bench");
  need(response.status == 200, response.body);
  return response.body;
}

void bench() {
  constexpr double kSeconds = 5;
  constexpr double kLargest = 65536;
  const testing::AuthorityFolder folder;
  const app::SecretText passphrase{std::string(testing::kPassphrase)};
  // Its own open makes the tables.
  need(app::LocalAuthority::open(folder.path(), &passphrase).has_value(), "open");
  fill(folder.layout().database());
  double best = 1e9;
  std::size_t whole = 0;
  std::size_t largest = 0;
  for (int round = 0; round < 3; ++round) {
    const auto local = app::LocalAuthority::open(folder.path(), &passphrase);
    need(local.has_value(), "open");
    const auto start = std::chrono::steady_clock::now();
    whole = get(**local, "vendor").size();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    if (round != 0) continue;
    for (std::uint32_t part = 0; part < kParts; ++part) {
      largest = std::max(largest, get(**local, fmt::format("vendor/{:08x}", part)).size());
    }
  }
  need(whole > kRevoked * std::size_t{40}, "the whole list");
  record({"crl_million", best, "s", kSeconds, 1, Better::lower, {}});
  record({"crl_partition_octets", static_cast<double>(largest), "octets", kLargest, 1, Better::lower, {}});
}

}  // namespace
}  // namespace pedigree::bench

int main() {
  return pedigree::bench::guarded("crl_bench", pedigree::bench::bench);
}
