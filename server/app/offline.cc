// SPDX-License-Identifier: Apache-2.0
#include "server/app/offline.h"

#include <fmt/format.h>

#include "crypto/openssl/keys.h"
#include "crypto/openssl/openssl_crypto.h"
#include "server/app/directory.h"

namespace pedigree::app {
namespace {

using authority::refuse;
using crypto::OpenSslKey;

constexpr der::UnixTime kDay = 86400;

/// Days that the authority's profile of this role gives, or those that are asked for.
Answer<std::uint32_t> days_of(const Layout& layout, const NewClient& client) {
  const auto config = read_settings(layout);
  if (!config) return std::unexpected(config.error());
  const std::string_view role = authority::name(client.role);
  const auto profile = config->profiles.find(role);
  const bool fits = profile != config->profiles.end() &&
                    profile->second.kind == authority::ProfileKind::identity && profile->second.days;
  if (!fits) {
    return refuse(ErrorCode::bad_configuration,
                  fmt::format("profile {} must be of kind \"identity\", and valid for days", role));
  }
  const std::uint32_t most = *profile->second.days;
  if (client.days <= most) return client.days == 0 ? most : client.days;
  return refuse(ErrorCode::bad_configuration, fmt::format("profile {} allows {} days", role, most));
}

}  // namespace

Answer<void> make_client(const Layout& layout, const NewClient& client, const SecretText& passphrase,
                         der::UnixTime now) {
  if (client.name.empty() || client.name.size() > 64) {
    return refuse(ErrorCode::bad_configuration, "the client's name must have 1 to 64 characters");
  }
  const auto days = days_of(layout, client);
  if (!days) return std::unexpected(days.error());
  const auto ca = read_certificate(layout.tls_certificate("ca"));
  if (!ca) return std::unexpected(ca.error());
  const auto ca_key = open_key(layout.tls_key("ca"), passphrase);
  if (!ca_key) return std::unexpected(ca_key.error());
  const auto key = OpenSslKey::generate(crypto::KeyType::p256);
  if (!key) return refuse(key.error());
  authority::TlsFields fields;
  fields.common_name = client.name;
  fields.role = client.role;
  fields.key = key->view();
  fields.issuer = {*ca, ca_key->view()};
  fields.not_before = now;
  fields.not_after = now + static_cast<der::UnixTime>(*days) * kDay;
  const crypto::OpenSslCrypto crypto;
  const auto certificate = authority::make_tls(crypto, fields);
  if (!certificate) return refuse(certificate.error());
  auto pem = key->to_pem({});
  if (!pem) return refuse(pem.error());
  const SecretText secret(*std::move(pem));
  if (const auto written = write_private(client.key, secret.text()); !written) return written;
  return write_private(client.certificate, certificate_pem(*certificate));
}

Answer<Der> make_root_crl(const Layout& layout, std::span<const x509::RevokedEntry> entries,
                          std::uint32_t days, const SecretText& passphrase, der::UnixTime now) {
  auto root = read_certificate(layout.root_certificate());
  if (!root) return std::unexpected(root.error());
  const auto key = open_key(layout.root_key(), passphrase);
  if (!key) return std::unexpected(key.error());
  authority::IssuerConfig settings;
  settings.name = settings.parent = "root";
  auto issuer = authority::Issuer::make({}, settings, {*std::move(root)}, key->view());
  if (!issuer) return refuse(issuer.error());
  const crypto::OpenSslCrypto crypto;
  auto crl =
      issuer->make_crl(crypto, entries, {now, now + static_cast<der::UnixTime>(days) * kDay, entries.size()});
  if (!crl) return refuse(crl.error());
  return *std::move(crl);
}

}  // namespace pedigree::app
