// SPDX-License-Identifier: Apache-2.0
#include "crypto/openssl/keys.h"

#include <gtest/gtest.h>

#include <array>

#include "crypto/openssl/openssl_crypto.h"

namespace pedigree::crypto {
namespace {

/// Signs with `key` and verifies by `other`'s public half.
Result<void> sign_and_verify(const OpenSslKey& key, const OpenSslKey& other) {
  const OpenSslCrypto crypto;
  const auto algorithm = default_algorithm(key.type());
  std::array<std::uint8_t, kMaxSignatureSize> buffer{};
  std::array<std::uint8_t, kMaxPublicKeySize> key_buffer{};
  PEDIGREE_ASSIGN(const Bytes signature, crypto.sign(key.view(), algorithm, as_bytes("message"), buffer));
  PEDIGREE_ASSIGN(const PublicKey public_key, crypto.public_key(other.view(), key_buffer));
  return crypto.verify(public_key, algorithm, as_bytes("message"), signature);
}

class OpenSslKeys : public ::testing::TestWithParam<KeyType> {};

TEST_P(OpenSslKeys, SurvivePemInTheClear) {
  const auto key = OpenSslKey::generate(GetParam());
  ASSERT_TRUE(key);
  const auto pem = key->to_pem({});
  ASSERT_TRUE(pem);
  EXPECT_TRUE(pem->starts_with("-----BEGIN PRIVATE KEY-----"));
  const auto read = OpenSslKey::from_pem(*pem, {});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->type(), GetParam());
  EXPECT_TRUE(sign_and_verify(*read, *key));
}

INSTANTIATE_TEST_SUITE_P(Types, OpenSslKeys,
                         ::testing::Values(KeyType::p256, KeyType::p384, KeyType::ed25519, KeyType::rsa2048,
                                           KeyType::rsa3072));

TEST(OpenSslKey, SurvivesEncryptedPem) {
  const auto key = OpenSslKey::generate(KeyType::p256);
  ASSERT_TRUE(key);
  const auto pem = key->to_pem("correct horse");
  ASSERT_TRUE(pem);
  EXPECT_TRUE(pem->starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
  const auto read = OpenSslKey::from_pem(*pem, "correct horse");
  ASSERT_TRUE(read);
  EXPECT_TRUE(sign_and_verify(*read, *key));
  EXPECT_EQ(OpenSslKey::from_pem(*pem, "wrong").error().code, ErrorCode::wrong_passphrase);
  EXPECT_EQ(OpenSslKey::from_pem(*pem, {}).error().code, ErrorCode::wrong_passphrase);
}

TEST(OpenSslKey, RefusesWhatIsNoKey) {
  EXPECT_EQ(OpenSslKey::from_pem("", {}).error().code, ErrorCode::bad_pem);
  EXPECT_EQ(
      OpenSslKey::from_pem("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n", {}).error().code,
      ErrorCode::bad_pem);
}

TEST(OpenSslKey, RefusesOtherCurves) {
  // A key on secp256k1, made with `openssl genpkey`.
  constexpr std::string_view kPem =
      "-----BEGIN PRIVATE KEY-----\n"
      "MIGEAgEAMBAGByqGSM49AgEGBSuBBAAKBG0wawIBAQQgwie3WJsazXzKMAuYOjOg\n"
      "8AUw/0SfF1hreyMHJftqhmqhRANCAAQX/Z3tzaUWhGzr9tK9Z7wQPfvdaBkTSZoR\n"
      "D+Sq0n/GycaBovox5SnIpPM79pyTzHbhqaSutP4+7buklcctIKda\n"
      "-----END PRIVATE KEY-----\n";
  EXPECT_EQ(OpenSslKey::from_pem(kPem, {}).error().code, ErrorCode::unsupported_algorithm);
}

TEST(OpenSslKey, MovesAndSwaps) {
  auto a = OpenSslKey::generate(KeyType::p256);
  auto b = OpenSslKey::generate(KeyType::ed25519);
  ASSERT_TRUE(a && b);
  *a = std::move(*b);
  EXPECT_EQ(a->type(), KeyType::ed25519);
  EXPECT_TRUE(sign_and_verify(*a, *a));
}

}  // namespace
}  // namespace pedigree::crypto
