// SPDX-License-Identifier: Apache-2.0
#include "core/x509/path.h"

#include <gtest/gtest.h>

#include "core/x509/name.h"
#include "core/x509/oids.h"
#include "testing/x509/fake_crypto.h"
#include "testing/x509/make.h"

namespace pedigree::x509 {
namespace {

using crypto::KeyType;
using testing::CertificateSpec;
using testing::common_name;
using testing::element;
using testing::Octets;
using testing::sequence;
using testing::unhex;

constexpr der::UnixTime kNow = 1800000000;

crypto::PrivateKey key(std::uintptr_t handle, KeyType type = KeyType::p256) {
  return {type, handle};
}

// Leaf, two CAs, root; each test changes one thing and makes the certificates again.
class PathTest : public ::testing::Test {
 protected:
  PathTest() {
    const char* names[] = {"Leaf", "Low CA", "High CA", "Root"};
    for (std::size_t i = 0; i < 4; ++i) {
      const std::size_t issuer = std::min<std::size_t>(i + 1, 3);
      specs_[i].subject = names[i];
      specs_[i].issuer = names[issuer];
      specs_[i].key = key(i + 1);
      specs_[i].issuer_key = key(issuer + 1);
      if (i > 0) {
        specs_[i].extensions.basic_constraints = BasicConstraints{true, {}};
        specs_[i].extensions.key_usage = kKeyCertSign;
      }
    }
    options_.time = kNow;
  }

  std::vector<Octets> make() const {
    std::vector<Octets> out;
    for (const CertificateSpec& spec : specs_) out.push_back(testing::make_certificate(crypto_, spec));
    return out;
  }

  // The root given as a certificate, and not sent.
  Verdict validate() { return validate(make(), 3); }

  Verdict validate(const std::vector<Octets>& certificates, std::size_t count) {
    root_ = certificates.back();
    anchor_.certificate = Certificate::parse(root_).value();
    return run(certificates, count);
  }

  Verdict run(const std::vector<Octets>& certificates, std::size_t count) {
    const std::vector<Bytes> chain(certificates.begin(),
                                   certificates.begin() + static_cast<std::ptrdiff_t>(count));
    options_.anchors = std::span(&anchor_, 1);
    const Verdict verdict = validate_path(crypto_, chain, options_);
    expect_same_parsed(chain, verdict);
    return verdict;
  }

  void expect_same_parsed(const std::vector<Bytes>& chain, const Verdict& verdict) {
    std::vector<Certificate> parsed;
    for (const Bytes der : chain) {
      const auto certificate = Certificate::parse(der);
      if (!certificate) return;
      parsed.push_back(*certificate);
    }
    const Verdict again = validate_path(crypto_, parsed, options_);
    EXPECT_EQ(again.code, verdict.code);
    EXPECT_EQ(again.index, verdict.index);
  }

  void pin(const Octets& root, bool with_key) {
    root_ = root;
    const Certificate certificate = Certificate::parse(root_).value();
    anchor_ = {};
    anchor_.spki_sha256 = crypto_.sha256(certificate.spki().whole).value();
    if (with_key) anchor_.root_spki = certificate.spki().whole;
  }

  static void expect(const Verdict& verdict, ErrorCode code, std::size_t index) {
    ASSERT_FALSE(verdict.trusted());
    EXPECT_EQ(name(*verdict.code), name(code));
    EXPECT_EQ(verdict.index, index);
    EXPECT_FALSE(verdict.anchor);
  }

