// SPDX-License-Identifier: Apache-2.0
#include "verifier/status/bundle.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "core/cose/cose.h"
#include "crypto/openssl/keys.h"
#include "crypto/openssl/openssl_crypto.h"
#include "testing/support/allocations.h"
#include "testing/support/octets.h"
#include "testing/x509/make.h"
#include "verifier/status/bundle_writer.h"

namespace pedigree::verifier {
namespace {

using State = CertificateStatus::State;
using testing::Octets;
using x509::Certificate;

constexpr der::UnixTime kIssued = 1750000000;
constexpr der::UnixTime kExpires = kIssued + 7 * 86400;
constexpr std::uint16_t kCaUsage = x509::kKeyCertSign | x509::kCrlSign;
const Octets kSerial{0x01, 0x23, 0x45};  // of every certificate that make_certificate makes

Octets certificate(const crypto::Crypto& crypto, const std::string& subject, const crypto::OpenSslKey& key,
                   const std::string& issuer, const crypto::OpenSslKey& issuer_key, std::uint16_t usage) {
  testing::CertificateSpec spec;
  spec.subject = subject;
  spec.issuer = issuer;
  spec.key = key.view();
  spec.issuer_key = issuer_key.view();
  spec.extensions.key_usage = usage;
  spec.extensions.basic_constraints = x509::BasicConstraints{(usage & x509::kKeyCertSign) != 0, {}};
  return testing::make_certificate(crypto, spec);
}

/// Root, intermediate and device of one authority, and its bundles.
struct Authority {
  crypto::OpenSslCrypto crypto;
  crypto::OpenSslKey root_key = crypto::OpenSslKey::generate(crypto::KeyType::p256).value();
  crypto::OpenSslKey ca_key = crypto::OpenSslKey::generate(crypto::KeyType::p256).value();
  crypto::OpenSslKey device_key = crypto::OpenSslKey::generate(crypto::KeyType::p256).value();
  Octets root = certificate(crypto, "Root", root_key, "Root", root_key, kCaUsage);
  Octets ca = certificate(crypto, "CA", ca_key, "Root", root_key, kCaUsage);
  Octets device = certificate(crypto, "Device", device_key, "CA", ca_key, x509::kDigitalSignature);
  testing::TempDir folder;

  [[nodiscard]] Sha256 key_hash(Bytes der) const {
    return crypto.sha256(Certificate::parse(der).value().spki().whole).value();
  }
  [[nodiscard]] BundleTrust trust() const {
    return {.roots = {key_hash(root)}, .signer = {}, .minimum_number = 0};
  }

  [[nodiscard]] BundleContents contents() const {
    BundleContents contents;
    contents.issued_at = kIssued;
    contents.expires_at = kExpires;
    contents.number = 10;
    contents.roots = {root};
    contents.intermediates = {ca};
    contents.revoked = {{key_hash(root), {}}, {key_hash(ca), {}}};
    return contents;
  }

  [[nodiscard]] SignManifest signer(const crypto::OpenSslKey& key, std::vector<Bytes> chain,
                                    std::string_view context = kBundleContext) const {
    return [this, &key, chain, context](Bytes manifest) -> Result<Octets> {
      Octets buffer(2 * manifest.size() + 8192);
      PEDIGREE_ASSIGN(const Bytes message,
                      cose::write_sign1(
                          crypto, {.payload = manifest, .external_aad = as_bytes(context), .x5chain = chain},
                          key.view(), buffer));
      return Octets(message.begin(), message.end());
    };
  }

  std::filesystem::path write(const BundleContents& contents, const SignManifest& sign) const {
    const auto path = folder / "bundle";
    testing::write_file(path, make_bundle(crypto, contents, sign).value());
    return path;
  }
  std::filesystem::path write(const BundleContents& contents) const {
    return write(contents, signer(ca_key, {ca}));
  }

