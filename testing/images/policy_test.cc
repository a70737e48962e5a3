// SPDX-License-Identifier: Apache-2.0
// What a device or a verifier asks of an image beyond its chain; and a signer's key store that cannot be
// relied on.
#include <gtest/gtest.h>

#include "testing/images/pki.h"
#include "testing/images/revocations.h"

namespace pedigree::testing {
namespace {

using crypto::KeyType;

const ImagePki& pki() {
  static const ImagePki made;
  return made;
}

const TestSigner& signer_of(KeyType type) {
  static std::map<KeyType, TestSigner> made;
  const auto at = made.find(type);
  return at != made.end() ? at->second : made.emplace(type, pki().make_signer(type)).first->second;
}

// Whoever stole a revoked key could state any parent with it.
TEST(Lineage, ARevokedSignerIsNobodysRequiredParentSigner) {
  const TestSigner& silicon = signer_of(KeyType::p384);
  const TestSigner& oem = signer_of(KeyType::p256);
  const Octets base = sign(pki(), silicon, options_of(silicon), code());
  image::VerifyFault fault;
  signing::SignOptions options = options_of(oem);
  options.parents = {
      signing::take_parent(pki().crypto(), image::MemorySource(base), pki().trust(), fault).value()};
  const Octets variant = sign(pki(), oem, options, code(500));
  const TestSigner lists = make_list_signer(pki());
  const Octets message = make_list(pki(), lists, 1, {key_hash(pki(), silicon.chain[0])});
  Octets scratch(image::kRevocationScratch);
  x509::Verdict path;
  const auto list = image::verify_list(pki().crypto(), message, pki().trust(), scratch, path).value();
  image::VerifyOptions required;
  required.trust = pki().trust();
  required.revocations = &list;
  EXPECT_EQ(verdict(pki(), variant, required), "") << "the image's own signer stands";
  EXPECT_TRUE(verdict(pki(), base, required).starts_with("signer_revoked"));
  EXPECT_TRUE(verdict(pki(), base, required).ends_with("in CHAIN"));
  required.parent_signer = key_hash(pki(), silicon.chain[1]);
  EXPECT_TRUE(verdict(pki(), variant, required).starts_with("parent_signer_required"));
  required.revocations = nullptr;
  EXPECT_EQ(verdict(pki(), variant, required), "");
}

TEST(Image, AnOlderSecurityCounterIsRefused) {
  const TestSigner& signer = signer_of(KeyType::p256);
  signing::SignOptions options = options_of(signer);
  const Octets none = sign(pki(), signer, options, code());
  options.security_counter = 7;
  const Octets seven = sign(pki(), signer, options, code());
  image::VerifyOptions wanted;
  wanted.trust = pki().trust();
  wanted.minimum_counter = 7;
  EXPECT_EQ(verdict(pki(), seven, wanted), "");
  EXPECT_TRUE(verdict(pki(), none, wanted).starts_with("missing_tlv"));
  wanted.minimum_counter = 8;
  EXPECT_TRUE(verdict(pki(), seven, wanted).starts_with("rolled_back"));
  EXPECT_TRUE(verdict(pki(), seven, wanted).ends_with("in SEC_CNT"));
}

/// A key store that shows one key and signs with another.
class OtherKey final : public crypto::OpenSslCrypto {
 public:
  explicit OtherKey(const crypto::OpenSslKey& other) : other_(other) {}
  [[nodiscard]] Result<Bytes> sign(const crypto::PrivateKey& /*key*/, crypto::SignatureAlgorithm algorithm,
                                   Bytes message, MutableBytes out) const noexcept override {
    return OpenSslCrypto::sign(other_.view(), algorithm, message, out);
  }
  [[nodiscard]] Result<Bytes> sign_digest(const crypto::PrivateKey& /*key*/,
                                          crypto::SignatureAlgorithm algorithm, Bytes digest,
                                          MutableBytes out) const noexcept override {
    return OpenSslCrypto::sign_digest(other_.view(), algorithm, digest, out);
  }

 private:
  const crypto::OpenSslKey& other_;
};

TEST(Image, ASignatureByAnotherKeyThanTheOneShownMakesNoImage) {
  for (const KeyType type : {KeyType::p256, KeyType::ed25519, KeyType::rsa2048}) {
    const TestSigner& signer = signer_of(type);
    const auto other = crypto::OpenSslKey::generate(type).value();
    MemorySink sink;
    const auto made =
        signing::sign_image(OtherKey(other), signer.key.view(), options_of(signer), code(), sink);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::invalid_signature);
  }
}

}  // namespace
}  // namespace pedigree::testing
