// SPDX-License-Identifier: Apache-2.0
#include "core/x509/crl.h"

#include <gtest/gtest.h>

#include "core/x509/builder.h"
#include "core/x509/oids.h"
#include "testing/x509/fake_crypto.h"
#include "testing/x509/make.h"

namespace pedigree::x509 {
namespace {

using testing::common_name;
using testing::element;
using testing::find;
using testing::Octets;
using testing::sequence;
using testing::unhex;

constexpr crypto::PrivateKey kKey{crypto::KeyType::p256, 1};
constexpr crypto::SignatureAlgorithm kAlgorithm{crypto::Scheme::ecdsa, crypto::Hash::sha256};

Octets write(const testing::FakeCrypto& crypto, std::span<const RevokedEntry> entries) {
  const Octets issuer = common_name("CA");
  const Octets number = {0x00, 0x01, 0x02};
  const Octets identifier = {7, 8};
  CrlFields fields;
  fields.issuer = issuer;
  fields.this_update = 1700000000;
  fields.next_update = 1700600000;
  fields.crl_number = number;
  fields.authority_key_identifier = identifier;
  fields.entries = entries;
  Octets buffer(4096);
  const auto der = write_crl(crypto, fields, kKey, kAlgorithm, buffer);
  EXPECT_TRUE(der);
  return {der->begin(), der->end()};
}

TEST(Crl, RoundTrips) {
  const testing::FakeCrypto crypto;
  const Octets serials[] = {{0x01}, {0x80, 0x00}, {0x7f, 0xff, 0xff}};
  const RevokedEntry entries[] = {{serials[0], 1700000001, RevocationReason::unspecified},
                                  {serials[1], 1700000002, RevocationReason::key_compromise},
                                  {serials[2], 4000000000, RevocationReason::aa_compromise}};
  const Octets der = write(crypto, entries);
  const auto crl = Crl::parse(der);
  ASSERT_TRUE(crl) << name(crl.error().code) << crl.error().offset;
  EXPECT_EQ(crl->this_update(), 1700000000);
  EXPECT_EQ(crl->next_update(), 1700600000);
  EXPECT_TRUE(equal(crl->crl_number(), unhex("0102")));
  EXPECT_TRUE(equal(crl->issuer(), common_name("CA")));
  for (const RevokedEntry& entry : entries) {
    const auto found = crl->find(entry.serial);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->when, entry.when);
    EXPECT_EQ(found->reason, entry.reason);
  }
  EXPECT_TRUE(crl->find(unhex("0000 8000")));  // leading zeros do not count
  EXPECT_FALSE(crl->find(unhex("02")));
  const auto spki = testing::spki_of(crypto, kKey);
  EXPECT_TRUE(verify_signature(crypto, parse_spki(spki).value(), crl->signature_algorithm(), crl->tbs(),
                               crl->signature()));
}

TEST(Crl, MayBeEmpty) {
  const Octets der = write(testing::FakeCrypto(), {});
  const auto crl = Crl::parse(der);
  ASSERT_TRUE(crl);
  EXPECT_TRUE(crl->entries().empty());
  EXPECT_FALSE(crl->find(unhex("01")));
}

TEST(Crl, RefusesEveryTruncation) {
  const Octets der = write(testing::FakeCrypto(), {});
  for (std::size_t size = 0; size < der.size(); ++size) {
    const Octets cut(der.begin(), der.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(Crl::parse(cut).error(), (Error{ErrorCode::truncated, 0}));
  }
}

TEST(Crl, NamesTheSizeItNeeds) {
  const Octets issuer = common_name("CA");
  CrlFields fields;
  fields.issuer = issuer;
  const testing::FakeCrypto crypto;
  std::array<std::uint8_t, 10> small{};
  const auto refused = write_crl(crypto, fields, kKey, kAlgorithm, small);
  EXPECT_EQ(refused.error().code, ErrorCode::buffer_too_small);
  Octets enough(refused.error().offset);
  EXPECT_TRUE(write_crl(crypto, fields, kKey, kAlgorithm, enough));
}

// TBSCertList of these parts, in a CRL without a real signature.
struct CrlParts {
  Octets version = unhex("020101");
  Octets algorithm = sequence({element(der::kOid, oid::kEcdsaWithSha256)});
  Octets updates = element(der::kUtcTime, as_bytes("250101000000Z"));
  Octets entries;
  Octets extensions;

  [[nodiscard]] Octets assemble() const {
    const Octets tbs = sequence({version, algorithm, common_name("CA"), updates, entries, extensions});
    return sequence({tbs, sequence({element(der::kOid, oid::kEcdsaWithSha256)}), unhex("030100")});
  }
};

void expect_refused(const CrlParts& parts, const Octets& part, ErrorCode code, std::uint32_t within) {
  const Octets der = parts.assemble();
  const auto crl = Crl::parse(der);
  ASSERT_FALSE(crl);
  EXPECT_EQ(name(crl.error().code), name(code));
  EXPECT_EQ(crl.error().offset, find(der, part) + within);
}

TEST(Crl, RefusesBadFields) {
  EXPECT_TRUE(Crl::parse(CrlParts().assemble()));
  CrlParts parts;
  parts.version = unhex("020100");
  expect_refused(parts, parts.version, ErrorCode::unsupported_version, 0);
  parts = {};
  parts.version.clear();  // version 1
  expect_refused(parts, parts.algorithm, ErrorCode::unsupported_version, 0);
  parts = {};
  parts.algorithm = sequence({element(der::kOid, oid::kEcdsaWithSha384)});
  expect_refused(parts, parts.algorithm, ErrorCode::algorithm_mismatch, 0);
  parts = {};
  parts.entries = unhex("3000");
  expect_refused(parts, parts.updates, ErrorCode::bad_value,
                 static_cast<std::uint32_t>(parts.updates.size()) + 2);
}

TEST(Crl, RefusesBadEntries) {
  const Octets when = element(der::kUtcTime, as_bytes("250101000000Z"));
  const auto entry = [&](const Octets& serial, const Octets& extensions) {
    return sequence({sequence({serial, when, extensions})});
  };
  const auto reason = [](const char* hex) { return testing::extension(oid::kReasonCode, false, unhex(hex)); };
  CrlParts parts;
  const std::pair<Octets, Error> serials[] = {
      {unhex("0201ff"), {ErrorCode::bad_serial, 4}},
      {unhex("020100"), {ErrorCode::bad_serial, 4}},
      {element(der::kInteger, Octets(21, 0x11)), {ErrorCode::bad_serial, 4}},
      {unhex("02020001"), {ErrorCode::non_minimal, 6}},
      {unhex("0200"), {ErrorCode::bad_value, 6}},
      {unhex("0500"), {ErrorCode::bad_tag, 4}},
  };
  for (const auto& [serial, error] : serials) {
    parts.entries = entry(serial, {});
    expect_refused(parts, parts.entries, error.code, error.offset);
  }
  parts.entries = entry(unhex("020101"), unhex("3000"));
  expect_refused(parts, parts.entries, ErrorCode::bad_extension, 24);
  parts.entries = entry(unhex("020101"), sequence({reason("0a0107")}));
  expect_refused(parts, unhex("0a0107"), ErrorCode::bad_extension, 2);
  parts.entries = entry(unhex("020101"), sequence({reason("0a0101"), reason("0a0101")}));
  expect_refused(parts, reason("0a0101"), ErrorCode::duplicate_extension,
                 static_cast<std::uint32_t>(reason("0a0101").size()));
  // certificateIssuer of indirect CRLs (RFC 5280 5.3.3).
  const Octets issuer = testing::extension(unhex("551d1d"), true, unhex("3000"));
  parts.entries = entry(unhex("020101"), sequence({issuer}));
  expect_refused(parts, issuer, ErrorCode::unknown_critical_extension, 0);
}

TEST(Crl, RefusesAnExtensionThatComesTwice) {
  CrlParts parts;
  const Octets number = testing::extension(oid::kCrlNumber, false, unhex("020101"));
  parts.extensions = element(0xa0, sequence({number, number}));
  expect_refused(parts, number, ErrorCode::duplicate_extension, static_cast<std::uint32_t>(number.size()));
}

TEST(Crl, RefusesBadExtensions) {
  const auto refuse = [](const Octets& one, const Octets& part, ErrorCode code, std::uint32_t within) {
    CrlParts parts;
    parts.extensions = element(0xa0, sequence({one}));
    expect_refused(parts, part, code, within);
  };
  const auto number = [](const Octets& value) { return testing::extension(oid::kCrlNumber, false, value); };
  refuse(number(unhex("0201ff")), unhex("0403 0201ff"), ErrorCode::negative_number, 4);
  const Octets large = element(der::kInteger, Octets(21, 0x11));
  refuse(number(large), large, ErrorCode::too_long, 0);
  refuse(number(unhex("020101 00")), unhex("020101 00"), ErrorCode::trailing_data, 3);
  const Octets identifier = testing::extension(oid::kAuthorityKeyIdentifier, false, unhex("3005 820101"));
  refuse(identifier, unhex("3005 820101"), ErrorCode::truncated, 0);
  const Octets foreign = testing::extension(unhex("2a0304"), false, unhex("0500"));
  refuse(element(der::kSequence, {}), unhex("3000"), ErrorCode::truncated, 2);
  CrlParts parts;
  parts.extensions = element(0xa0, sequence({foreign, foreign}));
  expect_refused(parts, foreign, ErrorCode::duplicate_extension, static_cast<std::uint32_t>(foreign.size()));
  parts.extensions = element(0xa0, sequence({}));
  expect_refused(parts, parts.extensions, ErrorCode::bad_extension, 4);
}

TEST(Crl, NamesReasons) {
  EXPECT_EQ(name(RevocationReason::key_compromise), "keyCompromise");
  EXPECT_EQ(name(RevocationReason::ca_compromise), "cACompromise");
  EXPECT_EQ(name(static_cast<RevocationReason>(7)), "unspecified");
}

}  // namespace
}  // namespace pedigree::x509
