// SPDX-License-Identifier: Apache-2.0
// The registry at scale: a million lines of an allow-list into SQLite with full durability, by the program
// itself; and a device looked up among 10^7 against one among 10^4.
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>

#include "bench/measure.h"
#include "bench/results.h"
#include "crypto/openssl/openssl_crypto.h"
#include "server/store/schema.h"
#include "server/store/sqlite_store.h"
#include "testing/authority/authority.h"

namespace pedigree::bench {
namespace {

void need(bool condition, const char* what) {
  if (!condition) throw std::runtime_error(what);
}

void bench_import() {
  constexpr std::size_t kLines = 1'000'000;
  constexpr double kSeconds = 20;
  const testing::AuthorityFolder folder;
  const auto list = folder.scratch("list.csv");
  {
    std::ofstream out(list);
    std::mt19937_64 random(1);
    out << "device,profiles,batch,product,label\n";
    for (std::size_t i = 0; i < kLines; ++i) {
      registry::DeviceId id{0x01};
      for (std::size_t k = 1; k < id.size(); ++k) id[k] = static_cast<std::uint8_t>(random());
      out << registry::hex(id) << ",iak tls-client,week 47,lamp,SN" << i << '\n';
    }
  }
  const std::string program = std::filesystem::canonical("/proc/self/exe").parent_path() / "pedigree";
  const auto start = std::chrono::steady_clock::now();
  const auto done =
      testing::run({program, "authority", "import", "--dir", folder.path().string(), list.string()});
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  need(done.status == 0, "import");
  need(folder.sql("SELECT count(*) FROM device") == "1000000", "every line is there");
  record({"allow_list_import_million", seconds, "s", kSeconds, 1, Better::lower, {}});
}

/// A registry of so many devices, each a row in the order of ids, spread over the whole range.
class Registry {
 public:
  Registry(const std::filesystem::path& file, std::uint64_t size)
      : size_(size), step_((std::uint64_t{1} << 62U) / size) {
    auto database = store::Connection::open({.file = file}, true).value();
    need(store::prepare_schema(database, crypto_).has_value() &&
             database.execute("PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF; BEGIN").has_value(),
         "begin");
    store::Statement device = database.prepare(
        "INSERT INTO device (id, state, profiles, created, changed, product, label) VALUES (?1, 4, 'iak', 1, "
        "1, 'lamp', 'SN1')");
    for (std::uint64_t i = 0; i < size; ++i) need(device.bind(id(i)).run().has_value(), "insert");
    device = {};
    need(database.execute("COMMIT").has_value() && database.execute("PRAGMA journal_mode = WAL").has_value(),
         "commit");
    store_ = store::open_store({.file = file}, crypto_).value();
  }
  void look_up() { need(store_->device(id(random_() % size_)).has_value(), "known"); }

 private:
  [[nodiscard]] registry::DeviceId id(std::uint64_t number) const {
    registry::DeviceId id{0x01};
    Writer(MutableBytes(id).subspan(1, 8)).big_endian(number * step_ * 4, 8);
    return id;
  }
  std::uint64_t size_, step_;
  std::mt19937_64 random_{1};
  crypto::OpenSslCrypto crypto_;
  std::unique_ptr<registry::Store> store_;
};

void bench_lookup() {
  constexpr double kRatio = 1.5;
  const testing::TempDir folder;
  Registry small(folder / "small", 10'000);
  Registry large(folder / "large", 10'000'000);
  const auto seconds = best_seconds({[&] { small.look_up(); }, [&] { large.look_up(); }});
  record({"registry_lookup_scale", seconds[1] * 1e6, "us", seconds[0] * 1e6, kRatio, Better::lower, {}});
}

}  // namespace
}  // namespace pedigree::bench

/// `import` or `lookup` runs that part alone.
int main(int count, char** words) {
  const std::string_view part = count > 1 ? words[1] : "";
  return pedigree::bench::guarded("registry_bench", [&] {
    if (part != "lookup") pedigree::bench::bench_import();
    if (part != "import") pedigree::bench::bench_lookup();
  });
}