  [[nodiscard]] std::expected<std::unique_ptr<BundleStatus>, BundleError> open(
      const std::filesystem::path& path, const BundleTrust& of, der::UnixTime now = kIssued) const {
    return BundleStatus::open(crypto, path, of, now);
  }
  [[nodiscard]] std::unique_ptr<BundleStatus> open(const BundleContents& contents) const {
    auto opened = open(write(contents), trust());
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().what);
    return *std::move(opened);
  }
  /// The reason why a bundle is not taken.
  [[nodiscard]] std::string refusal(const std::filesystem::path& path, const BundleTrust& of,
                                    der::UnixTime now = kIssued) const {
    const auto opened = open(path, of, now);
    return opened ? "taken" : std::string(name(opened.error().code));
  }
  [[nodiscard]] std::string refusal(const std::filesystem::path& path) const {
    return refusal(path, trust());
  }

  [[nodiscard]] CertificateStatus ask_device(const BundleStatus& status, der::UnixTime now = kIssued) const {
    return status.certificate(Certificate::parse(device).value(), Certificate::parse(ca).value(), now);
  }
  [[nodiscard]] CertificateStatus ask_ca(const BundleStatus& status, der::UnixTime now = kIssued) const {
    return status.certificate(Certificate::parse(ca).value(), Certificate::parse(root).value(), now);
  }
};

TEST(Bundle, SaysWhatTheAuthoritySaid) {
  const Authority authority;
  BundleContents contents = authority.contents();
  const auto status = authority.open(contents);
  EXPECT_EQ(authority.ask_device(*status).state, State::good);
  EXPECT_EQ(authority.ask_device(*status).fresh_until, kExpires);
  EXPECT_EQ(authority.ask_ca(*status).state, State::good);
  EXPECT_EQ(status->roots(), std::vector<Octets>{authority.root});
  EXPECT_EQ(status->intermediates(), std::vector<Octets>{authority.ca});
  EXPECT_EQ(status->facts().number, 10U);
  const Octets id(33, 1);
  EXPECT_EQ(status->device(id, kIssued).state, DeviceStatus::State::not_asked);

  contents.revoked[1].records = {RevokedRecord::of(kSerial, 1740000000, 1)};
  contents.number = 11;
  const std::uint64_t before = status->generation();
  ASSERT_TRUE(status->reload(authority.write(contents), kIssued));
  EXPECT_NE(status->generation(), before);
  const CertificateStatus revoked = authority.ask_device(*status);
  EXPECT_EQ(revoked.state, State::revoked);
  EXPECT_EQ(revoked.revocation->since, 1740000000);
  EXPECT_EQ(revoked.revocation->reason, 1);
}

TEST(Bundle, SaysNothingOfOtherIssuers) {
  const Authority authority;
  const Authority stranger;
  const auto status = authority.open(authority.contents());
  EXPECT_EQ(stranger.ask_device(*status).state, State::unknown);
  BundleContents without = authority.contents();
  without.revoked.pop_back();
  without.number = 11;
  ASSERT_TRUE(status->reload(authority.write(without), kIssued));
  EXPECT_EQ(authority.ask_device(*status).state, State::unknown);
}

TEST(Bundle, AfterItsLimitItClearsNothingAndStillRevokes) {
  const Authority authority;
  BundleContents contents = authority.contents();
  contents.devices = {{{1, 1}, 5, 4}, {{1, 2}, 6, 5}};
  contents.devices_complete = true;
  const auto status = authority.open(authority.write(contents), authority.trust(), kExpires + 1).value();
  EXPECT_EQ(authority.ask_device(*status, kExpires).state, State::good);
  EXPECT_EQ(authority.ask_device(*status, kExpires + 1).state, State::stale);
  std::array<std::uint8_t, 33> id{1, 1};
  EXPECT_EQ(status->device(id, kExpires).state, DeviceStatus::State::known);
  EXPECT_EQ(status->device(id, kExpires + 1).state, DeviceStatus::State::stale);
  id[1] = 2;
  EXPECT_EQ(status->device(id, kExpires + 1).state, DeviceStatus::State::suspended);
  id[1] = 3;
  EXPECT_EQ(status->device(id, kExpires + 1).state, DeviceStatus::State::stale);
  contents.revoked[1].records = {RevokedRecord::of(kSerial, 1740000000, 1)};
  contents.number = 11;
  ASSERT_TRUE(status->reload(authority.write(contents), kExpires + 1));
  EXPECT_EQ(authority.ask_device(*status, kExpires + 1).state, State::revoked);
}

TEST(Bundle, KnowsDevicesByTheirStates) {
  using Word = DeviceStatus::State;
  const Authority authority;
  BundleContents contents = authority.contents();
  for (std::uint8_t state = 0; state < 8; ++state)
    contents.devices.push_back({{1, state}, 100 + state, state});
  contents.devices_complete = true;
  const auto status = authority.open(contents);
  const Word expected[] = {Word::unknown, Word::known,     Word::known,   Word::known,
                           Word::known,   Word::suspended, Word::revoked, Word::retired};
  for (std::uint8_t state = 0; state < 8; ++state) {
    const std::array<std::uint8_t, 33> id{1, state};
    EXPECT_EQ(status->device(id, kIssued).state, expected[state]) << int{state};
  }
  const std::array<std::uint8_t, 33> suspended{1, 5};
  EXPECT_EQ(status->device(suspended, kIssued).name, "suspended");
  EXPECT_EQ(status->device(suspended, kIssued).since, 105);
  const std::array<std::uint8_t, 33> unknown{1, 99};
  EXPECT_EQ(status->device(unknown, kIssued).state, Word::unknown);
  EXPECT_EQ(status->device(Octets{1}, kIssued).state, Word::unknown);
}

TEST(Bundle, CarriesReferenceValues) {
  const Authority authority;
  BundleContents contents = authority.contents();
  const std::string json = R"({"version": 1, "implementations": [{"implementation_id": ")" +
                           std::string(64, 'a') + R"(", "components": [{"version": "1"}]}]})";
  contents.references = {{BundleReference::Kind::json, as_bytes(json)}};
  EXPECT_EQ(authority.open(contents)->reference_values().size(), 1U);
  contents.references.push_back({BundleReference::Kind::corim, as_bytes("no")});
  const auto refused = authority.open(authority.write(contents), authority.trust());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what.substr(0, 31), "reference values in the bundle:");
}

