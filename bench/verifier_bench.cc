// SPDX-License-Identifier: Apache-2.0
// The verifier library against the signature verifications that an appraisal cannot do without: of a device
// that returns, the token's; of one that is seen for the first time, the token's and those of its chain.
#include "bench/core_peers.h"
#include "bench/measure.h"
#include "bench/results.h"
#include "core/der/der.h"
#include "core/x509/crl.h"
#include "crypto/openssl/handles.h"
#include "testing/verifier/fleet.h"
#include "testing/x509/make.h"
#include "verifier/status/crl.h"
#include "verifier/verifier.h"

namespace pedigree::bench {
namespace {

using testing::Fleet;
using testing::FleetDevice;
using testing::kFleetNow;
using verifier::Verifier;

constexpr std::size_t kDevices = 512;  // in turn, so that nothing of one device stays near

/// A verification with everything made ready that can be: the key, its context, the digest.
class Ready {
 public:
  Ready(EVP_PKEY* key, Bytes message, Octets signature)
      : context_(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr)), signature_(std::move(signature)) {
    require(context_ != nullptr && EVP_PKEY_verify_init(context_.get()) == 1, "EVP_PKEY_verify_init");
    const auto digest = Fleet::crypto().sha256(message);
    require(digest.has_value(), "sha256");
    digest_ = *digest;
  }
  void verify() const {
    require(EVP_PKEY_verify(context_.get(), signature_.data(), signature_.size(), digest_.data(),
                            digest_.size()) == 1,
            "EVP_PKEY_verify");
  }

 private:
  crypto::openssl::KeyContext context_;
  Octets signature_;
  Sha256 digest_{};
};

Octets to_be_signed(const cose::Sign1& token) {
  Octets octets(token.payload()->size() + 64);
  Writer out(octets);
  cbor::Encoder encoder(out);
  encoder.array(4);
  encoder.tstr("Signature1");
  encoder.bstr(token.protected_header());
  encoder.bstr({});
  encoder.bstr(*token.payload());
  octets.resize(out.size());
  return octets;
}

Octets der_signature(Bytes raw) {
  Octets octets(80);
  Writer out(octets);
  der::Builder builder(out);
  der::ecdsa_from_raw(raw, builder);
  octets.resize(out.size());
  return octets;
}

Ready ready(const testing::Holder& issuer, const Octets& certificate) {
  const auto parsed = x509::Certificate::parse(certificate);
  require(parsed.has_value(), "parse");
  return {issuer.key.get(), parsed->tbs(), {parsed->signature().begin(), parsed->signature().end()}};
}

/// A device's token, and what has to be verified of it at least.
struct Unit {
  Octets token;
  std::vector<Octets> chain;
  Ready token_signature;
  std::vector<Ready> chain_signatures;
};

Unit make_unit(const Fleet& fleet, std::uint32_t number) {
  const FleetDevice device = fleet.device(number);
  Octets token = device.token();
  const auto message = cose::Sign1::parse(token);
  require(message.has_value(), "Sign1");
  Ready signature(device.holder().key.get(), to_be_signed(*message), der_signature(message->signature()));
  std::vector<Ready> chain;
  chain.push_back(ready(fleet.oem(), device.chain()[0]));
  chain.push_back(ready(fleet.vendor(), device.chain()[1]));
  chain.push_back(ready(fleet.root(), device.chain()[2]));
  return {std::move(token), device.chain(), std::move(signature), std::move(chain)};
}

struct Bench {
  Fleet fleet;
  std::vector<Unit> units;
  Octets nonce = Octets(32, 0x4e);
  std::size_t turn = 0;

