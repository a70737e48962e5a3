// SPDX-License-Identifier: Apache-2.0
#include "server/app/system_identity.h"

#include "crypto/openssl/openssl_crypto.h"

namespace pedigree::app {

using authority::refuse;

Answer<void> make_system_identity(const Layout& layout, const IdentityOptions& options,
                                  const SecretText& passphrase) {
  if (options.name.empty() || options.name.size() > 64) {
    return refuse(ErrorCode::bad_configuration, "the name must have 1 to 64 characters");
  }
  const auto ca = read_certificate(layout.tls_certificate("ca"));
  if (!ca) return std::unexpected(ca.error());
  const auto ca_key = open_key(layout.tls_key("ca"), passphrase);
  if (!ca_key) return std::unexpected(ca_key.error());
  const auto key = crypto::OpenSslKey::generate(crypto::KeyType::p256);
  if (!key) return refuse(key.error());
  authority::TlsFields fields;
  fields.common_name = options.name;
  fields.role = options.role;
  fields.key = key->view();
  fields.issuer = {*ca, ca_key->view()};
  fields.not_before = options.now;
  fields.not_after = options.now + der::UnixTime{options.days} * 86400;
  const crypto::OpenSslCrypto crypto;
  const auto certificate = authority::make_tls(crypto, fields);
  if (!certificate) return refuse(certificate.error());
  auto pem = key->to_pem({});
  if (!pem) return refuse(pem.error());
  const SecretText secret(*std::move(pem));
  const std::string base = options.basename.string();
  if (const auto written = write_private(base + ".key.pem", secret.text()); !written) return written;
  return write_private(base + ".cert.pem", certificate_pem(*certificate));
}

}  // namespace pedigree::app