  testing::FakeCrypto crypto_;
  std::array<CertificateSpec, 4> specs_;
  PathOptions options_;
  TrustAnchor anchor_;
  Octets root_;
};

TEST_F(PathTest, TrustsAGoodChainInEveryForm) {
  const auto chain = make();
  EXPECT_TRUE(validate(chain, 3).trusted());
  EXPECT_TRUE(validate(chain, 4).trusted());
  pin(chain[3], false);
  EXPECT_TRUE(run(chain, 4).trusted());
  expect(run(chain, 3), ErrorCode::untrusted_root, 2);
  pin(chain[3], true);
  EXPECT_TRUE(run(chain, 3).trusted());
  const Verdict verdict = run(chain, 4);
  EXPECT_TRUE(verdict.trusted());
  EXPECT_TRUE(verdict.time_checked);
  EXPECT_EQ(verdict.anchor, 0U);
}

TEST_F(PathTest, RefusesChainsOfNoOrTooManyCertificates) {
  const auto chain = make();
  EXPECT_TRUE(validate(chain, 3).trusted());
  expect(run({}, 0), ErrorCode::empty_chain, 0);
  const std::vector<Octets> many(kMaxChainLength + 1, chain[0]);
  expect(run(many, many.size()), ErrorCode::path_too_long, kMaxChainLength);
}

TEST_F(PathTest, SaysWhichCertificateIsMalformedAndWhere) {
  auto chain = make();
  chain[1].pop_back();
  const Verdict verdict = validate(chain, 3);
  expect(verdict, ErrorCode::truncated, 1);
  chain = make();
  const std::uint32_t at = testing::find(chain[1], unhex("0203 012345"));
  chain[1][at + 2] = 0xff;
  EXPECT_EQ(validate(chain, 3).offset, at);
}

TEST_F(PathTest, VerifiesNothingOfAChainThatBreaksARule) {
  specs_[0].not_after = kNow - 1;
  expect(validate(), ErrorCode::expired, 0);
  EXPECT_EQ(crypto_.verifications(), 0U);
}

TEST_F(PathTest, RefusesWrongSignaturesAtEachPlace) {
  for (std::size_t i = 0; i < 3; ++i) {
    auto chain = make();
    chain[i].back() ^= 1U;
    expect(validate(chain, 3), ErrorCode::invalid_signature, i);
  }
  specs_[1].issuer_key = key(77);
  expect(validate(), ErrorCode::invalid_signature, 1);
}

TEST_F(PathTest, ChecksTimeInclusively) {
  specs_[0].not_before = specs_[0].not_after = kNow;
  EXPECT_TRUE(validate().trusted());
  options_.time = kNow + 1;
  expect(validate(), ErrorCode::expired, 0);
  options_.time = kNow - 1;
  expect(validate(), ErrorCode::not_yet_valid, 0);
  options_.time.reset();
  EXPECT_TRUE(validate().trusted());
  EXPECT_FALSE(validate().time_checked);
  options_.time = kNow;
  specs_[3].not_after = kNow - 1;
  expect(validate(make(), 4), ErrorCode::expired, 3);
  expect(validate(make(), 3), ErrorCode::expired, 3);  // the anchor, which is not in the chain
}

TEST_F(PathTest, ChainsNames) {
  specs_[0].issuer = "Another CA";
  expect(validate(), ErrorCode::issuer_mismatch, 0);
  specs_[0].issuer = "LOW  ca";
  EXPECT_TRUE(validate().trusted());
}

TEST_F(PathTest, AsksForCas) {
  specs_[1].extensions.basic_constraints.reset();
  expect(validate(), ErrorCode::not_a_ca, 1);
  specs_[1].extensions.basic_constraints = BasicConstraints{false, {}};
  expect(validate(), ErrorCode::not_a_ca, 1);
  specs_[1].extensions.basic_constraints = BasicConstraints{true, {}};
  specs_[1].extensions.key_usage = kDigitalSignature | kCrlSign;
  expect(validate(), ErrorCode::key_usage_forbids, 1);
  specs_[1].extensions.key_usage = 0;
  EXPECT_TRUE(validate().trusted());
  specs_[3].extensions.basic_constraints.reset();
  expect(validate(), ErrorCode::not_a_ca, 3);
}

TEST_F(PathTest, TakesNoCaForALeafUnlessAsked) {
  specs_[0].extensions.basic_constraints = BasicConstraints{true, {}};
  expect(validate(), ErrorCode::target_is_ca, 0);
  options_.leaf_may_be_ca = true;
  EXPECT_TRUE(validate().trusted());
}

TEST_F(PathTest, CountsPathLengths) {
  specs_[2].extensions.basic_constraints->path_len = 1;
  EXPECT_TRUE(validate().trusted());
  specs_[2].extensions.basic_constraints->path_len = 0;
  expect(validate(), ErrorCode::path_too_long, 1);
  // A self-issued certificate does not count (RFC 5280 6.1.4 l).
  specs_[1].subject = specs_[1].issuer = specs_[0].issuer = "High CA";
  EXPECT_TRUE(validate().trusted());
  specs_[3].extensions.basic_constraints->path_len = 0;
  expect(validate(), ErrorCode::path_too_long, 2);
  specs_[3].extensions.basic_constraints->path_len = 0xffffffff;
  EXPECT_TRUE(validate().trusted());
}

TEST_F(PathTest, NestsPurposes) {
  const Bytes client[] = {oid::kClientAuth};
  const Bytes server[] = {oid::kServerAuth};
  const Bytes any[] = {oid::kServerAuth, oid::kAnyExtendedKeyUsage};
  options_.key_purpose = oid::kClientAuth;
  EXPECT_TRUE(validate().trusted());
  for (std::size_t i = 0; i < 4; ++i) {
    specs_[i].extensions.ext_key_usage = server;
    expect(validate(), ErrorCode::eku_forbids, i);
    specs_[i].extensions.ext_key_usage = any;
    EXPECT_TRUE(validate().trusted());
    specs_[i].extensions.ext_key_usage = client;
    EXPECT_TRUE(validate().trusted());
  }
  options_.key_purpose.reset();
  specs_[1].extensions.ext_key_usage = server;
  EXPECT_TRUE(validate().trusted());
}

TEST_F(PathTest, AsksForTheLeafsKeyUsage) {
  options_.leaf_key_usage = kDigitalSignature;
  EXPECT_TRUE(validate().trusted());
  specs_[0].extensions.key_usage = kKeyEncipherment;
  expect(validate(), ErrorCode::key_usage_forbids, 0);
  specs_[0].extensions.key_usage = kKeyEncipherment | kDigitalSignature;
  EXPECT_TRUE(validate().trusted());
}

TEST_F(PathTest, RefusesUnknownCriticalExtensionsAnywhere) {
  const Octets unknown = testing::extension(unhex("2a0304"), true, unhex("0500"));
  const Octets policies = testing::extension(oid::kCertificatePolicies, true, unhex("3000"));
  for (std::size_t i = 0; i < 4; ++i) {
    specs_[i].extensions.extra = unknown;
    expect(validate(), ErrorCode::unknown_critical_extension, i);
    specs_[i].extensions.extra = policies;
    expect(validate(), ErrorCode::policy_unsupported, i);
    specs_[i].extensions.extra = {};
  }
}

TEST_F(PathTest, RefusesTheWrongKeyIdentifier) {
  const Octets mine = {1, 2};
  const Octets other = {1, 3};
  specs_[0].extensions.authority_key_identifier = mine;
  EXPECT_TRUE(validate().trusted());  // the issuer names no identifier
  specs_[1].extensions.subject_key_identifier = other;
  expect(validate(), ErrorCode::key_identifier_mismatch, 0);
  specs_[1].extensions.subject_key_identifier = mine;
  EXPECT_TRUE(validate().trusted());
}

TEST_F(PathTest, NeedsTheTrustedRoot) {
  const auto chain = make();
  specs_[3].subject = specs_[3].issuer = "Another Root";
  expect(validate({chain[0], chain[1], chain[2], testing::make_certificate(crypto_, specs_[3])}, 3),
         ErrorCode::untrusted_root, 2);
  // A root of the trusted root's name with another key.
  specs_[3].subject = specs_[3].issuer = "Root";
  specs_[3].key = specs_[3].issuer_key = key(99);
  const Octets imposter = testing::make_certificate(crypto_, specs_[3]);
  anchor_.certificate = Certificate::parse(chain[3]).value();
  expect(run({chain[0], chain[1], chain[2], imposter}, 4), ErrorCode::untrusted_root, 3);
  pin(chain[3], true);
  expect(run({chain[0], chain[1], chain[2], imposter}, 4), ErrorCode::untrusted_root, 3);
}

TEST_F(PathTest, TriesEveryAnchorOfTheName) {
  const auto chain = make();
  specs_[3].key = specs_[3].issuer_key = key(99);
  const Octets renewed = testing::make_certificate(crypto_, specs_[3]);
  const TrustAnchor anchors[] = {{Certificate::parse(renewed).value(), {}, {}},
                                 {Certificate::parse(chain[3]).value(), {}, {}}};
  options_.anchors = anchors;
  const Bytes view[] = {chain[0], chain[1], chain[2]};
  const Verdict verdict = validate_path(crypto_, view, options_);
  EXPECT_TRUE(verdict.trusted());
  EXPECT_EQ(verdict.anchor, 1U);
}

TEST_F(PathTest, RefusesAHeldKeyThatIsNotThePinnedOne) {
  const auto chain = make();
  pin(chain[3], true);
  const Octets other = testing::spki_of(crypto_, key(5));
  anchor_.root_spki = other;
  expect(run(chain, 3), ErrorCode::untrusted_root, 2);
}

// Whoever sends a certificate with the pinned key writes what he likes into it.
TEST_F(PathTest, BelievesALoneCertificateOfAPinnedKeyOnlyByItsSignature) {
  CertificateSpec spec = specs_[0];
  spec.issuer_key = spec.key;
  const Octets own = testing::make_certificate(crypto_, spec);
  pin(own, false);
  EXPECT_TRUE(run({own}, 1).trusted());
  spec.issuer_key = key(42);
  const Octets forged = testing::make_certificate(crypto_, spec);
  expect(run({forged}, 1), ErrorCode::invalid_signature, 0);
}

TEST_F(PathTest, NamesTheCertificateWhoseKeyIsBad) {
  auto chain = make();
  Octets spki = testing::spki_of(crypto_, key(2));
  const std::uint32_t at = testing::find(chain[1], spki) + static_cast<std::uint32_t>(spki.size()) - 64;
  std::fill_n(chain[1].begin() + at, 64, std::uint8_t{0xff});  // the fake's point off the curve
  // Signed again, so that only the key is wrong.
  const auto view = Certificate::parse(chain[1]).value();
  Octets buffer(4096);
  Writer writer(buffer);
  der::Builder out(writer);
  out.raw(view.tbs());
  ASSERT_TRUE(sign_and_close(crypto_, key(3), crypto::default_algorithm(KeyType::p256), 0, out));
  chain[1].assign(writer.written().begin(), writer.written().end());
  expect(validate(chain, 3), ErrorCode::invalid_key, 1);
}

TEST_F(PathTest, MixesKeyTypes) {
  const KeyType types[] = {KeyType::ed25519, KeyType::rsa2048, KeyType::p384, KeyType::rsa4096};
  for (std::size_t i = 0; i < 4; ++i) {
    specs_[i].key = key(i + 1, types[i]);
    specs_[i].issuer_key = key(std::min<std::size_t>(i + 2, 4), types[std::min<std::size_t>(i + 1, 3)]);
  }
  specs_[2].algorithm = crypto::SignatureAlgorithm{crypto::Scheme::rsa_pss, crypto::Hash::sha384};
  EXPECT_TRUE(validate().trusted());
}

std::string sentence_of(const Verdict& verdict, std::vector<Octets> certificates) {
  const std::vector<Bytes> chain(certificates.begin(), certificates.end());
  Octets buffer(1000);
  Writer out(buffer);
  print_verdict(verdict, chain, out);
  return std::string(as_text(out.written()));
}

TEST_F(PathTest, PrintsVerdicts) {
  auto chain = make();
  EXPECT_EQ(sentence_of(validate(chain, 3), chain), "the chain is trusted");
  options_.time.reset();
  EXPECT_EQ(sentence_of(validate(chain, 3), chain),
            "the chain is trusted; its validity in time was not checked");
  options_.time = kNow;
  specs_[1].not_after = 1764000000;
  chain = make();
  EXPECT_EQ(sentence_of(validate(chain, 3), {chain[0], chain[1], chain[2]}),
            "certificate 2 of 3 (CN=Low CA) is refused: the certificate has expired: it was valid until "
            "2025-11-24T16:00:00Z");
  chain[1].pop_back();
  EXPECT_EQ(sentence_of(validate(chain, 3), {chain[0], chain[1], chain[2]}),
            "certificate 2 of 3 is refused: the data ends before the element does; send the whole of it, at "
            "offset 0");
  specs_[3].extensions.basic_constraints.reset();
  specs_[1].not_after = kNow;
  chain = make();
  EXPECT_EQ(sentence_of(validate(chain, 3), {chain[0], chain[1], chain[2]}),
            "the trust anchor is refused: the certificate signs another but its basicConstraints do not make "
            "it a CA");
  EXPECT_EQ(sentence_of(run({}, 0), {}), "the chain holds no certificate");
}

}  // namespace
}  // namespace pedigree::x509
