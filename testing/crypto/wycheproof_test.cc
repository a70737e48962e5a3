// SPDX-License-Identifier: Apache-2.0
// Wycheproof's signature vectors over both back ends: every `result` must be matched.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdio>

#include "core/x509/certificate.h"
#include "testing/crypto/backends.h"
#include "testing/support/support.h"

namespace pedigree::testing {
namespace {

namespace json = boost::json;
using crypto::Hash;
using crypto::KeyType;
using crypto::Scheme;

struct File {
  const char* name;
  KeyType type;
  crypto::SignatureAlgorithm algorithm;
  bool der;  ///< ECDSA signatures as in X.509, through core's reader
  int tests;
};

constexpr File kFiles[] = {
    {"ecdsa_secp256r1_sha256_p1363_test", KeyType::p256, {Scheme::ecdsa, Hash::sha256}, false, 262},
    {"ecdsa_secp256r1_sha256_test", KeyType::p256, {Scheme::ecdsa, Hash::sha256}, true, 484},
    {"ecdsa_secp384r1_sha384_p1363_test", KeyType::p384, {Scheme::ecdsa, Hash::sha384}, false, 280},
    {"ecdsa_secp384r1_sha384_test", KeyType::p384, {Scheme::ecdsa, Hash::sha384}, true, 504},
    {"ed25519_test", KeyType::ed25519, {Scheme::eddsa, Hash::sha512}, false, 151},
    {"rsa_pss_2048_sha256_mgf1_32_test", KeyType::rsa2048, {Scheme::rsa_pss, Hash::sha256}, false, 108},
    {"rsa_signature_2048_sha256_test", KeyType::rsa2048, {Scheme::rsa_pkcs1, Hash::sha256}, false, 259},
};

std::string text(const json::object& object, const char* name) {
  return std::string(object.at(name).as_string());
}

/// The key as it stands in the vectors' SubjectPublicKeyInfo.
OwnedPublicKey key_of(const json::object& group, KeyType expected) {
  const Octets der = unhex(text(group, "publicKeyDer"));
  const auto spki = x509::parse_spki(der);
  if (!spki || !spki->key) throw std::runtime_error("a vector's key is not read");
  EXPECT_EQ(spki->key->type, expected);
  return {spki->key->type, {spki->key->key.begin(), spki->key->key.end()}};
}

Result<void> verify(const crypto::Crypto& crypto, const File& file, const OwnedPublicKey& key,
                    const Octets& message, const Octets& signature) {
  if (!file.der) return crypto.verify(key.view(), file.algorithm, message, signature);
  std::array<std::uint8_t, 96> raw{};
  PEDIGREE_ASSIGN(const Bytes converted,
                  der::ecdsa_to_raw(signature, crypto::coordinate_size(file.type), raw));
  return crypto.verify(key.view(), file.algorithm, message, converted);
}

/// The verdict that a vector asks for. The one that is "acceptable" (test 8 of the PKCS#1 file: a DigestInfo
/// whose parameters lack the NULL) is refused: RFC 8017 9.2 note 1 lets a verifier refuse it, and RFC 4055
/// 5 requires the NULL in certificates.
bool expected(const json::object& test) {
  return text(test, "result") == "valid";
}

class Wycheproof : public ::testing::TestWithParam<std::tuple<const Backend*, File>> {};

TEST_P(Wycheproof, EveryResultIsMatched) {
  const auto& [backend, file] = GetParam();
  const auto folder = vectors_dir();
  if (!folder) GTEST_SKIP() << "skipped: no vectors";
  const std::string content = read_text(*folder / "wycheproof" / (std::string(file.name) + ".json"));
  const json::value document = json::parse(content);
  int tests = 0;
  for (const json::value& group_value : document.at("testGroups").as_array()) {
    const json::object& group = group_value.as_object();
    const OwnedPublicKey key = key_of(group, file.type);
    for (const json::value& value : group.at("tests").as_array()) {
      const json::object& test = value.as_object();
      ++tests;
      const auto verified =
          verify(backend->crypto(), file, key, unhex(text(test, "msg")), unhex(text(test, "sig")));
      const std::string label = std::to_string(test.at("tcId").as_int64()) + ": " + text(test, "comment");
      if (!backend->crypto().supports(file.type, file.algorithm)) {
        ASSERT_FALSE(verified) << label;
        ASSERT_EQ(verified.error().code, ErrorCode::unsupported_algorithm) << label;
        continue;
      }
      EXPECT_EQ(verified.has_value(), expected(test))
          << label << (verified ? "" : std::string(name(verified.error().code)));
    }
  }
  EXPECT_EQ(tests, file.tests);
}

std::string label_of(const ::testing::TestParamInfo<Wycheproof::ParamType>& tested) {
  return ::testing::PrintToString(std::get<0>(tested.param)) + "_" + std::get<1>(tested.param).name;
}

INSTANTIATE_TEST_SUITE_P(Files, Wycheproof,
                         ::testing::Combine(::testing::ValuesIn(backends()), ::testing::ValuesIn(kFiles)),
                         label_of);

}  // namespace
}  // namespace pedigree::testing
