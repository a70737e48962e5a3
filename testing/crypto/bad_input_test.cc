// SPDX-License-Identifier: Apache-2.0
// Keys and signatures that must be refused, and with which error; both back ends give the same.
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <array>
#include <map>
#include <random>

#include "crypto/openssl/handles.h"
#include "testing/crypto/backends.h"
#include "testing/support/support.h"

namespace pedigree::testing {
namespace {

using crypto::Hash;
using crypto::KeyType;
using crypto::Scheme;
using crypto::SignatureAlgorithm;

constexpr std::string_view kOrder256 = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
constexpr std::string_view kPrime256 = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";

Octets concatenate(std::initializer_list<Bytes> parts) {
  Octets all;
  for (const Bytes part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

/// A key and its signature over "message", made by OpenSSL.
struct Sample {
  explicit Sample(KeyType type, SignatureAlgorithm with) : algorithm(with) {
    const auto key = openssl_backend().generate(type, algorithm);
    public_key = public_key_of(openssl_backend(), *key);
    signature.resize(crypto::signature_size(type));
    EXPECT_TRUE(openssl_backend().crypto().sign(key->view(), algorithm, message, signature));
  }
  explicit Sample(KeyType type) : Sample(type, crypto::default_algorithm(type)) {}
  Bytes message = as_bytes("message");
  SignatureAlgorithm algorithm;
  OwnedPublicKey public_key;
  Octets signature;
};

class BadInput : public ::testing::TestWithParam<const Backend*> {
 protected:
  static void expect_key_refused(KeyType type, const Octets& key, const Sample& sample, const char* what) {
    const crypto::Crypto& crypto = GetParam()->crypto();
    if (!crypto.supports(type, sample.algorithm)) return;
    const auto checked = crypto.check_public_key({type, key});
    const auto verified = crypto.verify({type, key}, sample.algorithm, sample.message, sample.signature);
    ASSERT_FALSE(checked) << what;
    ASSERT_FALSE(verified) << what;
    EXPECT_EQ(checked.error().code, ErrorCode::invalid_key) << what;
    EXPECT_EQ(verified.error().code, ErrorCode::invalid_key) << what;
  }
  static void expect_signature_refused(const Sample& sample, const Octets& signature, const char* what) {
    const crypto::Crypto& crypto = GetParam()->crypto();
    if (!crypto.supports(sample.public_key.type, sample.algorithm)) return;
    const auto verified =
        crypto.verify(sample.public_key.view(), sample.algorithm, sample.message, signature);
    ASSERT_FALSE(verified) << what;
    EXPECT_EQ(verified.error().code, ErrorCode::invalid_signature) << what;
  }
};

INSTANTIATE_TEST_SUITE_P(Backends, BadInput, ::testing::ValuesIn(backends()),
                         ::testing::PrintToStringParamName());

TEST_P(BadInput, Points) {
  for (const KeyType type : {KeyType::p256, KeyType::p384}) {
    const Sample sample(type);
    const Octets& good = sample.public_key.octets;
    const Bytes x = Bytes(good).subspan(1, crypto::coordinate_size(type));
    const Octets odd{static_cast<std::uint8_t>(2U | (good.back() & 1U))};
    const Octets hybrid{static_cast<std::uint8_t>(6U | (good.back() & 1U))};
    Octets off_curve = good;
    off_curve.back() ^= 1;
    expect_key_refused(type, {}, sample, "empty");
    expect_key_refused(type, {0}, sample, "infinity");
    expect_key_refused(type, concatenate({odd, x}), sample, "compressed");
    expect_key_refused(type, concatenate({hybrid, Bytes(good).subspan(1)}), sample, "hybrid");
    expect_key_refused(type, off_curve, sample, "off the curve");
    expect_key_refused(type, concatenate({good, Octets{0}}), sample, "too long");
    expect_key_refused(type, {good.begin(), good.end() - 1}, sample, "too short");
    Octets zero(good.size(), 0);
    expect_key_refused(type, zero, sample, "zeros");
    zero[0] = 4;
    expect_key_refused(type, zero, sample, "the point (0, 0)");
    expect_key_refused(type, concatenate({Octets{4}, Octets(good.size() - 1, 0xff)}), sample, "above p");
  }
}

// x = 5 + p names the same point as 5 to a careless reader; 5 is the x of a point on P-256.
TEST_P(BadInput, CoordinateAboveThePrime) {
  const Sample sample(KeyType::p256);
  const Octets y = unhex("459243b9aa581806fe913bce99817ade11ca503c64d9a3c533415c083248fbcc");
  Octets x(32, 0);
  x[31] = 5;
  EXPECT_TRUE(GetParam()->crypto().check_public_key({KeyType::p256, concatenate({Octets{4}, x, y})}));
  Octets above = unhex(kPrime256);
  for (std::size_t i = 32, carry = 5; i-- > 0; carry >>= 8U) {
    carry += above[i];
    above[i] = static_cast<std::uint8_t>(carry);
  }
  expect_key_refused(KeyType::p256, concatenate({Octets{4}, above, y}), sample, "x + p");
}

TEST_P(BadInput, Ed25519Keys) {
  const Sample sample(KeyType::ed25519);
  const auto refuse = [&](std::string_view key, const char* what) {
    expect_key_refused(KeyType::ed25519, unhex(key), sample, what);
  };
  refuse("", "empty");
  refuse("0100000000000000000000000000000000000000000000000000000000000000", "order 1");
  refuse("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "order 2");
  refuse("0000000000000000000000000000000000000000000000000000000000000000", "order 4");
  refuse("0000000000000000000000000000000000000000000000000000000000000080", "order 4, other sign");
  refuse("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "order 8");
  refuse("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85", "order 8, other sign");
  refuse("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", "order 8, second");
  refuse("0200000000000000000000000000000000000000000000000000000000000000", "no such point");
  refuse("f1ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "y = p + 4, not canonical");
}

TEST_P(BadInput, SignaturesOutOfRange) {
  const Sample sample(KeyType::p256);
  const Octets zero(32, 0);
  const Octets order = unhex(kOrder256);
  const Octets top(32, 0xff);
  const Bytes r = Bytes(sample.signature).first(32);
  const Bytes s = Bytes(sample.signature).subspan(32);
  expect_signature_refused(sample, {}, "empty");
  expect_signature_refused(sample, {sample.signature.begin(), sample.signature.end() - 1}, "short");
  expect_signature_refused(sample, concatenate({sample.signature, Octets{0}}), "long");
  expect_signature_refused(sample, concatenate({zero, s}), "r = 0");
  expect_signature_refused(sample, concatenate({r, zero}), "s = 0");
  expect_signature_refused(sample, concatenate({zero, zero}), "both 0");
  expect_signature_refused(sample, concatenate({order, s}), "r = n");
  expect_signature_refused(sample, concatenate({r, order}), "s = n");
  expect_signature_refused(sample, concatenate({top, top}), "above n");
  expect_signature_refused(sample, concatenate({s, r}), "exchanged");
}

TEST_P(BadInput, RsaSignaturesOutOfRange) {
  for (const Scheme scheme : {Scheme::rsa_pkcs1, Scheme::rsa_pss}) {
    const Sample sample(KeyType::rsa2048, {scheme, Hash::sha256});
    expect_signature_refused(sample, Octets(256, 0xff), "not below the modulus");
    expect_signature_refused(sample, Octets(256, 0), "zero");
    expect_signature_refused(sample, {sample.signature.begin() + 1, sample.signature.end()}, "short");
    expect_signature_refused(sample, concatenate({Octets{0}, sample.signature}), "long");
  }
}

// Only a salt as long as the digest (crypto.h; RFC 4055 3.1).
TEST_P(BadInput, PssSaltOfAnotherLength) {
  const crypto::openssl::Key key(EVP_RSA_gen(2048));
  unsigned char* der = nullptr;
  const int der_size = i2d_PublicKey(key.get(), &der);
  ASSERT_GT(der_size, 0);
  const Octets public_key(der, der + der_size);
  OPENSSL_free(der);
  for (const int salt : {0, 20, 32, 64}) {
    const crypto::openssl::DigestContext context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* parameters = nullptr;
    ASSERT_EQ(EVP_DigestSignInit(context.get(), &parameters, EVP_sha256(), nullptr, key.get()), 1);
    ASSERT_EQ(EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING), 1);
    ASSERT_EQ(EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, salt), 1);
    Octets signature(256);
    std::size_t size = signature.size();
    ASSERT_EQ(EVP_DigestSign(context.get(), signature.data(), &size, as_bytes("m").data(), 1), 1);
    const auto verified = GetParam()->crypto().verify(
        {KeyType::rsa2048, public_key}, {Scheme::rsa_pss, Hash::sha256}, as_bytes("m"), signature);
    EXPECT_EQ(verified.has_value(), salt == 32) << salt;
  }
}

TEST_P(BadInput, RsaKeys) {
  const Sample sample(KeyType::rsa2048);
  const Octets& good = sample.public_key.octets;  // 30 82 len len 02 82 01 01 00 n.. 02 03 01 00 01
  ASSERT_EQ(hex(Bytes(good).first(9)), "3082010a0282010100");
  const auto changed = [&](std::size_t at, std::uint8_t value) {
    Octets key = good;
    key[at] = value;
    return key;
  };
  expect_key_refused(KeyType::rsa2048, {}, sample, "empty");
  expect_key_refused(KeyType::rsa2048, concatenate({good, Octets{0}}), sample, "trailing data");
  expect_key_refused(KeyType::rsa2048, {good.begin(), good.end() - 1}, sample, "truncated");
  expect_key_refused(KeyType::rsa2048, changed(8, 1), sample, "2049 bits");
  expect_key_refused(KeyType::rsa2048, changed(9, 0), sample, "fewer bits and a redundant zero");
  expect_key_refused(KeyType::rsa2048, changed(8 + 256, good[8 + 256] & 0xfe), sample, "even modulus");
  expect_key_refused(KeyType::rsa2048, changed(good.size() - 1, 0), sample, "even exponent");
  expect_key_refused(KeyType::rsa2048, changed(good.size() - 3, 0), sample, "exponent not minimal");
  expect_key_refused(KeyType::rsa2048, changed(good.size() - 3, 0x81), sample, "negative exponent");
  expect_key_refused(KeyType::rsa2048, changed(1, 0x80), sample, "indefinite length");
  Octets one{good.begin(), good.end() - 5};
  one.insert(one.end(), {2, 1, 1});
  one[3] = 0x08;
  expect_key_refused(KeyType::rsa2048, one, sample, "exponent 1");
}

TEST_P(BadInput, KeyOfAnotherType) {
  const crypto::Crypto& crypto = GetParam()->crypto();
  const Sample sample(KeyType::p256);
  const auto code = [&](KeyType type, Scheme scheme) {
    return crypto
        .verify({type, sample.public_key.octets}, {scheme, Hash::sha256}, sample.message, sample.signature)
        .error()
        .code;
  };
  EXPECT_EQ(code(KeyType::p256, Scheme::rsa_pkcs1), ErrorCode::wrong_key_type);
  EXPECT_EQ(code(KeyType::p256, Scheme::eddsa), ErrorCode::wrong_key_type);
  EXPECT_EQ(code(KeyType::rsa2048, Scheme::ecdsa), ErrorCode::wrong_key_type);
  EXPECT_EQ(code(KeyType::p384, Scheme::ecdsa), ErrorCode::invalid_key);
  EXPECT_EQ(code(static_cast<KeyType>(99), Scheme::ecdsa), ErrorCode::wrong_key_type);
}

// Any one bit changed anywhere: both refuse, and with the same error.
TEST(BackendsAgree, OnChangedBits) {
  std::mt19937 random(20261124);  // NOLINT(cert-msc51-cpp): reproducible on purpose
  for (const KeyType type : {KeyType::p256, KeyType::p384, KeyType::rsa2048}) {
    const Sample sample(type);
    for (int i = 0; i < 200; ++i) {
      OwnedPublicKey key = sample.public_key;
      Octets signature = sample.signature;
      Octets& target = i % 2 == 0 ? key.octets : signature;
      target[random() % target.size()] ^= static_cast<std::uint8_t>(1U << (random() % 8));
      const auto ours =
          openssl_backend().crypto().verify(key.view(), sample.algorithm, sample.message, signature);
      const auto theirs =
          psa_backend().crypto().verify(key.view(), sample.algorithm, sample.message, signature);
      ASSERT_FALSE(ours) << hex(target);
      ASSERT_FALSE(theirs) << hex(target);
      EXPECT_EQ(ours.error().code, theirs.error().code) << name(type) << " " << hex(target);
    }
  }
}

}  // namespace
}  // namespace pedigree::testing
