// SPDX-License-Identifier: Apache-2.0
// core/x509 as it is compiled for a device that does not apply name constraints (CMake option
// PEDIGREE_NO_NAME_CONSTRAINTS): a certificate that has any is refused wherever it stands in a chain. All
// else is as before (path_test.cc, which is part of this program).
#include <gtest/gtest.h>

#include "core/x509/oids.h"
#include "core/x509/path.h"
#include "testing/x509/fake_crypto.h"
#include "testing/x509/make.h"

namespace pedigree::x509 {
namespace {

using testing::CertificateSpec;
using testing::element;
using testing::extension;
using testing::Octets;
using testing::sequence;
using testing::unhex;

// Permitted: any name below "example"; nothing in these chains is outside of it.
Octets constraints(bool critical) {
  const Octets subtree = sequence({element(der::context(2), as_bytes("example"))});
  return extension(oid::kNameConstraints, critical,
                   sequence({element(der::context_constructed(0), subtree)}));
}

Verdict validate(std::size_t constrained, const Octets& extra) {
  const testing::FakeCrypto crypto;
  const char* names[] = {"Leaf", "CA", "Root"};
  std::array<Octets, 3> certificates;
  for (std::size_t i = 0; i < 3; ++i) {
    CertificateSpec spec;
    const std::size_t issuer = std::min<std::size_t>(i + 1, 2);
    spec.subject = names[i];
    spec.issuer = names[issuer];
    spec.key = {crypto::KeyType::p256, i + 1};
    spec.issuer_key = {crypto::KeyType::p256, issuer + 1};
    if (i > 0) spec.extensions.basic_constraints = BasicConstraints{true, {}};
    if (i == constrained) spec.extensions.extra = extra;
    certificates[i] = testing::make_certificate(crypto, spec);
  }
  const Bytes chain[] = {certificates[0], certificates[1], certificates[2]};
  TrustAnchor anchor;
  anchor.spki_sha256 = crypto.sha256(Certificate::parse(certificates[2])->spki().whole).value();
  PathOptions options;
  options.anchors = {&anchor, 1};
  return validate_path(crypto, chain, options);
}

TEST(Unconstrained, RefusesNameConstraintsWhereverTheyStand) {
  EXPECT_TRUE(validate(3, {}).trusted());
  for (const bool critical : {true, false}) {
    for (std::size_t i = 0; i < 3; ++i) {
      const Verdict verdict = validate(i, constraints(critical));
      EXPECT_EQ(verdict.code, ErrorCode::unknown_critical_extension);
      EXPECT_EQ(verdict.index, i);
    }
  }
}

TEST(Unconstrained, RefusesThemWithoutReadingThem) {
  EXPECT_EQ(validate(1, extension(oid::kNameConstraints, false, unhex("0500"))).code,
            ErrorCode::unknown_critical_extension);
}

TEST(Unconstrained, NamesTheExtension) {
  CertificateSpec spec;
  spec.key = spec.issuer_key = {crypto::KeyType::p256, 1};
  const Octets extra = constraints(false);
  spec.extensions.extra = extra;
  const testing::FakeCrypto crypto;
  const Octets der = testing::make_certificate(crypto, spec);
  const auto certificate = Certificate::parse(der);
  ASSERT_TRUE(certificate);
  EXPECT_FALSE(certificate->extensions().name_constraints);
  ASSERT_TRUE(certificate->extensions().unknown_critical);
  EXPECT_TRUE(equal(*certificate->extensions().unknown_critical, oid::kNameConstraints));
}

}  // namespace
}  // namespace pedigree::x509
