// SPDX-License-Identifier: Apache-2.0
// What core/crypto/crypto.h promises, over both back ends.
#include <gtest/gtest.h>

#include <array>

#include "testing/crypto/backends.h"
#include "testing/support/support.h"

namespace pedigree::testing {
namespace {

using crypto::Hash;
using crypto::KeyType;
using crypto::Scheme;
using crypto::SignatureAlgorithm;

class Contract : public ::testing::TestWithParam<const Backend*> {
 protected:
  [[nodiscard]] static const crypto::Crypto& crypto() { return GetParam()->crypto(); }
};

INSTANTIATE_TEST_SUITE_P(Backends, Contract, ::testing::ValuesIn(backends()),
                         ::testing::PrintToStringParamName());

std::string digest_of(const crypto::Crypto& crypto, Hash hash, std::initializer_list<Bytes> parts) {
  std::array<std::uint8_t, crypto::kMaxDigestSize> out{};
  const auto done = crypto.digest(hash, {parts.begin(), parts.size()}, out);
  return done ? hex(Bytes(out).first(crypto::digest_size(hash))) : std::string(name(done.error().code));
}

// FIPS 180-4's example "abc".
TEST_P(Contract, Digests) {
  EXPECT_EQ(digest_of(crypto(), Hash::sha256, {as_bytes("abc")}),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digest_of(crypto(), Hash::sha384, {as_bytes("a"), {}, as_bytes("bc")}),
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
            "8086072ba1e7cc2358baeca134c825a7");
  EXPECT_EQ(digest_of(crypto(), Hash::sha512, {as_bytes("abc")}),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
  EXPECT_EQ(digest_of(crypto(), Hash::sha256, {}),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  std::array<std::uint8_t, 31> small{};
  EXPECT_EQ(crypto().digest(Hash::sha256, {}, small).error().code, ErrorCode::buffer_too_small);
  EXPECT_EQ(digest_of(crypto(), static_cast<Hash>(9), {}), "crypto_failure");
}

// RFC 4231, test cases 1, 2 and 6, and a key of no octets.
TEST_P(Contract, Hmac) {
  const auto mac = [&](const Octets& key, std::initializer_list<Bytes> parts) {
    const auto value = crypto().hmac_sha256(key, {parts.begin(), parts.size()});
    return value ? hex(*value) : "failed";
  };
  EXPECT_EQ(mac(Octets(20, 0x0b), {as_bytes("Hi There")}),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(mac(unhex("4a656665"), {as_bytes("what do ya want "), as_bytes("for nothing?")}),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(mac(Octets(131, 0xaa), {as_bytes("Test Using Larger Than Block-Size Key - Hash Key First")}),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(mac({}, {}), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST_P(Contract, RandomDiffers) {
  std::array<std::uint8_t, 48> first{};
  std::array<std::uint8_t, 48> second{};
  ASSERT_TRUE(crypto().random(first));
  ASSERT_TRUE(crypto().random(second));
  EXPECT_NE(first, second);
  EXPECT_TRUE(crypto().random({}));
}

// Mbed TLS 2.28 has no Ed25519; everything else of the contract is there.
TEST_P(Contract, SupportsWhatItSays) {
  const bool has_ed25519 = GetParam() == &openssl_backend();
  for (const KeyType type : kKeyTypes) {
    for (const SignatureAlgorithm algorithm : all_algorithms()) {
      const bool together = belong_together(type, algorithm.scheme);
      EXPECT_EQ(crypto().supports(type, algorithm), together && (type != KeyType::ed25519 || has_ed25519))
          << name(type) << " " << name(algorithm);
    }
  }
}

TEST_P(Contract, Ed25519IsRefusedByNameWhereItIsMissing) {
  const SignatureAlgorithm eddsa{Scheme::eddsa, Hash::sha512};
  // RFC 8032 7.1, test 1: an empty message.
  const Octets key = unhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  const Octets signature = unhex(
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
      "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
  std::array<std::uint8_t, 64> out{};
  const auto verified = crypto().verify({KeyType::ed25519, key}, eddsa, {}, signature);
  const auto checked = crypto().check_public_key({KeyType::ed25519, key});
  if (crypto().supports(KeyType::ed25519, eddsa)) {
    EXPECT_TRUE(verified);
    EXPECT_TRUE(checked);
    return;
  }
  EXPECT_EQ(verified.error().code, ErrorCode::unsupported_algorithm);
  EXPECT_EQ(checked.error().code, ErrorCode::unsupported_algorithm);
  EXPECT_EQ(crypto().sign({KeyType::ed25519, 1}, eddsa, {}, out).error().code,
            ErrorCode::unsupported_algorithm);
}

// What one signs, both verify.
TEST_P(Contract, SignsWhatBothVerify) {
  const Octets message(1000, 0x5a);
  Octets other = message;
  other.back() ^= 1;
  for (const KeyType type : {KeyType::p256, KeyType::p384, KeyType::ed25519, KeyType::rsa2048}) {
    for (const SignatureAlgorithm algorithm : all_algorithms()) {
      if (!crypto().supports(type, algorithm)) continue;
      SCOPED_TRACE(std::string(name(type)) + " " + std::string(name(algorithm)));
      const auto key = GetParam()->generate(type, algorithm);
      const OwnedPublicKey public_key = public_key_of(*GetParam(), *key);
      std::array<std::uint8_t, crypto::kMaxSignatureSize> buffer{};
      const auto signature = crypto().sign(key->view(), algorithm, message, buffer);
      ASSERT_TRUE(signature);
      EXPECT_EQ(signature->size(), crypto::signature_size(type));
      for (const Backend* verifier : backends()) {
        if (!verifier->crypto().supports(type, algorithm)) continue;
        EXPECT_TRUE(verifier->crypto().verify(public_key.view(), algorithm, message, *signature));
        EXPECT_TRUE(verifier->crypto().check_public_key(public_key.view()));
        EXPECT_EQ(verifier->crypto().verify(public_key.view(), algorithm, other, *signature).error().code,
                  ErrorCode::invalid_signature);
      }
    }
  }
}

// A short r or s must be padded: one signature in 128 has one, so 400 hold several.
TEST_P(Contract, PadsShortNumbers) {
  const SignatureAlgorithm algorithm = crypto::default_algorithm(KeyType::p256);
  const auto key = GetParam()->generate(KeyType::p256, algorithm);
  const OwnedPublicKey public_key = public_key_of(*GetParam(), *key);
  for (std::uint16_t i = 0; i < 400; ++i) {
    const std::array<std::uint8_t, 2> message{static_cast<std::uint8_t>(i >> 8U),
                                              static_cast<std::uint8_t>(i)};
    std::array<std::uint8_t, 64> buffer{};
    const auto signature = crypto().sign(key->view(), algorithm, message, buffer);
    ASSERT_TRUE(signature);
    ASSERT_TRUE(openssl_backend().crypto().verify(public_key.view(), algorithm, message, *signature)) << i;
  }
}

TEST_P(Contract, NamesWhatIsWrongWithSigning) {
  const SignatureAlgorithm algorithm = crypto::default_algorithm(KeyType::p256);
  const auto key = GetParam()->generate(KeyType::p256, algorithm);
  std::array<std::uint8_t, crypto::kMaxSignatureSize> buffer{};
  const Bytes message = as_bytes("message");
  const auto code = [&](const crypto::PrivateKey& signer, SignatureAlgorithm with, MutableBytes out) {
    return crypto().sign(signer, with, message, out).error().code;
  };
  EXPECT_EQ(code(key->view(), {Scheme::rsa_pss, Hash::sha256}, buffer), ErrorCode::wrong_key_type);
  EXPECT_EQ(code({KeyType::p256, 0}, algorithm, buffer), ErrorCode::key_not_found);
  EXPECT_EQ(code(key->view(), {Scheme::ecdsa, static_cast<Hash>(0)}, buffer),
            ErrorCode::unsupported_algorithm);
  EXPECT_EQ(code(key->view(), algorithm, MutableBytes(buffer).first(63)), ErrorCode::buffer_too_small);
  EXPECT_EQ(crypto().public_key({KeyType::p256, 0}, buffer).error().code, ErrorCode::key_not_found);
  EXPECT_EQ(crypto().public_key(key->view(), MutableBytes(buffer).first(64)).error().code,
            ErrorCode::buffer_too_small);
}

}  // namespace
}  // namespace pedigree::testing