  Bench() {
    for (std::uint32_t i = 0; i < kDevices; ++i) units.push_back(make_unit(fleet, i));
  }
  const Unit& next() { return units[turn++ % kDevices]; }
  [[nodiscard]] verifier::Policy policy() const {
    verifier::Policy policy;
    policy.roots = {fleet.root().certificate};
    policy.unknown_revocation = verifier::Level::ignore;
    return policy;
  }
  void appraise(const Verifier& verifier) {
    const auto appraisal = verifier.appraise({.token = next().token, .nonce = nonce}, kFleetNow);
    require(appraisal.verdict == verifier::Verdict::trusted, "appraise");
  }
};

void bench_returning(Bench& bench) {
  const Verifier verifier(Fleet::crypto(), bench.policy());
  for (std::size_t i = 0; i < kDevices; ++i) bench.appraise(verifier);
  const auto seconds = best_seconds({
      [&] { bench.appraise(verifier); },
      [&] { bench.next().token_signature.verify(); },
  });
  record({"appraise_returning", 1 / seconds[0], "1/s", 1 / seconds[1], 0.85, Better::higher, {}});
}

void bench_first_seen(Bench& bench) {
  const Verifier forgetful(Fleet::crypto(), bench.policy(), {}, 0);
  const OpenSslPath openssl(bench.fleet.root().certificate);
  const auto seconds = best_seconds({
      [&] { bench.appraise(forgetful); },
      [&] {
        const Unit& unit = bench.next();
        unit.token_signature.verify();
        for (const Ready& signature : unit.chain_signatures) signature.verify();
      },
      [&] {
        const Unit& unit = bench.next();
        openssl.verify(unit.chain);
        unit.token_signature.verify();
      },
  });
  record({"appraise_first_seen",
          1 / seconds[0],
          "1/s",
          1 / seconds[1],
          0.85,
          Better::higher,
          {{"openssl_x509_verify_cert_and_one_verification", 1 / seconds[2]}}});
}

/// An issuer whose CRL is in parts, and a certificate of one of them.
struct Parts {
  static constexpr std::size_t kCount = 4096;
  crypto::OpenSslCrypto crypto;
  crypto::OpenSslKey key = crypto::OpenSslKey::generate(crypto::KeyType::p256).value();
  Octets name = testing::common_name("CA");
  Octets issuer, leaf;

  Parts() {
    x509::ExtensionSet extensions;
    extensions.basic_constraints = x509::BasicConstraints{true, {}};
    issuer = make("CA", extensions);
    x509::ExtensionSet of_leaf;
    const std::string point = url(kCount / 2);
    of_leaf.crl_distribution_point = point;
    leaf = make("Leaf", of_leaf);
  }
  [[nodiscard]] Octets make(const std::string& subject, const x509::ExtensionSet& extensions) {
    return testing::make_certificate(crypto, {.subject = subject,
                                              .issuer = "CA",
                                              .subject_der = {},
                                              .issuer_der = {},
                                              .key = key.view(),
                                              .issuer_key = key.view(),
                                              .algorithm = {},
                                              .extensions = extensions});
  }
  static std::string url(std::size_t part) { return "http://ca.example/v1/crl/ca/" + std::to_string(part); }
  /// Sixteen entries, none of which is the certificate's.
  [[nodiscard]] Octets part(std::size_t number) const {
    std::vector<x509::RevokedEntry> entries;
    std::vector<Octets> serials;
    for (std::uint8_t i = 0; i < 16; ++i) serials.push_back({0x7f, i, static_cast<std::uint8_t>(number)});
    for (const Octets& serial : serials) entries.push_back({serial, kFleetNow - 1, {}});
    const std::string point = url(number);
    const Octets one{1};
    x509::CrlFields fields;
    fields.issuer = name;
    fields.this_update = kFleetNow - 1;
    fields.next_update = kFleetNow + 86400;
    fields.crl_number = one;
    fields.entries = entries;
    fields.distribution_point = point;
    Octets buffer(4096);
    const Bytes der =
        x509::write_crl(crypto, fields, key.view(), crypto::default_algorithm(key.type()), buffer).value();
    return {der.begin(), der.end()};
  }
};

/// What a certificate's standing costs where the verifier has one part of a CRL, and where it has thousands.
void bench_crl_parts() {
  Parts parts;
  verifier::CrlStatus one(parts.crypto);
  verifier::CrlStatus all(parts.crypto);
  require(one.add(parts.part(Parts::kCount / 2)).has_value(), "add");
  for (std::size_t i = 0; i < Parts::kCount; ++i) require(all.add(parts.part(i)).has_value(), "add");
  const auto leaf = x509::Certificate::parse(parts.leaf);
  const auto issuer = x509::Certificate::parse(parts.issuer);
  const auto ask = [&](const verifier::CrlStatus& status) {
    require(status.certificate(*leaf, *issuer, kFleetNow).state == verifier::CertificateStatus::State::good,
            "good");
  };
  const auto seconds = best_seconds({[&] { ask(all); }, [&] { ask(one); }});
  record({"crl_parts_lookup", 1 / seconds[0], "1/s", 1 / seconds[1], 0.5, Better::higher, {}});
}

}  // namespace
}  // namespace pedigree::bench

int main() {
  return pedigree::bench::guarded("verifier_bench", [] {
    pedigree::bench::Bench bench;
    pedigree::bench::bench_returning(bench);
    pedigree::bench::bench_first_seen(bench);
    pedigree::bench::bench_crl_parts();
  });
}
