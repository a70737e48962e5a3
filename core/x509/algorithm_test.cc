// SPDX-License-Identifier: Apache-2.0
// Signature algorithms, and signatures by the keys of SubjectPublicKeyInfo.
#include <gtest/gtest.h>

#include "core/x509/certificate.h"
#include "core/x509/oids.h"
#include "testing/x509/fake_crypto.h"
#include "testing/x509/make.h"

namespace pedigree::x509 {
namespace {

using testing::element;
using testing::Octets;
using testing::sequence;
using testing::unhex;

TEST(VerifySignature, RefusesBadEcdsaForms) {
  const testing::FakeCrypto crypto;
  const Octets spki_der = testing::spki_of(crypto, {crypto::KeyType::p256, 1});
  const auto spki = parse_spki(spki_der);
  ASSERT_TRUE(spki);
  Octets algorithm_der(40);
  Writer writer(algorithm_der);
  der::Builder out(writer);
  write_signature_algorithm({crypto::Scheme::ecdsa, crypto::Hash::sha256}, out);
  Reader in(writer.written());
  const auto algorithm = read_algorithm(in);
  ASSERT_TRUE(algorithm);
  const std::pair<const char*, std::uint32_t> signatures[] = {
      {"", 0},                           // nothing
      {"3000", 2},                       // no numbers
      {"3003 020101", 5},                // one number
      {"3006 020101 020101 00", 8},      // trailing data
      {"3009 020101 020101 020101", 8},  // three numbers
      {"3006 0201ff 020101", 4},         // r negative
      {"3006 020100 020101", 2},         // r zero
      {"3006 020101 020100", 5},         // s zero
      {"3007 02020001 020101", 4},       // r not minimal
      {"308106 020101 020101", 1},       // a length not minimal
      {"3080 020101 020101 0000", 1},    // an indefinite length
      {"0500", 0},                       // no sequence
  };
  for (const auto& [signature, offset] : signatures) {
    EXPECT_EQ(verify_signature(crypto, *spki, *algorithm, {}, unhex(signature)).error(),
              (Error{ErrorCode::invalid_signature, offset}))
        << signature;
  }
  EXPECT_EQ(crypto.verifications(), 0U);
}

TEST(VerifySignature, NamesWeakAndUnsupportedAlgorithms) {
  const testing::FakeCrypto crypto;
  const Octets spki_der = testing::spki_of(crypto, {crypto::KeyType::p256, 1});
  const auto spki = parse_spki(spki_der);
  const auto verify = [&](const char* oid) {
    const Octets der = sequence({element(der::kOid, unhex(oid))});
    Reader in(der);
    return verify_signature(crypto, *spki, read_algorithm(in).value(), {}, {}).error().code;
  };
  EXPECT_EQ(verify("2a864886f70d010105"), ErrorCode::weak_algorithm);  // sha1WithRSAEncryption
  EXPECT_EQ(verify("2a8648ce3d0401"), ErrorCode::weak_algorithm);      // ecdsa-with-SHA1
  EXPECT_EQ(verify("2a0304"), ErrorCode::unsupported_algorithm);
}

TEST(Algorithm, RoundTripsAll) {
  using crypto::Hash;
  using crypto::Scheme;
  for (const Scheme scheme : {Scheme::ecdsa, Scheme::eddsa, Scheme::rsa_pkcs1, Scheme::rsa_pss}) {
    for (const Hash hash : {Hash::sha256, Hash::sha384, Hash::sha512}) {
      if (scheme == Scheme::eddsa && hash != Hash::sha512) continue;
      Octets buffer(100);
      Writer writer(buffer);
      der::Builder out(writer);
      write_signature_algorithm({scheme, hash}, out);
      Reader in(writer.written());
      const auto algorithm = read_algorithm(in);
      ASSERT_TRUE(algorithm);
      EXPECT_TRUE(in.empty());
      EXPECT_EQ(algorithm->signature, (crypto::SignatureAlgorithm{scheme, hash}));
    }
  }
}

// RSASSA-PSS-params (RFC 4055 3.1) that are not the contract's: understood, but not as an algorithm.
TEST(Algorithm, KnowsPssParametersItDoesNotSupport) {
  const Octets sha256 = sequence({element(der::kOid, oid::kSha256)});
  const Octets sha1 = sequence({unhex("0605 2b0e03021a")});
  const auto parse = [](const Octets& parameters) {
    const Octets der = sequence({element(der::kOid, oid::kRsassaPss), parameters});
    Reader in(der);
    return read_algorithm(in);
  };
  const auto parameters = [](const Octets& hash, const Octets& mask_hash, const Octets& rest) {
    return sequence(
        {element(0xa0, hash), element(0xa1, sequence({element(der::kOid, oid::kMgf1), mask_hash})), rest});
  };
  EXPECT_TRUE(parse(parameters(sha256, sha256, unhex("a203 020120")))->signature);
  EXPECT_FALSE(parse(sequence({}))->signature);  // the defaults: SHA-1
  EXPECT_FALSE(parse(parameters(sha1, sha256, unhex("a203 020120")))->signature);
  EXPECT_FALSE(parse(parameters(sha256, sha1, unhex("a203 020120")))->signature);
  EXPECT_FALSE(parse(parameters(sha256, sha256, unhex("a203 020114")))->signature);
  EXPECT_FALSE(parse(parameters(sha256, sha256, {}))->signature);
  // Behind two headers and an OID of 11 octets stand hash (15), mask generation (28) and salt length.
  EXPECT_EQ(parse(parameters(sha256, sha256, unhex("a203 020120 a303 020101"))).error(),
            (Error{ErrorCode::trailing_data, 4 + 11 + 15 + 28 + 5}));
  EXPECT_EQ(parse(parameters(sha256, sha256, unhex("a203 0201ff"))).error(),
            (Error{ErrorCode::negative_number, 4 + 11 + 15 + 28 + 4}));
  EXPECT_EQ(parse({}).error(), (Error{ErrorCode::truncated, 2 + 11}));
}

}  // namespace
}  // namespace pedigree::x509
