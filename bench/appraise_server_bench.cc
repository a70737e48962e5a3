// SPDX-License-Identifier: Apache-2.0
// Appraisals where the registry decides: over HTTPS in batches, the load generator on the same cores, against
// the raw verifications of one core; and in a registry of 10^7 devices against one of 10^3.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <random>

#include "bench/core_peers.h"
#include "bench/https_cost.h"
#include "bench/measure.h"
#include "bench/results.h"
#include "core/cbor/cbor.h"
#include "server/app/directory.h"
#include "server/store/registry_status.h"
#include "server/store/schema.h"
#include "testing/authority/authority.h"
#include "verifier/verifier.h"

namespace pedigree::bench {
namespace {

using testing::ServedAuthority;
using testing::Unit;

/// Seconds for one P-256 verification of a token's size.
double raw_verification() {
  const auto key = crypto::OpenSslKey::generate(crypto::KeyType::p256);
  require(key.has_value(), "generate");
  const Octets message(400, 0x5a);
  std::array<std::uint8_t, 128> signature{};
  std::size_t size = signature.size();
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  require(EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key->get()) == 1 &&
              EVP_DigestSign(context, signature.data(), &size, message.data(), message.size()) == 1,
          "sign");
  EVP_MD_CTX_free(context);
  const auto length = static_cast<std::ptrdiff_t>(size);
  const RawVerification verification{key->get(), message, {signature.begin(), signature.begin() + length}};
  return best_seconds({[&] { raw_verify(verification); }})[0];
}

constexpr std::size_t kBatch = 100;

struct Certified {
  Unit unit;
  std::vector<Octets> chain;
};

/// A batch over the devices from `first` on, in CBOR or JSON.
std::string batch_body(const std::vector<Certified>& devices, std::size_t first, bool cbor) {
  const Octets nonce(32, 0x5a);
  boost::json::array json;
  Octets octets(1U << 20U);
  Writer writer(octets);
  cbor::Encoder out(writer);
  out.array(kBatch);
  for (std::size_t i = 0; i < kBatch; ++i) {
    const Certified& one = devices[(first + i) % devices.size()];
    const Octets token = one.unit.token(nonce, {.chain = &one.chain});
    if (!cbor) {
      json.push_back({{"token", testing::base64(token)}, {"nonce", testing::hex(nonce)}});
      continue;
    }
    out.map(2);
    out.tstr("token");
    out.bstr(token);
    out.tstr("nonce");
    out.bstr(nonce);
  }
  return cbor ? std::string(as_text(writer.written())) : boost::json::serialize(json);
}

void bench_https() {
  constexpr std::size_t kDevices = 1000;
  constexpr std::size_t kPerWindow = 240;
  constexpr std::size_t kWindows = 3;
  const double raw = raw_verification();
  const ServedAuthority authority;
  const auto station = authority.client("station");
  std::vector<Certified> devices;
  for (std::size_t i = 0; i < kDevices; ++i) {
    Unit unit(i + 1);
    auto chain = testing::chain_of(testing::enrol(*station, unit));
    devices.push_back({std::move(unit), std::move(chain)});
  }
  HttpsLoad load({authority.port()}, authority.identity("relying-party"), 8);
  const auto run = [&](bool cbor) {
    std::vector<std::string> requests;
    for (std::size_t i = 0; i < kPerWindow * kWindows; ++i) {
      requests.push_back(post_request("/v1/verify/batch", batch_body(devices, i * kBatch, cbor),
                                      cbor ? "application/cbor" : "application/json"));
    }
    std::vector<std::string> answers;
    const HttpsCost cost = best_window(load, requests, kPerWindow, answers);
    for (const std::string& answer : answers) {
      std::size_t trusted = 0;
      for (std::size_t at = answer.find("trusted"); at != std::string::npos;
           at = answer.find("trusted", at + 1)) {
        ++trusted;
      }
      require(trusted == kBatch, "every token is trusted");
    }
    return cost;
  };
  const HttpsCost json = run(false);
  const HttpsCost cbor = run(true);
  record({"appraise_https_batch",
          kBatch / cbor.core,
          "1/s",
          1 / raw,
          0.6,
          Better::higher,
          {{"by_the_clock", kBatch * by_the_clock(cbor)},
           {"for_a_second_of_cpu", kBatch / cbor.cpu},
           {"json_bodies", kBatch / json.core}}});
}

/// Asks the registry for each appraisal, as for a device that is seen for the first time or after a change.
class AlwaysAsked final : public verifier::StatusSource {
 public:
  explicit AlwaysAsked(const verifier::StatusSource& source) : source_(source) {}
  [[nodiscard]] std::string_view name() const noexcept override { return source_.name(); }
  [[nodiscard]] std::uint64_t generation() const noexcept override { return ++count_; }
  [[nodiscard]] verifier::CertificateStatus certificate(const x509::Certificate& certificate,
                                                        const x509::Certificate& issuer,
                                                        der::UnixTime now) const override {
    return source_.certificate(certificate, issuer, now);
  }
  [[nodiscard]] verifier::DeviceStatus device(Bytes device_id, der::UnixTime now) const override {
    return source_.device(device_id, now);
  }

