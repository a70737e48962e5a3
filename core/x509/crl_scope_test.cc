// SPDX-License-Identifier: Apache-2.0
// Lists that speak of some certificates only, and delta CRLs.
#include <gtest/gtest.h>

#include "core/x509/builder.h"
#include "core/x509/crl.h"
#include "core/x509/oids.h"
#include "testing/x509/fake_crypto.h"
#include "testing/x509/make.h"

namespace pedigree::x509 {
namespace {

using testing::common_name;
using testing::element;
using testing::Octets;
using testing::sequence;
using testing::unhex;

constexpr crypto::PrivateKey kKey{crypto::KeyType::p256, 1};
constexpr crypto::SignatureAlgorithm kAlgorithm{crypto::Scheme::ecdsa, crypto::Hash::sha256};
constexpr std::string_view kHere = "http://ca.example/crl/a/00000001";
constexpr std::string_view kThere = "http://ca.example/crl/a/00000002";

struct ListSpec {
  std::string issuer = "CA";
  Octets number{5};
  Octets base;
  std::string_view point;
  bool critical = false;
  std::string_view freshest;
};

Octets write(const ListSpec& spec) {
  const Octets issuer = common_name(spec.issuer);
  CrlFields fields;
  fields.issuer = issuer;
  fields.this_update = 1700000000;
  fields.next_update = 1700600000;
  fields.crl_number = spec.number;
  fields.base_crl_number = spec.base;
  fields.distribution_point = spec.point;
  fields.distribution_point_critical = spec.critical;
  fields.freshest_crl = spec.freshest;
  Octets buffer(4096);
  const auto der = write_crl(testing::FakeCrypto(), fields, kKey, kAlgorithm, buffer);
  EXPECT_TRUE(der);
  return {der->begin(), der->end()};
}

Octets certificate(std::string_view point, bool ca = false) {
  ExtensionSet extensions;
  extensions.crl_distribution_point = point;
  if (ca) extensions.basic_constraints = BasicConstraints{true, {}};
  return testing::make_certificate(testing::FakeCrypto(), {.subject_der = {},
                                                           .issuer_der = {},
                                                           .key = kKey,
                                                           .issuer_key = kKey,
                                                           .algorithm = {},
                                                           .extensions = extensions});
}

bool covers(Bytes list, Bytes certificate) {
  const auto crl = Crl::parse_any(list);
  const auto parsed = Certificate::parse(certificate);
  EXPECT_TRUE(crl && parsed);
  return crl->covers(*parsed);
}

TEST(CrlScope, OnlyCallersThatAskForItGetAPartialList) {
  for (const bool critical : {true, false}) {
    ListSpec spec;
    spec.point = kHere;
    spec.critical = critical;
    const Octets part = write(spec);
    EXPECT_EQ(Crl::parse(part).error().code, ErrorCode::unknown_critical_extension);
    const auto crl = Crl::parse_any(part);
    ASSERT_TRUE(crl) << name(crl.error().code) << crl.error().offset;
    EXPECT_FALSE(crl->is_delta());
    EXPECT_FALSE(crl->scope().names.empty());
  }
  const Octets delta = write({.number = {6}, .base = {0}, .point = {}, .freshest = {}});
  EXPECT_EQ(Crl::parse(delta).error().code, ErrorCode::unknown_critical_extension);
  EXPECT_TRUE(Crl::parse_any(delta)->is_delta()) << "a base of number 0 is one";
  EXPECT_TRUE(Crl::parse(write({.base = {}, .point = {}, .freshest = kHere})))
      << "where the next list is changes nothing about this one";
}

TEST(CrlScope, APartSpeaksOfCertificatesThatNameIt) {
  const Octets whole = write({});
  const Octets part = write({.base = {}, .point = kHere, .freshest = {}});
  for (const Octets& one : {certificate(kHere), certificate(kThere), certificate("")}) {
    EXPECT_TRUE(covers(whole, one));
  }
  EXPECT_TRUE(covers(part, certificate(kHere)));
  EXPECT_FALSE(covers(part, certificate(kThere)));
  EXPECT_FALSE(covers(part, certificate("")));
  EXPECT_FALSE(covers(part, certificate(kHere.substr(0, kHere.size() - 1)))) << "a prefix is another name";
}

// The extension with this content in a list without a real signature.
Octets with_scope(const Octets& content) {
  const Octets algorithm = sequence({element(der::kOid, oid::kEcdsaWithSha256)});
  const Octets extension = testing::extension(oid::kIssuingDistributionPoint, true, content);
  const Octets tbs =
      sequence({unhex("020101"), algorithm, common_name("CA"),
                element(der::kUtcTime, as_bytes("250101000000Z")), element(0xa0, sequence({extension}))});
  return sequence({tbs, algorithm, unhex("030100")});
}

TEST(CrlScope, ListsOfOneKindOfCertificate) {
  const Octets leaf = certificate("");
  const Octets ca = certificate("", true);
  const Octets users = with_scope(unhex("3003 8101ff"));
  EXPECT_TRUE(covers(users, leaf));
  EXPECT_FALSE(covers(users, ca));
  const Octets authorities = with_scope(unhex("3003 8201ff"));
  EXPECT_FALSE(covers(authorities, leaf));
  EXPECT_TRUE(covers(authorities, ca));
}

TEST(CrlScope, RefusesWhatItCannotHonour) {
  const std::pair<const char*, ErrorCode> cases[] = {
      {"3000", ErrorCode::bad_extension},                        // says nothing
      {"3006 8101ff 8201ff", ErrorCode::bad_extension},          // users and authorities only
      {"3003 810100", ErrorCode::bad_value},                     // a default that is written
      {"3003 810101", ErrorCode::bad_value},                     // TRUE is 255 in DER
      {"3004 83020101", ErrorCode::unknown_critical_extension},  // onlySomeReasons
      {"3003 8401ff", ErrorCode::unknown_critical_extension},    // indirectCRL
      {"3003 8501ff", ErrorCode::unknown_critical_extension},    // attribute certificates
      {"3004 a002a100", ErrorCode::unknown_critical_extension},  // a relative name
      {"3004 a002a000", ErrorCode::bad_extension},               // no name
      {"3003 8101ff 00", ErrorCode::trailing_data},
  };
  for (const auto& [hex, code] : cases) {
    const Octets list = with_scope(unhex(hex));
    const auto crl = Crl::parse_any(list);
    ASSERT_FALSE(crl) << hex;
    EXPECT_EQ(name(crl.error().code), name(code)) << hex;
  }
}

bool completes(const ListSpec& delta, const ListSpec& base) {
  const Octets change = write(delta);
  const Octets whole = write(base);
  return Crl::parse_any(change)->completes(*Crl::parse_any(whole));
}

TEST(CrlScope, ADeltaCompletesTheListsBetweenItsBaseAndItself) {
  const ListSpec delta{.number = {9}, .base = {5}, .point = {}, .freshest = {}};
  const auto base = [](Octets number) {
    return ListSpec{.number = std::move(number), .base = {}, .point = {}, .freshest = {}};
  };
  EXPECT_TRUE(completes(delta, base({5})));
  EXPECT_TRUE(completes(delta, base({8})));
  EXPECT_FALSE(completes(delta, base({4}))) << "it lacks what came between 4 and 5";
  EXPECT_FALSE(completes(delta, base({9}))) << "it says nothing new";
  EXPECT_FALSE(completes(delta, base({1, 0}))) << "256 is more than 9";
  EXPECT_FALSE(completes(delta, delta)) << "a delta is no base";
  EXPECT_FALSE(completes(base({9}), base({5}))) << "a complete list is no delta";
  ListSpec other = base({5});
  other.issuer = "Another CA";
  EXPECT_FALSE(completes(delta, other));
  ListSpec part = base({5});
  part.point = kHere;
  EXPECT_FALSE(completes(delta, part)) << "another scope";
}

}  // namespace
}  // namespace pedigree::x509
