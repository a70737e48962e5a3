// SPDX-License-Identifier: Apache-2.0
#include "core/x509/certificate.h"

#include <gtest/gtest.h>

#include "core/x509/extensions.h"
#include "core/x509/oids.h"
#include "testing/x509/fake_crypto.h"
#include "testing/x509/make.h"

namespace pedigree::x509 {
namespace {

using testing::CertificateParts;
using testing::common_name;
using testing::element;
using testing::extension;
using testing::find;
using testing::Octets;
using testing::sequence;
using testing::unhex;

Octets repeated(std::string_view hex, std::size_t count) {
  Octets out;
  const Octets one = unhex(hex);
  for (std::size_t i = 0; i < count; ++i) out.insert(out.end(), one.begin(), one.end());
  return out;
}

// The certificate is refused with this code at this offset from where `part` begins.
void expect_refused(const CertificateParts& parts, const Octets& part, ErrorCode code, std::uint32_t within) {
  const Octets der = parts.assemble();
  const auto certificate = Certificate::parse(der);
  ASSERT_FALSE(certificate);
  EXPECT_EQ(name(certificate.error().code), name(code));
  EXPECT_EQ(certificate.error().offset, find(der, part) + within);
}

struct FieldCase {
  const char* what;
  Octets field;
  ErrorCode code;
  std::uint32_t within;  ///< offset in the field
};

void expect_field_refused(Octets CertificateParts::* field, const std::vector<FieldCase>& cases) {
  for (const FieldCase& bad : cases) {
    SCOPED_TRACE(bad.what);
    CertificateParts parts = CertificateParts::good();
    parts.*field = bad.field;
    expect_refused(parts, bad.field, bad.code, bad.within);
  }
}

// A certificate whose only extension has this value is refused at this offset in the value.
void expect_extension_refused(Bytes oid, const std::vector<FieldCase>& cases) {
  for (const FieldCase& bad : cases) {
    SCOPED_TRACE(bad.what);
    CertificateParts parts = CertificateParts::good();
    parts.set_extensions({extension(oid, true, bad.field)});
    expect_refused(parts, extension(oid, true, bad.field), bad.code,
                   find(extension(oid, true, bad.field), bad.field) + bad.within);
  }
}

TEST(Certificate, ReadsEveryField) {
  const Octets der = CertificateParts::good().assemble();
  const auto certificate = Certificate::parse(der);
  ASSERT_TRUE(certificate) << name(certificate.error().code) << " " << certificate.error().offset;
  const CertificateParts parts = CertificateParts::good();
  EXPECT_EQ(certificate->version(), 3U);
  EXPECT_TRUE(equal(certificate->serial(), unhex("012345")));
  EXPECT_TRUE(equal(certificate->issuer(), parts.issuer));
  EXPECT_TRUE(equal(certificate->subject(), parts.subject));
  EXPECT_TRUE(equal(certificate->spki().whole, parts.spki));
  EXPECT_EQ(certificate->not_before(), 1700000000);
  EXPECT_EQ(certificate->not_after(), der::kNoWellDefinedExpiration);
  EXPECT_TRUE(certificate->extensions().basic_constraints->ca);
  EXPECT_EQ(certificate->signature().size(), 8U);
  EXPECT_EQ(certificate->signature_algorithm().signature,
            (crypto::SignatureAlgorithm{crypto::Scheme::ecdsa, crypto::Hash::sha256}));
}

TEST(Certificate, RefusesEveryTruncation) {
  const Octets der = CertificateParts::good().assemble();
  for (std::size_t size = 0; size < der.size(); ++size) {
    // An exact copy, so that AddressSanitizer sees a read past the end.
    const Octets cut(der.begin(), der.begin() + static_cast<std::ptrdiff_t>(size));
    const auto certificate = Certificate::parse(cut);
    ASSERT_FALSE(certificate) << size;
    EXPECT_EQ(certificate.error(), (Error{ErrorCode::truncated, 0}));
  }
}

// Truncated inside while the outer lengths still fit: no prefix of any field is a certificate.
TEST(Certificate, RefusesFieldsCutShort) {
  const auto fields = {&CertificateParts::serial,    &CertificateParts::inner_algorithm,
                       &CertificateParts::issuer,    &CertificateParts::validity,
                       &CertificateParts::subject,   &CertificateParts::spki,
                       &CertificateParts::signature, &CertificateParts::outer_algorithm};
  for (const auto field : fields) {
    const std::size_t size = (CertificateParts::good().*field).size();
    for (std::size_t keep = 0; keep < size; ++keep) {
      CertificateParts parts = CertificateParts::good();
      parts.extensions.clear();  // the key would take them for its own end
      (parts.*field).resize(keep);
      EXPECT_FALSE(Certificate::parse(parts.assemble()));
    }
  }
}

TEST(Certificate, RefusesTrailingData) {
  CertificateParts parts = CertificateParts::good();
  parts.tail = unhex("0500");
  expect_refused(parts, parts.tail, ErrorCode::trailing_data, 0);
  Octets der = CertificateParts::good().assemble();
  der.push_back(0);
  EXPECT_EQ(Certificate::parse(der).error(),
            (Error{ErrorCode::trailing_data, static_cast<std::uint32_t>(der.size() - 1)}));
  parts = CertificateParts::good();
  parts.extensions.push_back(5);
  parts.extensions.push_back(0);
  expect_refused(parts, parts.extensions, ErrorCode::trailing_data,
                 static_cast<std::uint32_t>(parts.extensions.size() - 2));
}

TEST(Certificate, RefusesIndefiniteLength) {
  Octets der = CertificateParts::good().assemble();
  der[1] = 0x80;
  EXPECT_EQ(Certificate::parse(der).error(), (Error{ErrorCode::indefinite_length, 1}));
}

TEST(Certificate, RefusesReorderedFields) {
  CertificateParts parts = CertificateParts::good();
  std::swap(parts.serial, parts.inner_algorithm);
  expect_refused(parts, parts.serial, ErrorCode::bad_tag, 0);
}

TEST(Certificate, RefusesBadSerials) {
  expect_field_refused(&CertificateParts::serial,
                       {{"zero", unhex("020100"), ErrorCode::bad_serial, 0},
                        {"negative", unhex("0201ff"), ErrorCode::bad_serial, 0},
                        {"21 octets", element(der::kInteger, Octets(21, 0x11)), ErrorCode::bad_serial, 0},
                        {"20 octets and a sign octet",
                         element(der::kInteger, {unhex("00"), Octets(20, 0x88)}), ErrorCode::bad_serial, 0},
                        {"not minimal", unhex("0203 000123"), ErrorCode::non_minimal, 2},
                        {"empty", unhex("0200"), ErrorCode::bad_value, 2}});
  CertificateParts parts = CertificateParts::good();
  parts.serial = element(der::kInteger, Octets(20, 0x11));
  EXPECT_TRUE(Certificate::parse(parts.assemble()));
}

TEST(Certificate, RefusesBadVersions) {
  expect_field_refused(&CertificateParts::version,
                       {{"explicit version 1", unhex("a003 020100"), ErrorCode::unsupported_version, 0},
                        {"version 4", unhex("a003 020103"), ErrorCode::unsupported_version, 0},
                        {"two numbers", unhex("a006 020102 020102"), ErrorCode::trailing_data, 5}});
  // Extensions belong to version 3.
  CertificateParts parts = CertificateParts::good();
  parts.version.clear();
  expect_refused(parts, parts.extensions, ErrorCode::trailing_data, 0);
  parts.extensions.clear();
  EXPECT_EQ(Certificate::parse(parts.assemble())->version(), 1U);
  parts.unique_ids = unhex("8102 0001");
  expect_refused(parts, parts.unique_ids, ErrorCode::trailing_data, 0);
  parts.version = unhex("a003 020101");
  EXPECT_EQ(Certificate::parse(parts.assemble())->version(), 2U);
}

TEST(Certificate, RefusesOtherInnerAlgorithm) {
  CertificateParts parts = CertificateParts::good();
  parts.inner_algorithm = unhex("300a 0608 2a8648ce3d040303");
  expect_refused(parts, parts.inner_algorithm, ErrorCode::algorithm_mismatch, 0);
}

TEST(Certificate, RefusesBadAlgorithmParameters) {
  CertificateParts parts = CertificateParts::good();
  parts.inner_algorithm = parts.outer_algorithm = unhex("300c 0608 2a8648ce3d040302 0500");
  // The outer one is read first; it stands before the signature.
  expect_refused(parts, parts.signature, ErrorCode::trailing_data, std::uint32_t(-2));
  parts.outer_algorithm = sequence({element(der::kOid, oid::kSha256WithRsa), unhex("0500")});
  parts.inner_algorithm = parts.outer_algorithm;
  EXPECT_TRUE(Certificate::parse(parts.assemble()));
  parts.outer_algorithm = parts.inner_algorithm = sequence({element(der::kOid, oid::kSha256WithRsa)});
  EXPECT_TRUE(Certificate::parse(parts.assemble()));  // RFC 4055 5: absent must be accepted
  parts.outer_algorithm = parts.inner_algorithm =
      sequence({element(der::kOid, oid::kSha256WithRsa), unhex("0400")});
  expect_refused(parts, parts.signature, ErrorCode::bad_tag, std::uint32_t(-2));
}

TEST(Certificate, RefusesBadValidity) {
  expect_field_refused(
      &CertificateParts::validity,
      {{"GeneralizedTime before 2050",
        sequence({element(der::kGeneralizedTime, as_bytes("20490101000000Z")),
                  element(der::kUtcTime, as_bytes("490101000000Z"))}),
        ErrorCode::bad_time, 2},
       {"one time", sequence({element(der::kUtcTime, as_bytes("490101000000Z"))}), ErrorCode::truncated, 17},
       {"three times",
        sequence({element(der::kUtcTime, as_bytes("490101000000Z")),
                  element(der::kUtcTime, as_bytes("490101000000Z")),
                  element(der::kUtcTime, as_bytes("490101000000Z"))}),
        ErrorCode::trailing_data, 32}});
}

Octets rsa_spki(const Octets& modulus, const Octets& exponent) {
  const Octets key = sequence({element(der::kInteger, modulus), element(der::kInteger, exponent)});
  return sequence({sequence({element(der::kOid, oid::kRsaEncryption), unhex("0500")}),
                   element(der::kBitString, {unhex("00"), key})});
}

Octets ec_spki(Bytes curve, const Octets& point) {
  return sequence({sequence({element(der::kOid, oid::kEcPublicKey), element(der::kOid, curve)}),
                   element(der::kBitString, {unhex("00"), point})});
}

TEST(Certificate, RefusesBadKeys) {
  Octets modulus = repeated("11", 256);
  modulus[0] = 0;
  modulus.insert(modulus.begin() + 1, 0x91);
  expect_field_refused(
      &CertificateParts::spki,
      {{"compressed point", ec_spki(oid::kSecp256r1, {element(2, Octets(31, 1))}), ErrorCode::invalid_key,
        26},
       {"point at infinity", ec_spki(oid::kSecp256r1, unhex("00")), ErrorCode::invalid_key, 26},
       {"no point", ec_spki(oid::kSecp256r1, {}), ErrorCode::invalid_key, 26},
       {"P-384 point on P-256", ec_spki(oid::kSecp256r1, element(4, Octets(95, 1))), ErrorCode::invalid_key,
        26},
       {"explicit curve",
        sequence(
            {sequence({element(der::kOid, oid::kEcPublicKey), unhex("3003 020101")}), unhex("03020004")}),
        ErrorCode::bad_tag, 13},
       {"RSA exponent 1", rsa_spki(modulus, unhex("01")), ErrorCode::invalid_key, 24},
       {"RSA exponent even", rsa_spki(modulus, unhex("010000")), ErrorCode::invalid_key, 24},
       {"RSA exponent huge", rsa_spki(modulus, repeated("11", 9)), ErrorCode::invalid_key, 24},
       {"RSA modulus negative", rsa_spki(unhex("91"), unhex("03")), ErrorCode::negative_number, 24},
       {"Ed25519 of 31 octets",
        sequence({sequence({element(der::kOid, oid::kEd25519)}), element(der::kBitString, Octets(32, 0))}),
        ErrorCode::invalid_key, 12},
       {"Ed25519 with parameters",
        sequence({sequence({element(der::kOid, oid::kEd25519), unhex("0500")}),
                  element(der::kBitString, Octets(33, 0))}),
        ErrorCode::trailing_data, 9},
       {"two parameters", sequence({sequence({unhex("0602 2a03"), unhex("0500 0500")}), unhex("030100")}),
        ErrorCode::trailing_data, 10},
       {"unused bits", sequence({sequence({element(der::kOid, oid::kEd25519)}), unhex("0302 0700")}),
        ErrorCode::bad_value, 11},
       {"parameters nested 1000 deep",
        sequence({sequence({unhex("0602 2a03"),
                            [] {
                              Octets deep = unhex("0500");
                              for (int i = 0; i < 1000; ++i) deep = sequence({deep});
                              return deep;
                            }()}),
                  unhex("030100")}),
        ErrorCode::too_deep, 4 + 4 + 4 + 32 * 4}});
}

TEST(Certificate, KeepsKeysOutsideTheContractAsUnknown) {
  const Octets p521 = unhex("2b81040023");
  CertificateParts parts = CertificateParts::good();
  for (const Octets& spki :
       {ec_spki(p521, element(4, Octets(131, 1))), rsa_spki(repeated("11", 128), unhex("010001")),
        sequence({sequence({unhex("0602 2a03")}), unhex("0302 0001")})}) {
    parts.spki = spki;
    const auto certificate = Certificate::parse(parts.assemble());
    ASSERT_TRUE(certificate);
    EXPECT_FALSE(certificate->spki().key);
  }
}

TEST(Certificate, RefusesBadNames) {
  const Octets type = unhex("0603 550403");
  const auto attribute = [&](const Octets& value) { return sequence({type, value}); };
  const auto name_of = [&](const Octets& value) { return sequence({element(der::kSet, attribute(value))}); };
  Octets deep = unhex("0500");
  for (int i = 0; i < 1000; ++i) deep = sequence({deep});
  const Octets a = attribute(unhex("0c0161"));
  const Octets b = sequence({unhex("0603 550406"), unhex("0c0161")});
  expect_field_refused(
      &CertificateParts::issuer,
      {{"empty set", sequence({unhex("3100")}), ErrorCode::bad_name, 4},
       {"not a set", sequence({sequence({a})}), ErrorCode::bad_tag, 2},
       {"PrintableString with '*'", name_of(element(der::kPrintableString, as_bytes("a*"))),
        ErrorCode::bad_name, 11},
       {"IA5String beyond ASCII", name_of(unhex("1601ff")), ErrorCode::bad_name, 11},
       {"UTF-8 cut short", name_of(unhex("0c01c3")), ErrorCode::bad_name, 11},
       {"UTF-8 overlong", name_of(unhex("0c02c080")), ErrorCode::bad_name, 11},
       {"UTF-8 surrogate", name_of(unhex("0c03eda080")), ErrorCode::bad_name, 11},
       {"BMPString of one octet", name_of(unhex("1e0100")), ErrorCode::bad_name, 11},
       {"attributes in the wrong order", sequence({element(der::kSet, {b, a})}), ErrorCode::wrong_order, 14},
       {"one type twice", sequence({element(der::kSet, {a, a})}), ErrorCode::duplicate, 14},
       {"nested 1000 deep", name_of(deep), ErrorCode::too_deep, 4 + 4 + 4 + 5 + 8 * 4},
       {"trailing data", sequence({element(der::kSet, sequence({type, unhex("0c0161"), unhex("0500")}))}),
        ErrorCode::trailing_data, 14}});
}

TEST(Certificate, NeedsACriticalNameWhereTheSubjectIsEmpty) {
  CertificateParts parts = CertificateParts::good();
  parts.subject = unhex("3000");
  const Octets names = sequence({element(der::context(2), as_bytes("a.example"))});
  parts.set_extensions({extension(oid::kSubjectAltName, false, names)});
  expect_refused(parts, parts.validity, ErrorCode::bad_name,
                 static_cast<std::uint32_t>(parts.validity.size()));
  parts.set_extensions({extension(oid::kSubjectAltName, true, names)});
  EXPECT_TRUE(Certificate::parse(parts.assemble()));
}

TEST(Certificate, RefusesBadExtensionLists) {
  const Octets one = extension(oid::kKeyUsage, true, unhex("0302 0780"));
  const Octets other = extension(unhex("2a0304"), false, unhex("0500"));
  CertificateParts parts = CertificateParts::good();
  parts.set_extensions({one, one});
  expect_refused(parts, one, ErrorCode::duplicate_extension, static_cast<std::uint32_t>(one.size()));
  parts.set_extensions({other, one, other});
  expect_refused(parts, other, ErrorCode::duplicate_extension,
                 static_cast<std::uint32_t>(one.size() + other.size()));
  parts.set_extensions({});
  expect_refused(parts, parts.extensions, ErrorCode::bad_extension, 4);
  const Octets critical_false = sequence({unhex("0603 551d0f"), unhex("010100"), unhex("0404 03020780")});
  parts.set_extensions({critical_false});
  expect_refused(parts, critical_false, ErrorCode::bad_value, 7);
}

TEST(Certificate, LimitsTheNumberOfExtensions) {
  Octets content;
  for (std::size_t i = 0; i <= kMaxExtensions; ++i) {
    EXPECT_EQ(content.empty(), i == 0);
    const Octets oid = {0x2a, 0x03, static_cast<std::uint8_t>(i)};
    const Octets one = extension(oid, false, unhex("0500"));
    if (i == kMaxExtensions) {
      EXPECT_TRUE(parse_extensions(Reader(content)));
      const auto at = static_cast<std::uint32_t>(content.size());
      content.insert(content.end(), one.begin(), one.end());
      EXPECT_EQ(parse_extensions(Reader(content)).error(), (Error{ErrorCode::too_many, at}));
      return;
    }
    content.insert(content.end(), one.begin(), one.end());
  }
}

TEST(Certificate, RemembersTheFirstUnknownCriticalExtension) {
  CertificateParts parts = CertificateParts::good();
  parts.set_extensions({extension(unhex("2a0304"), false, {}), extension(unhex("2a0305"), true, {}),
                        extension(unhex("2a0306"), true, {})});
  const Octets der = parts.assemble();
  EXPECT_TRUE(equal(*Certificate::parse(der)->extensions().unknown_critical, unhex("2a0305")));
}

TEST(Certificate, RefusesBadBasicConstraints) {
  expect_extension_refused(
      oid::kBasicConstraints,
      {{"cA FALSE written", unhex("3003 010100"), ErrorCode::bad_value, 2},
       {"cA 1", unhex("3003 010101"), ErrorCode::bad_value, 4},
       {"negative path length", unhex("3006 0101ff 0201ff"), ErrorCode::negative_number, 7},
       {"huge path length", unhex("300a 0101ff 0205 0100000000"), ErrorCode::too_long, 7},
       {"reordered", unhex("3006 020101 0101ff"), ErrorCode::trailing_data, 5},
       {"trailing data", unhex("3000 00"), ErrorCode::trailing_data, 2}});
}

TEST(Certificate, RefusesBadUsages) {
  expect_extension_refused(oid::kKeyUsage,
                           {{"no bit", unhex("030100"), ErrorCode::bad_extension, 0},
                            {"trailing zero bits", unhex("0302 0680"), ErrorCode::non_minimal, 2},
                            {"unused bit set", unhex("0302 0781"), ErrorCode::bad_value, 2},
                            {"trailing data", unhex("0302 0780 00"), ErrorCode::trailing_data, 4}});
  expect_extension_refused(oid::kExtKeyUsage, {{"none", unhex("3000"), ErrorCode::bad_extension, 2},
                                               {"no OID", unhex("3002 0500"), ErrorCode::bad_tag, 2},
                                               {"bad OID", unhex("3003 060180"), ErrorCode::bad_value, 4}});
}

TEST(Certificate, RefusesBadKeyIdentifiers) {
  expect_extension_refused(oid::kSubjectKeyIdentifier,
                           {{"no OCTET STRING", unhex("0500"), ErrorCode::bad_tag, 0}});
  expect_extension_refused(
      oid::kAuthorityKeyIdentifier,
      {{"issuer without serial", unhex("3006 a104 8202 6161"), ErrorCode::bad_extension, 2},
       {"serial without issuer", unhex("3003 820101"), ErrorCode::bad_extension, 2},
       {"reordered", unhex("3006 820101 800101"), ErrorCode::trailing_data, 5}});
}

TEST(Certificate, RefusesBadAlternativeNames) {
  expect_extension_refused(
      oid::kSubjectAltName,
      {{"none", unhex("3000"), ErrorCode::bad_extension, 2},
       {"dNSName beyond ASCII", unhex("3003 8201ff"), ErrorCode::bad_extension, 4},
       {"address of 5 octets", unhex("3007 8705 0102030405"), ErrorCode::bad_extension, 4},
       {"form 9", unhex("3003 890161"), ErrorCode::bad_extension, 4},
       {"empty registeredID", unhex("3002 8800"), ErrorCode::bad_extension, 4},
       {"bad directoryName", unhex("3006 a404 3002 3100"), ErrorCode::bad_name, 8},
       {"bad otherName", unhex("3004 a002 0601"), ErrorCode::truncated, 4}});
}

TEST(Certificate, RefusesBadNameConstraints) {
  expect_extension_refused(
      oid::kNameConstraints,
      {{"none", unhex("3000"), ErrorCode::bad_extension, 2},
       {"no subtree", unhex("3002 a000"), ErrorCode::truncated, 4},
       {"minimum", unhex("3009 a007 3005 8200 800100"), ErrorCode::bad_extension, 8},
       {"address without mask", unhex("300a a008 3006 8704 01020304"), ErrorCode::bad_extension, 8},
       {"mask with holes", unhex("300e a00c 300a 8708 01020304 ff00ff00"), ErrorCode::bad_extension, 8},
       {"reordered", unhex("300c a104 3002 8200 a004 3002 8200"), ErrorCode::trailing_data, 8}});
}

}  // namespace
}  // namespace pedigree::x509