 private:
  const verifier::StatusSource& source_;
  mutable std::uint64_t count_ = 0;
};

/// A registry of `size` devices, `real` of which have keys and tokens; the others are rows.
class Registry {
 public:
  Registry(const testing::AuthorityFolder& folder, const authority::Engine& engine, std::size_t size,
           std::size_t real)
      : file_(folder.scratch("registry-" + std::to_string(size))), engine_(engine), now_(std::time(nullptr)) {
    auto opened = store::Connection::open({.file = file_, .busy_milliseconds = 1000}, true);
    require(opened.has_value(), "open");
    store::Connection database = *std::move(opened);
    require(store::prepare_schema(database, testing::host_crypto()).has_value() &&
                database.execute("PRAGMA journal_mode = DELETE").has_value() &&
                database.execute("PRAGMA synchronous = OFF").has_value() &&
                database.execute("PRAGMA cache_size = -400000").has_value() &&
                database.execute("BEGIN").has_value(),
            "begin");
    store::Statement device = database.prepare(
        "INSERT INTO device (id, state, profiles, created, changed) VALUES (?1, 4, '', ?2, ?2)");
    store::Statement certificate = database.prepare(
        "INSERT INTO certificate (number, serial, device, profile, issuer, key, state, not_before, "
        "not_after, "
        "issued_at, receipt_at, revoked_at, reason, der) VALUES (NULL, ?1, ?2, 'iak', 'vendor', ?3, 2, ?4, "
        "?4 + 31536000, ?4, ?4, "
        "NULL, 0, ?5)");
    const auto insert = [&](Bytes id, Bytes serial, Bytes key, Bytes der) {
      require(device.bind(id, now_).run().has_value() &&
                  certificate.bind(serial, id, key, now_, der).run().has_value(),
              "insert");
    };
    make_tokens(real, insert);
    fill(size - real, insert);
    require(
        database.execute("COMMIT").has_value() && database.execute("PRAGMA journal_mode = WAL").has_value(),
        "commit");
    device = {};
    certificate = {};
    open_verifier();
  }
  ~Registry() {
    verifier_.reset();
    asked_.reset();
    status_.reset();
    std::error_code ignored;
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(file_.string() + suffix, ignored);
  }
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  void appraise() {
    const Octets& token = tokens_[random_() % tokens_.size()];
    const auto appraisal = verifier_->appraise({.token = token, .nonce = nonce_}, now_);
    require(appraisal.verdict == verifier::Verdict::trusted, "trusted");
  }
  void look_up() {
    const Octets& id = ids_[random_() % ids_.size()];
    require(status_->device(id, now_).state == verifier::DeviceStatus::State::known, "known");
  }
  [[nodiscard]] double megabytes() const {
    return static_cast<double>(std::filesystem::file_size(file_)) / 1e6;
  }
  /// Every device once, so that what follows is measured on proven chains.
  void warm() {
    for (const Octets& token : tokens_) (void)verifier_->appraise({.token = token, .nonce = nonce_}, now_);
  }

