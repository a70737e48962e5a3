// SPDX-License-Identifier: Apache-2.0
// Every way to spoil DER, in every element of a certificate and of a CRL: refused, with the reason and where.
#include <gtest/gtest.h>

#include "core/x509/crl.h"
#include "core/x509/oids.h"
#include "testing/x509/fake_crypto.h"
#include "testing/x509/make.h"
#include "testing/x509/spoil.h"

namespace pedigree::x509 {
namespace {

using testing::accepted_with;
using testing::element;
using testing::extension;
using testing::Fault;
using testing::Octets;
using testing::sequence;
using testing::unhex;

using Paths = std::set<std::string>;

// Two RDNs, one of two attributes; unique identifiers; three extensions, one foreign.
Octets certificate() {
  const auto attribute = [](Bytes type, std::string_view text) {
    return sequence({element(der::kOid, type), element(der::kUtf8String, as_bytes(text))});
  };
  testing::CertificateParts parts = testing::CertificateParts::good();
  parts.subject = sequence(
      {element(der::kSet, attribute(oid::kOrganizationName, "Acme")),
       element(der::kSet, {attribute(oid::kCommonName, "a"), attribute(oid::kOrganizationName, "b")})});
  parts.unique_ids = unhex("8102 0001 8202 0001");
  const Octets names = sequence({element(der::context(2), as_bytes("a.example"))});
  parts.set_extensions({extension(oid::kBasicConstraints, true, unhex("3006 0101ff 020101")),
                        extension(oid::kSubjectAltName, false, names),
                        extension(unhex("2a0304"), false, unhex("0500"))});
  return parts.assemble();
}

Octets crl() {
  const testing::FakeCrypto crypto;
  const Octets issuer = testing::common_name("CA");
  const Octets serials[] = {unhex("01"), unhex("0203")};
  const Octets identifier = unhex("0708");
  const RevokedEntry entries[] = {{serials[0], 1700000001, RevocationReason::key_compromise},
                                  {serials[1], 1700000002, RevocationReason::unspecified}};
  CrlFields fields;
  fields.issuer = issuer;
  fields.this_update = 1700000000;
  fields.next_update = 1700600000;
  fields.crl_number = serials[1];
  fields.authority_key_identifier = identifier;
  fields.entries = entries;
  Octets buffer(1000);
  const auto der = write_crl(crypto, fields, {crypto::KeyType::p256, 1},
                             {crypto::Scheme::ecdsa, crypto::Hash::sha256}, buffer);
  return {der->begin(), der->end()};
}

TEST(BadDer, IsRefusedInEveryElementOfACertificate) {
  const Octets good = certificate();
  const testing::Parse parse = testing::parse_as<Certificate>;
  ASSERT_TRUE(parse(good));
  for (const Fault fault :
       {Fault::indefinite_length, Fault::non_minimal_length, Fault::oversized_length, Fault::trailing_data}) {
    EXPECT_EQ(accepted_with(fault, good, parse), Paths());
  }
  // A name may say the same twice, and its order and that of the extensions is the issuer's choice. Whether
  // notBefore is the earlier of the two times is for path validation. A key whose algorithm and curve are
  // exchanged (0.0.6.0.0) is of an unknown kind.
  EXPECT_EQ(accepted_with(Fault::repeated, good, parse), (Paths{"0.0.3.0", "0.0.5.0", "0.0.5.1"}));
  EXPECT_EQ(accepted_with(Fault::reordered, good, parse),
            (Paths{"0.0.4.0", "0.0.5.0", "0.0.6.0.0", "0.0.9.0.0", "0.0.9.0.1"}));
}

TEST(BadDer, IsRefusedInEveryElementOfACrl) {
  const Octets good = crl();
  const testing::Parse parse = testing::parse_as<Crl>;
  ASSERT_TRUE(parse(good));
  for (const Fault fault :
       {Fault::indefinite_length, Fault::non_minimal_length, Fault::oversized_length, Fault::trailing_data}) {
    EXPECT_EQ(accepted_with(fault, good, parse), Paths());
  }
  // RDNs and entries may repeat; the order of updates, entries and extensions is not the encoding's concern.
  EXPECT_EQ(accepted_with(Fault::repeated, good, parse), (Paths{"0.0.2.0", "0.0.5.0", "0.0.5.1"}));
  EXPECT_EQ(accepted_with(Fault::reordered, good, parse), (Paths{"0.0.3", "0.0.5.0", "0.0.6.0.0"}));
}

}  // namespace
}  // namespace pedigree::x509