TEST(Bundle, EachKindOfForgeryHasItsReason) {
  const Authority authority;
  const Authority stranger;
  const BundleContents contents = authority.contents();
  EXPECT_EQ(authority.refusal(authority.write(contents)), "taken");
  // Not signed: no signer is named.
  EXPECT_EQ(authority.refusal(authority.write(contents, authority.signer(authority.ca_key, {}))),
            "bundle_refused");
  // Forged: the signer's chain with another's signature.
  EXPECT_EQ(authority.refusal(authority.write(contents, authority.signer(stranger.ca_key, {authority.ca}))),
            "invalid_signature");
  // Another root, with our root inside or without.
  EXPECT_EQ(authority.refusal(stranger.write(stranger.contents())), "untrusted_root");
  EXPECT_EQ(authority.refusal(authority.write(contents, stranger.signer(stranger.ca_key, {stranger.ca}))),
            "invalid_signature");
  // A device signs, and a CA that may not sign CRLs.
  EXPECT_EQ(authority.refusal(authority.write(
                contents, authority.signer(authority.device_key, {authority.device, authority.ca}))),
            "key_usage_forbids");
  const Octets no_crl =
      certificate(authority.crypto, "CA", authority.ca_key, "Root", authority.root_key, x509::kKeyCertSign);
  EXPECT_EQ(authority.refusal(authority.write(contents, authority.signer(authority.ca_key, {no_crl}))),
            "key_usage_forbids");
  const Octets no_ca =
      certificate(authority.crypto, "CA", authority.ca_key, "Root", authority.root_key, x509::kCrlSign);
  EXPECT_EQ(authority.refusal(authority.write(contents, authority.signer(authority.ca_key, {no_ca}))),
            "not_a_ca");
  // Something else that the CA signed.
  EXPECT_EQ(authority.refusal(
                authority.write(contents, authority.signer(authority.ca_key, {authority.ca}, "other"))),
            "invalid_signature");
  // The signer's certificate has expired.
  EXPECT_EQ(authority.refusal(authority.write(contents), authority.trust(), 1900000001), "expired");
  // The clock.
  EXPECT_EQ(authority.refusal(authority.write(contents), authority.trust(), kIssued - 301), "not_yet_valid");
}

