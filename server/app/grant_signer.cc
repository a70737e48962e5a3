// SPDX-License-Identifier: Apache-2.0
#include "server/app/grant_signer.h"

#include <fmt/format.h>

#include "authority/firmware_certificate.h"
#include "authority/text.h"
#include "crypto/openssl/openssl_crypto.h"
#include "registry/device.h"
#include "server/app/intermediates.h"

namespace pedigree::app {
namespace {

using authority::refuse;
using crypto::OpenSslKey;

constexpr std::string_view kName = "Pedigree grants";
constexpr std::string_view kInstalled = "grant_signer_installed";

Answer<Der> certificate_for(Bytes spki, const authority::Signer& root, der::UnixTime now,
                            std::uint32_t days) {
  authority::CertifyFields fields;
  fields.common_name = kName;
  fields.spki = spki;
  fields.issuer = root;
  fields.not_before = now;
  fields.not_after = now + der::UnixTime{days} * 86400;
  return authority::certify_grant_signer(crypto::OpenSslCrypto(), fields);
}

/// Notes what holds this key: a certificate until a time, or a request.
Answer<void> tell(const NoteGrantSigner& note, std::string_view what, Bytes document, Bytes spki,
                  std::optional<der::UnixTime> until) {
  if (!note) return {};
  const crypto::OpenSslCrypto crypto;
  const auto digest = crypto.sha256(document);
  const auto key = crypto.sha256(spki);
  if (!digest || !key) return refuse(Error{ErrorCode::crypto_failure, 0});
  std::string why = "key " + registry::hex(*key);
  if (until) why += " until " + authority::iso_time(*until);
  return note({std::string(what), std::move(why), *digest});
}

Answer<void> tell(const NoteGrantSigner& note, std::string_view what, Bytes certificate) {
  const auto parsed = x509::Certificate::parse(certificate);
  if (!parsed) return refuse(parsed.error());
  return tell(note, what, certificate, parsed->spki().whole, parsed->not_after());
}

/// Whether it is the one that signs.
bool is_installed(const Layout& layout, Bytes certificate) {
  std::error_code ignored;
  if (!std::filesystem::exists(layout.grant_certificate(), ignored)) return false;
  const auto known = read_certificate(layout.grant_certificate());
  return known && equal(*known, certificate);
}

/// Devices that have seen the newer one refuse an older one.
Answer<void> check_newer(const Layout& layout, const x509::Certificate& certificate) {
  std::error_code ignored;
  if (!std::filesystem::exists(layout.grant_certificate(), ignored)) return {};
  const auto file = read_certificate(layout.grant_certificate());
  if (!file) return std::unexpected(file.error());
  const auto known = x509::Certificate::parse(*file);
  if (!known || known->not_before() <= certificate.not_before()) return {};
  return refuse(ErrorCode::grant_signer_refused,
                fmt::format("it is older than {}, and devices that have seen that one refuse it; have the "
                            "request signed again",
                            layout.grant_certificate().string()));
}

}  // namespace

Answer<void> make_grant_signer(const Layout& layout, const authority::Signer& root,
                               const SecretText& passphrase, der::UnixTime now, std::uint32_t days,
                               const NoteGrantSigner& note) {
  const auto key = OpenSslKey::generate(crypto::KeyType::p256);
  if (!key) return refuse(key.error());
  const auto spki = authority::public_key_info(crypto::OpenSslCrypto(), key->view());
  if (!spki) return refuse(spki.error());
  const auto certificate = certificate_for(*spki, root, now, days);
  if (!certificate) return std::unexpected(certificate.error());
  auto pem = key->to_pem(passphrase.text());
  if (!pem) return refuse(pem.error());
  const SecretText secret(*std::move(pem));
  if (auto noted = tell(note, kInstalled, *certificate); !noted) return noted;
  if (auto written = replace_private(layout.grant_key(), secret.text()); !written) return written;
  return replace_private(layout.grant_certificate(), certificate_pem(*certificate));
}

Answer<Der> request_grant_signer(const Layout& layout, const SecretText& passphrase,
                                 const NoteGrantSigner& note) {
  // A directory that is no authority's gets no key.
  if (const auto root = read_certificate(layout.root_certificate()); !root) {
    return std::unexpected(root.error());
  }
  const auto key = keep_key(layout.next_grant_key(), crypto::KeyType::p256, passphrase);
  if (!key) return std::unexpected(key.error());
  auto request = write_request(crypto::OpenSslCrypto(), *key, kName);
  if (!request) return refuse(request.error());
  const auto spki = authority::public_key_info(crypto::OpenSslCrypto(), key->view());
  if (!spki) return refuse(spki.error());
  if (const auto noted = tell(note, "grant_signer_requested", *request, *spki, {}); !noted) {
    return std::unexpected(noted.error());
  }
  return *std::move(request);
}

Answer<Der> sign_grant_signer(Bytes request, const authority::Signer& root, der::UnixTime now,
                              std::uint32_t days, const NoteGrantSigner& note) {
  const auto spki = authority::requested_key(crypto::OpenSslCrypto(), request);
  if (!spki) return std::unexpected(spki.error());
  auto certificate = certificate_for(*spki, root, now, days);
  if (!certificate) return certificate;
  if (const auto noted = tell(note, "grant_signer_signed", *certificate); !noted) {
    return std::unexpected(noted.error());
  }
  return certificate;
}

Answer<void> import_grant_signer(const Layout& layout, Bytes certificate, const SecretText& passphrase,
                                 der::UnixTime now, const NoteGrantSigner& note) {
  const crypto::OpenSslCrypto crypto;
  const auto root = read_certificate(layout.root_certificate());
  if (!root) return std::unexpected(root.error());
  const auto parsed = x509::Certificate::parse(certificate);
  if (!parsed) return refuse(parsed.error());
  std::error_code error;
  const bool waits = std::filesystem::exists(layout.next_grant_key(), error);
  const auto key = open_key(waits ? layout.next_grant_key() : layout.grant_key(), passphrase);
  if (!key) return std::unexpected(key.error());
  if (!authority::check_key_of(crypto, key->view(), *parsed)) {
    return refuse(ErrorCode::key_mismatch, "the certificate is not for the key that was requested last");
  }
  if (auto newer = check_newer(layout, *parsed); !newer) return newer;
  // As good as its grants are.
  const authority::GrantSigner signer(crypto, {certificate.begin(), certificate.end()}, *root, key->view());
  const authority::GrantOrder trial{.operation = grant::Operation::decommission};
  if (const auto good = signer.sign(trial, now); !good) return std::unexpected(good.error());
  if (!is_installed(layout, certificate)) {
    if (auto noted = tell(note, kInstalled, certificate); !noted) return noted;
  }
  if (auto written = replace_private(layout.grant_certificate(), certificate_pem(certificate)); !written) {
    return written;
  }
  if (!waits) return {};
  // Interrupted here, it goes on when it is asked again.
  std::filesystem::rename(layout.next_grant_key(), layout.grant_key(), error);
  if (!error) return {};
  return refuse(ErrorCode::io_failure,
                fmt::format("{}: {}", layout.next_grant_key().string(), error.message()));
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
