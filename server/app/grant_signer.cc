// SPDX-License-Identifier: Apache-2.0
#include "server/app/grant_signer.h"

#include "crypto/openssl/openssl_crypto.h"

namespace pedigree::app {
using authority::refuse;
using crypto::OpenSslKey;

Answer<void> make_grant_signer(const Layout& layout, const authority::Signer& root,
                               const SecretText& passphrase, der::UnixTime now, std::uint32_t days) {
  const auto key = OpenSslKey::generate(crypto::KeyType::p256);
  if (!key) return refuse(key.error());
  const crypto::OpenSslCrypto crypto;
  authority::DelegateFields fields;
  fields.common_name = "Pedigree grants";
  fields.key = key->view();
  fields.purpose = grant::kKeyPurpose;
  fields.issuer = root;
  fields.not_before = now;
  fields.not_after = now + der::UnixTime{days} * 86400;
  const auto certificate = authority::make_delegate(crypto, fields);
  if (!certificate) return refuse(certificate.error());
  auto pem = key->to_pem(passphrase.text());
  if (!pem) return refuse(pem.error());
  const SecretText secret(*std::move(pem));
  if (auto written = replace_private(layout.grant_key(), secret.text()); !written) return written;
  return replace_private(layout.grant_certificate(), certificate_pem(*certificate));
}

Answer<std::unique_ptr<GrantKey>> GrantKey::open(const Layout& layout, const crypto::Crypto& crypto,
                                                 const Der& root, const SecretText& passphrase) {
  std::error_code ignored;
  if (!std::filesystem::exists(layout.grant_certificate(), ignored)) return nullptr;
  auto certificate = read_certificate(layout.grant_certificate());
  if (!certificate) return std::unexpected(certificate.error());
  auto key = open_key(layout.grant_key(), passphrase);
  if (!key) return std::unexpected(key.error());
  return std::unique_ptr<GrantKey>(new GrantKey(crypto, *std::move(certificate), root, *std::move(key)));
}

}  // namespace pedigree::app