TEST(Bundle, OneSignerMayBePinned) {
  const Authority authority;
  BundleTrust trust = authority.trust();
  trust.signer = authority.key_hash(authority.ca);
  EXPECT_EQ(authority.refusal(authority.write(authority.contents()), trust), "taken");
  trust.signer = authority.key_hash(authority.device);
  EXPECT_EQ(authority.refusal(authority.write(authority.contents()), trust), "bundle_refused");
}

TEST(Bundle, TheRootMaySign) {
  const Authority authority;
  EXPECT_EQ(authority.refusal(authority.write(authority.contents(),
                                              authority.signer(authority.root_key, {authority.root}))),
            "taken");
}

TEST(Bundle, ARevokedSignerIsRefused) {
  const Authority authority;
  BundleContents contents = authority.contents();
  contents.revoked[0].records = {RevokedRecord::of(kSerial, 1740000000, 2)};
  EXPECT_EQ(authority.refusal(authority.write(contents)), "revoked");
}

TEST(Bundle, AnOlderOneDoesNotComeBack) {
  const Authority authority;
  BundleContents contents = authority.contents();
  const auto status = authority.open(contents);
  ASSERT_TRUE(status->reload(authority.write(contents), kIssued)) << "the same again";
  contents.number = 9;
  const std::uint64_t before = status->generation();
  EXPECT_EQ(status->reload(authority.write(contents), kIssued).error().code, ErrorCode::bundle_rolled_back);
  EXPECT_EQ(status->generation(), before);
  EXPECT_EQ(authority.ask_device(*status).state, State::good);
  BundleTrust trust = authority.trust();
  trust.minimum_number = 10;
  EXPECT_EQ(authority.refusal(authority.folder / "bundle", trust), "bundle_rolled_back");
}

TEST(Bundle, NoOctetMayBeChanged) {
  const Authority authority;
  BundleContents contents = authority.contents();
  contents.revoked[1].records = {RevokedRecord::of(kSerial, 1740000000, 1)};
  contents.devices = {{{1, 1}, 5, 4}};
  const auto path = authority.write(contents);
  const Octets good = testing::read_file(path);
  for (std::size_t at = 0; at < good.size(); ++at) {
    Octets spoilt = good;
    spoilt[at] ^= 1;
    testing::write_file(path, spoilt);
    const auto opened = authority.open(path, authority.trust());
    // The unprotected header may be written in other ways; what counts is that nothing else is said.
    if (!opened) continue;
    EXPECT_EQ(authority.ask_device(**opened).state, State::revoked) << "octet " << at;
  }
  for (std::size_t size = 0; size < good.size(); ++size) {
    testing::write_file(path, Bytes(good).first(size));
    ASSERT_NE(authority.refusal(path), "taken") << size;
  }
  Octets longer = good;
  longer.push_back(0);
  testing::write_file(path, longer);
  EXPECT_EQ(authority.refusal(path), "trailing_data");
  EXPECT_EQ(authority.refusal(authority.folder / "nothing"), "not_found");
}