 private:
  template <typename Insert>
  void make_tokens(std::size_t real, Insert insert) {
    const authority::Issuer* vendor = engine_.find_issuer("vendor");
    const authority::Profile& profile = engine_.config().profiles.at("iak");
    for (std::size_t i = 0; i < real; ++i) {
      Unit unit(1);
      Octets id(33);
      Octets serial(16);
      require(
          testing::host_crypto().random(id).has_value() && testing::host_crypto().random(serial).has_value(),
          "random");
      id[0] = 0x01;
      serial[0] |= 0x40;
      serial[0] &= 0x7f;
      unit.rename(testing::hex(id));
      const Octets spki = unit.spki();
      const auto parsed = x509::parse_spki(spki);
      authority::LeafFields fields;
      std::ranges::copy(serial, fields.serial.begin());
      std::ranges::copy(id, fields.device.begin());
      fields.spki = *parsed;
      fields.not_before = now_;
      const auto leaf = vendor->issue(testing::host_crypto(), profile, fields);
      require(leaf.has_value(), "issue");
      const std::vector<Octets> chain{*leaf, vendor->chain().front()};
      tokens_.push_back(unit.token(nonce_, {.chain = &chain}));
      ids_.push_back(id);
      insert(id, serial, testing::host_crypto().sha256(spki).value(), *leaf);
    }
  }
  /// Rows in the order of their keys, which is how they are inserted fast, spread over the whole range.
  template <typename Insert>
  void fill(std::size_t count, Insert insert) {
    const std::uint64_t step = count == 0 ? 0 : (std::uint64_t{1} << 62U) / count;
    Octets id(33, 0);
    Octets serial(16, 0);
    Octets key(32, 0);
    const Octets der(1, 0x30);
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t place = (std::uint64_t{1} << 56U) + i * step;
      id[0] = 0x01;
      Writer(MutableBytes(id).subspan(1, 8)).big_endian(place * 4, 8);
      Writer(MutableBytes(serial).first(8)).big_endian(place, 8);
      Writer(MutableBytes(key).first(8)).big_endian(place * 4, 8);
      key[31] = 1;
      serial[15] = 1;
      insert(id, serial, key, der);
    }
  }
  void open_verifier() {
    std::vector<store::StatusIssuer> issuers;
    for (const authority::Issuer& issuer : engine_.issuers()) {
      issuers.push_back({issuer.config().name, issuer.chain().front()});
    }
    status_ = store::RegistryStatus::open({.file = file_}, issuers).value();
    asked_ = std::make_unique<AlwaysAsked>(*status_);
    verifier::Policy policy;
    policy.roots = {engine_.root()};
    policy.unknown_revocation = verifier::Level::reject;
    verifier_ = std::make_unique<verifier::Verifier>(
        testing::host_crypto(), std::move(policy), std::vector<const verifier::StatusSource*>{asked_.get()});
  }

  std::filesystem::path file_;
  const authority::Engine& engine_;
  der::UnixTime now_;
  Octets nonce_ = Octets(32, 0x5a);
  std::vector<Octets> tokens_, ids_;
  std::mt19937_64 random_{1};
  std::unique_ptr<store::RegistryStatus> status_;
  std::unique_ptr<AlwaysAsked> asked_;
  std::unique_ptr<verifier::Verifier> verifier_;
};

void bench_scale() {
  constexpr std::size_t kSmall = 1000;
  constexpr std::size_t kLarge = 10'000'000;
  /// Four powers of ten are two levels of a B-tree, and three leaf pages from the system's memory instead of
  /// SQLite's, for an appraisal that asks the registry each time; one that does not costs the same at any
  /// size.
  constexpr double kFlat = 1.15;
  constexpr std::size_t kReal = 20'000;  // their pages are many times what SQLite caches
  const testing::AuthorityFolder folder;
  const app::SecretText passphrase{std::string(testing::kPassphrase)};
  const auto directory = app::Directory::open(folder.path(), &passphrase);
  require(directory.has_value(), "open the authority");
  Registry small(folder, (*directory)->engine(), kSmall, kSmall);
  Registry large(folder, (*directory)->engine(), kLarge, kReal);
  small.warm();
  large.warm();
  const auto seconds = best_seconds({[&] { small.appraise(); }, [&] { large.appraise(); },
                                     [&] { small.look_up(); }, [&] { large.look_up(); }});
  record({"appraise_registry_scale",
          seconds[1] * 1e6,
          "us",
          seconds[0] * 1e6,
          kFlat,
          Better::lower,
          {{"device_lookup_at_10^3", seconds[2] * 1e6}, {"device_lookup_at_10^7", seconds[3] * 1e6}}});
  std::printf("  registry of 10^7 devices: %.0f MB\n", large.megabytes());
}

}  // namespace
}  // namespace pedigree::bench

/// `https` or `scale` runs that part alone.
int main(int count, char** words) {
  const std::string_view part = count > 1 ? words[1] : "";
  if (part != "scale") pedigree::bench::bench_https();
  if (part != "https") pedigree::bench::bench_scale();
}
