// SPDX-License-Identifier: Apache-2.0
#include "verifier/status/crl.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "core/x509/crl.h"
#include "crypto/openssl/keys.h"
#include "crypto/openssl/openssl_crypto.h"
#include "testing/x509/make.h"

namespace pedigree::verifier {
namespace {

using State = CertificateStatus::State;
using testing::Octets;
using x509::Certificate;
using x509::RevokedEntry;

constexpr der::UnixTime kThis = 1700000000;
constexpr der::UnixTime kNext = 1700600000;
const Octets kLeafSerial{0x01, 0x23, 0x45};  // of every certificate that make_certificate makes

/// An issuer with a leaf, and the lists that it signs.
struct Issuer {
  explicit Issuer(const std::string& common_name, std::uint16_t key_usage = 0,
                  std::string_view distribution_point = "")
      : name(common_name) {
    x509::ExtensionSet extensions;
    extensions.basic_constraints = x509::BasicConstraints{true, {}};
    extensions.key_usage = key_usage;
    issuer_der = testing::make_certificate(crypto, {.subject = name,
                                                    .issuer = name,
                                                    .subject_der = {},
                                                    .issuer_der = {},
                                                    .key = key.view(),
                                                    .issuer_key = key.view(),
                                                    .algorithm = {},
                                                    .extensions = extensions});
    x509::ExtensionSet of_leaf;
    of_leaf.crl_distribution_point = distribution_point;
    leaf_der = testing::make_certificate(crypto, {.subject = "Leaf",
                                                  .issuer = name,
                                                  .subject_der = {},
                                                  .issuer_der = {},
                                                  .key = key.view(),
                                                  .issuer_key = key.view(),
                                                  .algorithm = {},
                                                  .extensions = of_leaf});
  }

  [[nodiscard]] Octets list(std::span<const RevokedEntry> entries, der::UnixTime this_update = kThis,
                            der::UnixTime next_update = kNext) const {
    x509::CrlFields fields;
    fields.this_update = this_update;
    fields.next_update = next_update;
    fields.entries = entries;
    return write(fields);
  }
  [[nodiscard]] Octets write(x509::CrlFields fields) const {
    const Octets subject = testing::common_name(name);
    const Octets number{1};
    fields.issuer = subject;
    if (fields.crl_number.empty()) fields.crl_number = number;
    Octets buffer(2048 + 64 * fields.entries.size());
    const Bytes der =
        x509::write_crl(crypto, fields, key.view(), crypto::default_algorithm(key.type()), buffer).value();
    return {der.begin(), der.end()};
  }

  [[nodiscard]] CertificateStatus ask(const CrlStatus& status, der::UnixTime now = kThis) const {
    return status.certificate(Certificate::parse(leaf_der).value(), Certificate::parse(issuer_der).value(),
                              now);
  }