TEST(Bundle, AFileThatChangesUnderItAnswersNothing) {
  const Authority authority;
  BundleContents contents = authority.contents();
  contents.revoked[1].records = {RevokedRecord::of(kSerial, 1740000000, 1)};
  contents.devices = {{{1, 1}, 5, 4}};
  contents.devices_complete = true;
  const auto path = authority.write(contents);
  const auto status = authority.open(path, authority.trust()).value();
  ASSERT_EQ(authority.ask_device(*status).state, State::revoked);
  // Somebody with write access puts zeros where the revoked serial number stood.
  std::FILE* file = std::fopen(path.c_str(), "r+b");
  ASSERT_NE(file, nullptr);
  ASSERT_EQ(std::fseek(file, -(9 + 39), SEEK_END), 0);
  const Octets zeros(9 + 39, 0);
  ASSERT_EQ(std::fwrite(zeros.data(), 1, zeros.size(), file), zeros.size());
  ASSERT_EQ(std::fclose(file), 0);
  EXPECT_EQ(authority.ask_device(*status).state, State::stale);
  const std::array<std::uint8_t, 33> id{1, 1};
  EXPECT_EQ(status->device(id, kIssued).state, DeviceStatus::State::stale);
  std::filesystem::resize_file(path, 100);
  EXPECT_EQ(authority.ask_device(*status).state, State::stale);
}

TEST(Bundle, AMillionRevokedSerialsTakeUnderTwoAndAHalfMebibytes) {
  constexpr std::size_t kMillion = 1000000;
  const Authority authority;
  BundleContents contents = authority.contents();
  std::mt19937_64 random(42);
  std::vector<RevokedRecord> records(kMillion);
  for (RevokedRecord& record : records) {
    for (auto at = record.serial.begin() + 4; at != record.serial.end(); ++at) {
      *at = static_cast<std::uint8_t>(random());
    }
    record.serial[4] |= 1;
    record.since = static_cast<der::UnixTime>(random() % 1700000000);
  }
  std::filesystem::path path;
  {
    BundleContents copy = contents;
    copy.revoked[1].records = records;
    path = authority.write(copy);
  }
  RecordProperty("octets_of_file", static_cast<int>(std::filesystem::file_size(path)));
  EXPECT_LT(std::filesystem::file_size(path), 22.5e6);

  const std::size_t before = testing::allocated_octets();
  const auto status = authority.open(path, authority.trust()).value();
  const std::size_t used = testing::allocated_octets() - before;
  RecordProperty("octets_in_memory", static_cast<int>(used));
  if (testing::kAllocationsAreCounted) {
    EXPECT_LT(used, 2.5 * 1024 * 1024);
    EXPECT_LE(status->facts().memory, used + 4096);
  }
  EXPECT_EQ(status->facts().revoked, kMillion);

  const Certificate ca = Certificate::parse(authority.ca).value();
  EXPECT_EQ(authority.ask_device(*status).state, State::good);
  // The device's certificate with other serial numbers of 16 octets.
  testing::CertificateParts parts = testing::CertificateParts::good();
  parts.issuer = testing::common_name("CA");
  const auto ask = [&](Bytes serial) {
    parts.serial = testing::written([&](Writer& out) { der::Builder(out).unsigned_integer(serial); });
    const Octets der = parts.assemble();
    return status->certificate(Certificate::parse(der).value(), ca, kIssued);
  };
  for (std::size_t i = 0; i < kMillion; i += 97) {
    const CertificateStatus answer = ask(Bytes(records[i].serial).subspan(4));
    ASSERT_EQ(answer.state, State::revoked);
    ASSERT_EQ(answer.revocation->since, records[i].since);
    RevokedRecord other = records[i];
    other.serial[10] ^= 0x55;
    ASSERT_EQ(ask(Bytes(other.serial).subspan(4)).state, State::good);
  }
}

TEST(Bundle, ThreadsAskWhileItIsReplaced) {
  const Authority authority;
  BundleContents contents = authority.contents();
  const auto path = authority.write(contents);
  const auto status = authority.open(path, authority.trust()).value();
  std::atomic<bool> done = false;
  std::atomic<unsigned> wrong = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!done) {
        if (authority.ask_device(*status).state != State::good) ++wrong;
      }
    });
  }
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(status->reload(path, kIssued));
  done = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0U);
}

}  // namespace
}  // namespace pedigree::verifier
