// SPDX-License-Identifier: Apache-2.0
// TF-M's own tokens, as tokens under a raw key that the policy names.
#include <gtest/gtest.h>

#include "crypto/openssl/openssl_crypto.h"
#include "testing/support/support.h"
#include "verifier/verifier.h"

namespace pedigree::verifier {
namespace {

class PsaAppraisal : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto vectors = testing::vectors_dir();
    if (!vectors) GTEST_SKIP() << "skipped: no vectors";
    folder_ = *vectors / "psatoken/tf-m";
    policy_.raw_keys = testing::pem_ders(testing::read_text(folder_ / "public.pem"), "PUBLIC KEY");
    policy_.nonce_required = false;
    policy_.test_keys = Level::ignore;
    ASSERT_EQ(policy_.raw_keys.size(), 1U);
  }
  [[nodiscard]] testing::Octets token(std::string_view name) const {
    return testing::read_file(folder_ / name);
  }

  crypto::OpenSslCrypto crypto_;
  std::filesystem::path folder_;
  Policy policy_;
};

constexpr der::UnixTime kNow = 1795478400;

TEST_F(PsaAppraisal, BothProfilesAreTrustedUnderTheirKey) {
  const Verifier verifier(crypto_, policy_);
  for (const auto& [file, profile] : {std::pair{"psa-2_0_0_sign1.bin", psa_token::Profile::psa_2_0_0},
                                      std::pair{"psa-iot-1_sign1.bin", psa_token::Profile::psa_iot_1}}) {
    const auto octets = token(file);
    const Appraisal appraisal = verifier.appraise({.token = octets}, kNow);
    ASSERT_EQ(appraisal.verdict, Verdict::trusted)
        << file << ": " << sentence(appraisal, *appraisal.reason());
    EXPECT_EQ(appraisal.key_source, KeySource::raw_key);
    EXPECT_EQ(appraisal.claims->profile, profile);
    const Appraisal asked = verifier.appraise({.token = octets, .nonce = appraisal.claims->nonce}, kNow);
    EXPECT_EQ(asked.verdict, Verdict::trusted);
  }
}

TEST_F(PsaAppraisal, TheirKeyIsATestKey) {
  policy_.test_keys = Policy{}.test_keys;
  const Verifier verifier(crypto_, policy_);
  const auto octets = token("psa-2_0_0_sign1.bin");
  const Appraisal appraisal = verifier.appraise({.token = octets}, kNow);
  EXPECT_EQ(appraisal.verdict, Verdict::rejected);
  EXPECT_EQ(appraisal.reason()->code, ErrorCode::test_key);
}

TEST_F(PsaAppraisal, AMac0IsNoToken) {
  const Verifier verifier(crypto_, policy_);
  for (const char* file : {"psa-2_0_0_mac0.bin", "psa-iot-1_mac0.bin"}) {
    const auto octets = token(file);
    const Appraisal appraisal = verifier.appraise({.token = octets}, kNow);
    EXPECT_EQ(appraisal.verdict, Verdict::rejected);
    EXPECT_EQ(appraisal.reason()->kind, CheckKind::structure);
  }
}

}  // namespace
}  // namespace pedigree::verifier