  crypto::OpenSslCrypto crypto;
  crypto::OpenSslKey key = crypto::OpenSslKey::generate(crypto::KeyType::p256).value();
  std::string name;
  Octets issuer_der, leaf_der;
};

const RevokedEntry kRevoked{kLeafSerial, 1699999999, x509::RevocationReason::key_compromise};

TEST(CrlStatus, TellsGoodRevokedAndUnknown) {
  const Issuer issuer("CA");
  CrlStatus status(issuer.crypto);
  EXPECT_EQ(issuer.ask(status).state, State::unknown);
  ASSERT_TRUE(status.add(issuer.list({})));
  EXPECT_EQ(issuer.ask(status).state, State::good);
  const RevokedEntry entries[] = {kRevoked};
  ASSERT_TRUE(status.add(issuer.list(entries, kThis + 1)));
  const CertificateStatus answer = issuer.ask(status, kThis + 1);
  EXPECT_EQ(answer.state, State::revoked);
  EXPECT_EQ(answer.revocation->since, 1699999999);
  EXPECT_EQ(answer.revocation->reason, 1);
  EXPECT_EQ(status.device(Octets(33, 1), kThis).state, DeviceStatus::State::not_asked);
}

TEST(CrlStatus, TheLatestListCounts) {
  const Issuer issuer("CA");
  const RevokedEntry entries[] = {kRevoked};
  for (const bool old_first : {true, false}) {
    CrlStatus status(issuer.crypto);
    ASSERT_TRUE(status.add(old_first ? issuer.list({}) : issuer.list(entries, kThis + 10)));
    ASSERT_TRUE(status.add(old_first ? issuer.list(entries, kThis + 10) : issuer.list({})));
    EXPECT_EQ(issuer.ask(status, kThis + 10).state, State::revoked);
  }
}

TEST(CrlStatus, AListOutOfDateClearsNothingAndStillRevokes) {
  const Issuer issuer("CA");
  CrlStatus status(issuer.crypto);
  ASSERT_TRUE(status.add(issuer.list({})));
  EXPECT_EQ(issuer.ask(status, kNext).state, State::good);
  EXPECT_EQ(issuer.ask(status, kThis).fresh_until, kNext);
  EXPECT_EQ(issuer.ask(status, kThis - 5).fresh_until, kThis - 1);
  EXPECT_EQ(issuer.ask(status, kNext + 1).state, State::stale);
  EXPECT_EQ(issuer.ask(status, kThis - 1).state, State::stale);
  const RevokedEntry entries[] = {kRevoked};
  ASSERT_TRUE(status.replace({issuer.list(entries)}));
  EXPECT_EQ(issuer.ask(status, kNext + 1).state, State::revoked);
}

TEST(CrlStatus, OnlyTheIssuersOwnListCounts) {
  const Issuer issuer("CA");
  const Issuer same_name("CA");
  const Issuer other_name("Other");
  const RevokedEntry entries[] = {kRevoked};
  CrlStatus status(issuer.crypto);
  ASSERT_TRUE(status.add(same_name.list(entries, kThis + 5)));
  ASSERT_TRUE(status.add(other_name.list(entries)));
  EXPECT_EQ(issuer.ask(status).state, State::unknown);
  ASSERT_TRUE(status.add(issuer.list({})));
  EXPECT_EQ(issuer.ask(status).state, State::good) << "a forged newer list must not hide the issuer's";
  EXPECT_EQ(same_name.ask(status, kThis + 5).state, State::revoked);
}

TEST(CrlStatus, KeyUsageMustAllowIt) {
  const Issuer forbidden("CA", x509::kKeyCertSign);
  CrlStatus status(forbidden.crypto);
  ASSERT_TRUE(status.add(forbidden.list({})));
  EXPECT_EQ(forbidden.ask(status).state, State::unknown);
  const Issuer allowed("CA", static_cast<std::uint16_t>(x509::kKeyCertSign | x509::kCrlSign));
  ASSERT_TRUE(status.add(allowed.list({})));
  EXPECT_EQ(allowed.ask(status).state, State::good);
}

x509::CrlFields fields_of(std::span<const RevokedEntry> entries, der::UnixTime this_update) {
  x509::CrlFields fields;
  fields.this_update = this_update;
  fields.next_update = kNext;
  fields.entries = entries;
  return fields;
}

TEST(CrlStatus, APartSpeaksOfItsOwnCertificatesOnly) {
  constexpr std::string_view kHere = "http://ca.example/crl/ca/00000000";
  const Issuer issuer("CA", 0, kHere);
  const RevokedEntry entries[] = {kRevoked};
  CrlStatus status(issuer.crypto);
  x509::CrlFields other = fields_of({}, kThis + 5);
  other.distribution_point = "http://ca.example/crl/ca/00000001";
  ASSERT_TRUE(status.add(issuer.write(other)));
  EXPECT_EQ(issuer.ask(status).state, State::unknown) << "another part clears nothing";
  other.entries = entries;
  ASSERT_TRUE(status.replace({issuer.write(other)}));
  EXPECT_EQ(issuer.ask(status).state, State::unknown) << "and revokes nothing";
  x509::CrlFields own = fields_of({}, kThis);
  own.distribution_point = kHere;
  ASSERT_TRUE(status.add(issuer.write(own)));
  EXPECT_EQ(issuer.ask(status).state, State::good) << "the other part's later list does not hide it";
  ASSERT_TRUE(status.add(issuer.list(entries, kThis + 1)));
  EXPECT_EQ(issuer.ask(status).state, State::revoked) << "a list of everything counts as well";
}

TEST(CrlStatus, OfManyPartsTheCertificatesOwnIsFound) {
  constexpr int kParts = 300;
  const auto url = [](int part) { return "http://ca.example/crl/ca/" + std::to_string(1000 + part); };
  const Issuer issuer("CA", 0, url(123));
  const RevokedEntry entries[] = {kRevoked};
  CrlStatus status(issuer.crypto);
  const auto add = [&](int part, bool revokes, der::UnixTime this_update) {
    x509::CrlFields fields = fields_of({}, this_update);
    if (revokes) fields.entries = entries;
    const std::string point = url(part);
    fields.distribution_point = point;
    ASSERT_TRUE(status.add(issuer.write(fields)));
  };
  for (int part = 0; part < kParts; ++part) {
    if (part != 123) add(part, true, kThis + part);
  }
  EXPECT_EQ(issuer.ask(status).state, State::unknown);
  add(123, false, kThis);
  EXPECT_EQ(issuer.ask(status).state, State::good);
  add(123, true, kThis + 1);
  EXPECT_EQ(issuer.ask(status).state, State::revoked) << "the latest of its part";
  EXPECT_EQ(status.size(), std::size_t{kParts + 1});
}

TEST(CrlStatus, ADeltaRevokesAndClearsNothing) {
  const Issuer issuer("CA");
  const Octets zero{0};
  const Octets two{2};
  const RevokedEntry entries[] = {kRevoked};
  x509::CrlFields delta = fields_of({}, kThis + 10);
  delta.base_crl_number = zero;
  delta.crl_number = two;
  CrlStatus status(issuer.crypto);
  ASSERT_TRUE(status.add(issuer.write(delta)));
  EXPECT_EQ(issuer.ask(status, kThis + 10).state, State::unknown) << "without a complete list";
  ASSERT_TRUE(status.add(issuer.list({})));
  EXPECT_EQ(issuer.ask(status, kThis + 10).state, State::good);
  delta.entries = entries;
  ASSERT_TRUE(status.replace({issuer.list({}), issuer.write(delta)}));
  EXPECT_EQ(issuer.ask(status, kThis + 10).state, State::revoked);
  ASSERT_TRUE(status.add(issuer.list({}, kThis + 20)));
  EXPECT_EQ(issuer.ask(status, kThis + 20).state, State::good) << "the later complete list knows better";
}

TEST(CrlStatus, ADeltaLiftsAHoldOfTheListThatItCompletes) {
  const Issuer issuer("CA");
  const RevokedEntry held[] = {{kLeafSerial, kThis, x509::RevocationReason::certificate_hold}};
  const RevokedEntry lifted[] = {{kLeafSerial, kThis + 5, x509::RevocationReason::remove_from_crl}};
  const Octets one{1};
  const Octets two{2};
  const Octets three{3};
  x509::CrlFields delta = fields_of(lifted, kThis + 10);
  delta.base_crl_number = one;
  delta.crl_number = three;
  CrlStatus status(issuer.crypto);
  ASSERT_TRUE(status.replace({issuer.list(held), issuer.write(delta)}));
  EXPECT_EQ(issuer.ask(status, kThis + 10).state, State::good);
  delta.base_crl_number = two;
  ASSERT_TRUE(status.replace({issuer.list(held), issuer.write(delta)}));
  EXPECT_EQ(issuer.ask(status, kThis + 10).state, State::revoked) << "it goes on from a later list";
}

TEST(CrlStatus, EveryChangeHasANewGeneration) {
  const Issuer issuer("CA");
  CrlStatus status(issuer.crypto);
  const std::uint64_t before = status.generation();
  ASSERT_TRUE(status.add(issuer.list({})));
  const std::uint64_t added = status.generation();
  EXPECT_NE(added, before);
  ASSERT_FALSE(status.add(Octets{0x30, 0x00}));
  ASSERT_FALSE(status.replace({issuer.list({}), Octets{0x30, 0x00}}));
  EXPECT_EQ(status.generation(), added);
  EXPECT_EQ(status.size(), 1U);
  ASSERT_TRUE(status.replace({}));
  EXPECT_NE(status.generation(), added);
  EXPECT_EQ(issuer.ask(status).state, State::unknown);
}

// A walk through the list for each question would take days.
TEST(CrlStatus, ALargeListIsLookedUpByItsIndex) {
  constexpr std::size_t kCount = 200000;
  const Issuer issuer("CA");
  std::mt19937_64 random(7);
  std::vector<Octets> serials(kCount);
  std::vector<RevokedEntry> entries;
  for (Octets& serial : serials) {
    serial.resize(1 + random() % 16);
    for (std::uint8_t& octet : serial) octet = static_cast<std::uint8_t>(random());
    serial[0] |= 1;
    entries.push_back({serial, static_cast<der::UnixTime>(kThis + serial[0]), {}});
  }
  CrlStatus status(issuer.crypto);
  ASSERT_TRUE(status.add(issuer.list(entries)));
  EXPECT_EQ(issuer.ask(status).state, State::good);
  // Other certificates of this issuer differ in their serial number alone.
  const Certificate ca = Certificate::parse(issuer.issuer_der).value();
  const std::uint32_t at = testing::find(issuer.leaf_der, kLeafSerial);
  for (const Octets& serial : serials) {
    if (serial.size() != kLeafSerial.size() || serial[0] >= 0x80) continue;
    Octets der = issuer.leaf_der;
    std::ranges::copy(serial, der.begin() + at);
    const CertificateStatus answer = status.certificate(Certificate::parse(der).value(), ca, kThis);
    ASSERT_EQ(answer.state, State::revoked);
    ASSERT_EQ(answer.revocation->since, kThis + serial[0]);
  }
}

TEST(CrlStatus, ThreadsAskWhileListsAreReplaced) {
  const Issuer issuer("CA");
  const RevokedEntry entries[] = {kRevoked};
  const Octets first = issuer.list({});
  const Octets second = issuer.list(entries);
  CrlStatus status(issuer.crypto);
  ASSERT_TRUE(status.add(first));
  std::atomic<bool> done = false;
  std::atomic<unsigned> wrong = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!done) {
        const State state = issuer.ask(status).state;
        if (state != State::good && state != State::revoked) ++wrong;
      }
    });
  }
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(status.replace({i % 2 == 0 ? second : first}));
  done = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0U);
}

}  // namespace
}  // namespace pedigree::verifier
