// SPDX-License-Identifier: Apache-2.0
#include "testing/images/revocations.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

namespace pedigree::testing {

TestSigner make_list_signer(const ImagePki& pki, const ListSignerSpec& spec) {
  TestSigner signer{crypto::OpenSslKey::generate(spec.type).value(), {}};
  CertificateSpec leaf;
  leaf.subject = "List signer";
  const auto root = x509::Certificate::parse(pki.root()).value();
  leaf.issuer_der.assign(root.subject().begin(), root.subject().end());
  leaf.key = signer.key.view();
  leaf.issuer_key = pki.root_key();
  leaf.extensions.key_usage = spec.key_usage;
  leaf.extensions.ext_key_usage = spec.purposes;
  std::vector<Octets> above;
  std::optional<crypto::OpenSslKey> key;
  if (spec.intermediate) {
    key.emplace(crypto::OpenSslKey::generate(crypto::KeyType::p256).value());
    CertificateSpec ca;
    ca.subject = leaf.issuer = "Firmware CA";
    ca.issuer_der = std::exchange(leaf.issuer_der, {});
    ca.key = leaf.issuer_key = key->view();
    ca.issuer_key = pki.root_key();
    ca.extensions.basic_constraints = {true, std::nullopt};
    ca.extensions.key_usage = x509::kKeyCertSign;
    ca.extensions.ext_key_usage = *spec.intermediate;
    above.push_back(make_certificate(pki.crypto(), ca));
  }
  signer.chain.push_back(make_certificate(pki.crypto(), leaf));
  signer.chain.insert(signer.chain.end(), above.begin(), above.end());
  signer.chain.push_back(pki.root());
  return signer;
}

Octets make_list(const ImagePki& pki, const TestSigner& signer, std::uint64_t number,
                 std::vector<Sha256> keys) {
  std::ranges::sort(keys);
  Octets payload(image::kMaxRevocationList);
  Writer out(payload);
  image::write_revocations(number, 1750000000, keys, out);
  payload.resize(out.size());
  const std::vector<Bytes> chain(signer.chain.begin(), signer.chain.end());
  Octets buffer(2 * image::kMaxRevocationList);
  const auto made = image::sign_list(pki.crypto(), payload, chain, signer.key.view(), buffer);
  EXPECT_TRUE(made) << name(made.error().code);
  return made ? Octets(made->begin(), made->end()) : Octets();
}

Sha256 key_hash(const ImagePki& pki, Bytes certificate) {
  return pki.crypto().sha256(x509::Certificate::parse(certificate).value().spki().whole).value();
}

}  // namespace pedigree::testing
