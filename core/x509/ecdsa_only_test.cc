// SPDX-License-Identifier: Apache-2.0
// core/x509 as it is compiled for a device whose PSA Crypto has ECDSA alone (CMake option
// PEDIGREE_ECDSA_ONLY): RSA and Ed25519 are read, and refused by name where they would be used.
#include <gtest/gtest.h>

#include "core/x509/certificate.h"
#include "testing/x509/fake_crypto.h"
#include "testing/x509/make.h"

namespace pedigree::x509 {
namespace {

using testing::element;
using testing::Octets;
using testing::sequence;
using testing::unhex;

Octets algorithm_der(const char* oid, bool null) {
  const Octets type = element(der::kOid, unhex(oid));
  return null ? sequence({type, element(der::kNull, {})}) : sequence({type});
}

AlgorithmIdentifier read(const Octets& der) {
  Reader in(der);
  return read_algorithm(in).value();
}

Octets spki_der(const Octets& algorithm, const Octets& key) {
  Octets octets{0};
  octets.insert(octets.end(), key.begin(), key.end());
  return sequence({algorithm, element(der::kBitString, octets)});
}

TEST(EcdsaOnly, KnowsEcdsaAndNothingElse) {
  for (const char* oid : {"2a8648ce3d040302", "2a8648ce3d040303", "2a8648ce3d040304"}) {
    const Octets der = algorithm_der(oid, false);
    const auto algorithm = read(der).signature;
    ASSERT_TRUE(algorithm) << oid;
    EXPECT_EQ(algorithm->scheme, crypto::Scheme::ecdsa);
  }
  for (const char* oid :
       {"2a864886f70d01010b", "2a864886f70d01010c", "2a864886f70d01010d", "2a864886f70d01010a"}) {
    EXPECT_FALSE(read(algorithm_der(oid, true)).signature) << oid;
  }
  EXPECT_FALSE(read(algorithm_der("2b6570", false)).signature);
}

TEST(EcdsaOnly, RefusesOtherAlgorithmsByName) {
  const testing::FakeCrypto crypto;
  const Octets p256 = testing::spki_of(crypto, {crypto::KeyType::p256, 1});
  const auto key = parse_spki(p256);
  ASSERT_TRUE(key);
  ASSERT_TRUE(key->key);
  const auto verify = [&](const char* oid, bool null) {
    const Octets der = algorithm_der(oid, null);
    return verify_signature(crypto, *key, read(der), {}, {}).error().code;
  };
  EXPECT_EQ(verify("2a864886f70d01010b", true), ErrorCode::unsupported_algorithm);
  EXPECT_EQ(verify("2a864886f70d01010a", true), ErrorCode::unsupported_algorithm);
  EXPECT_EQ(verify("2b6570", false), ErrorCode::unsupported_algorithm);
  EXPECT_EQ(verify("2a864886f70d010105", true), ErrorCode::weak_algorithm);
  EXPECT_EQ(crypto.verifications(), 0U);
}

TEST(EcdsaOnly, RefusesOtherKeysByName) {
  const testing::FakeCrypto crypto;
  const Octets rsa = spki_der(algorithm_der("2a864886f70d010101", true), unhex("3006 020105 020103"));
  const Octets ed25519 = spki_der(algorithm_der("2b6570", false), Octets(32, 1));
  const Octets ecdsa = algorithm_der("2a8648ce3d040302", false);
  for (const Octets& der : {rsa, ed25519}) {
    const auto spki = parse_spki(der);
    ASSERT_TRUE(spki);
    EXPECT_FALSE(spki->key);
    EXPECT_EQ(verify_signature(crypto, *spki, read(ecdsa), {}, {}).error().code,
              ErrorCode::unsupported_algorithm);
  }
  EXPECT_EQ(crypto.verifications(), 0U);
}

TEST(EcdsaOnly, WritesEcdsa) {
  for (const crypto::KeyType type : {crypto::KeyType::p256, crypto::KeyType::p384}) {
    Octets octets(40);
    Writer writer(octets);
    der::Builder out(writer);
    write_signature_algorithm(crypto::default_algorithm(type), out);
    Reader in(writer.written());
    const auto algorithm = read_algorithm(in);
    ASSERT_TRUE(algorithm);
    EXPECT_EQ(algorithm->signature, crypto::default_algorithm(type));
  }
}

}  // namespace
}  // namespace pedigree::x509
