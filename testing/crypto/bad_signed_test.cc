// SPDX-License-Identifier: Apache-2.0
// Requests and chains whose keys or signatures are well-formed DER and bad mathematics: refused by both back
// ends with the same reason.
#include <gtest/gtest.h>

#include "core/csr/csr.h"
#include "core/x509/path.h"
#include "testing/crypto/backends.h"
#include "testing/support/octets.h"
#include "testing/x509/make.h"

namespace pedigree::testing {
namespace {

using crypto::KeyType;

class BadSigned : public ::testing::TestWithParam<const Backend*> {
 protected:
  const crypto::Crypto& crypto_ = GetParam()->crypto();
};

INSTANTIATE_TEST_SUITE_P(Backends, BadSigned, ::testing::ValuesIn(backends()),
                         ::testing::PrintToStringParamName());

Octets request_by(const Backend& backend, const crypto::PrivateKey& key) {
  const Octets subject = common_name("Device");
  const Octets spki = spki_of(backend.crypto(), key);
  csr::RequestFields fields;
  fields.subject = subject;
  fields.spki = spki;
  Octets buffer(1000);
  const auto der =
      csr::write_request(backend.crypto(), fields, key, crypto::default_algorithm(key.type), buffer);
  return {der->begin(), der->end()};
}

std::string verified(const crypto::Crypto& crypto, const Octets& der) {
  const auto request = csr::Request::parse(der);
  if (!request) return "not parsed";
  return outcome(request->verify(crypto));
}

/// Octets of `view` inside `der`, to be changed.
MutableBytes within(Octets& der, Bytes view) {
  return MutableBytes(der).subspan(static_cast<std::size_t>(view.data() - der.data()), view.size());
}

TEST_P(BadSigned, RequestWithAPointOffItsCurve) {
  for (const KeyType type : {KeyType::p256, KeyType::p384}) {
    const auto key = GetParam()->generate(type, crypto::default_algorithm(type));
    Octets der = request_by(*GetParam(), key->view());
    ASSERT_EQ(verified(crypto_, der), "accepted");
    within(der, csr::Request::parse(der)->spki().key->key).back() ^= 1U;
    EXPECT_EQ(verified(crypto_, der), "invalid_key at 0");
  }
}

TEST_P(BadSigned, RequestWithAZeroInItsSignature) {
  for (const KeyType type : {KeyType::p256, KeyType::p384}) {
    const auto key = GetParam()->generate(type, crypto::default_algorithm(type));
    const Octets der = request_by(*GetParam(), key->view());
    const auto request = csr::Request::parse(der);
    const Octets tbs(request->info().begin(), request->info().end());
    const Octets algorithm(request->signature_algorithm().whole.begin(),
                           request->signature_algorithm().whole.end());
    // SEQUENCE { r, s }: the second begins at 5.
    const std::pair<const char*, const char*> cases[] = {{"3006 020100 020101", "invalid_signature at 2"},
                                                         {"3006 020101 020100", "invalid_signature at 5"},
                                                         {"3006 020100 020100", "invalid_signature at 2"},
                                                         {"3006 020101 020101", "invalid_signature at 0"}};
    for (const auto& [signature, expected] : cases) {
      const Octets changed =
          sequence({tbs, algorithm, element(der::kBitString, {unhex("00"), unhex(signature)})});
      EXPECT_EQ(verified(crypto_, changed), expected) << signature;
    }
  }
}

TEST_P(BadSigned, ChainWhoseIssuerKeyIsOffItsCurve) {
  const auto root_key = GetParam()->generate(KeyType::p256, crypto::default_algorithm(KeyType::p256));
  CertificateSpec root;
  root.subject = "Root";
  root.key = root.issuer_key = root_key->view();
  root.extensions.basic_constraints = x509::BasicConstraints{true, {}};
  CertificateSpec leaf;
  leaf.key = leaf.issuer_key = root_key->view();
  Octets root_der = make_certificate(crypto_, root);
  const Octets leaf_der = make_certificate(crypto_, leaf);
  within(root_der, x509::Certificate::parse(root_der)->spki().key->key).back() ^= 1U;
  const x509::TrustAnchor anchor{x509::Certificate::parse(root_der).value(), {}, {}};
  x509::PathOptions options;
  options.anchors = std::span(&anchor, 1);
  const Bytes chain[] = {leaf_der, root_der};
  const x509::Verdict verdict = x509::validate_path(crypto_, chain, options);
  EXPECT_EQ(verdict.code, ErrorCode::invalid_key);
  EXPECT_EQ(verdict.index, 1U);  // the root, whose key it is
}

}  // namespace
}  // namespace pedigree::testing
