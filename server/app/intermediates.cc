// SPDX-License-Identifier: Apache-2.0
#include "server/app/intermediates.h"

#include <fmt/format.h>

#include "authority/firmware_certificate.h"
#include "authority/intermediate.h"
#include "authority/text.h"
#include "core/csr/csr.h"
#include "core/x509/oids.h"
#include "core/x509/path.h"
#include "crypto/openssl/openssl_crypto.h"
#include "crypto/pkcs11/uri.h"
#include "server/app/directory.h"
#include "server/app/token.h"

namespace pedigree::app {
namespace {

using authority::refuse;
using crypto::OpenSslKey;

/// Where the key of a new intermediate is: made, or there already.
Answer<OpenSslKey> new_key(const Layout& layout, const IssuerRequest& wish, const SecretText& passphrase) {
  if (wish.token.empty()) return keep_key(layout.issuer_key(wish.name), wish.key_type, passphrase);
  const auto uri = pkcs11::Uri::parse(wish.token);
  if (!uri) return open_token_key(wish.token);  // which says what is wrong
  const std::string named = uri->with_object(wish.name);
  auto made = make_token_key(named, wish.key_type);
  if (!made && made.error().code == ErrorCode::duplicate_key) return open_token_key(named);
  return made;
}

/// A CA below which any device may be certified.
authority::Profile device_ca(const SignedIntermediate& wish) {
  using enum crypto::KeyType;
  authority::Profile profile = authority::blank_profile("intermediate");
  profile.kind = authority::ProfileKind::intermediate;
  profile.keys = {p256, p384, ed25519, rsa3072, rsa4096};
  profile.key_usage = x509::kKeyCertSign | x509::kCrlSign;
  profile.key_purposes.clear();
  profile.days = wish.days;
  profile.path_len = wish.path_len;
  return profile;
}

/// The parent's chain, nearest first, without the root.
Answer<std::vector<Der>> chain_above(const Layout& layout, const authority::Config& config,
                                     std::string_view parent) {
  std::vector<Der> chain;
  while (parent != "root") {
    const authority::IssuerConfig* issuer = authority::find_issuer(config, parent);
    if (issuer == nullptr) {
      return refuse(ErrorCode::bad_configuration,
                    fmt::format("there is no intermediate {} to be its parent", parent));
    }
    auto certificate = read_certificate(layout.issuer_certificate(parent));
    if (!certificate) return std::unexpected(certificate.error());
    chain.push_back(*std::move(certificate));
    parent = issuer->parent;
  }
  return chain;
}

/// The chain's verdict as this authority's devices and verifiers would have it.
Answer<void> check_chain(const Layout& layout, const std::vector<Der>& chain, der::UnixTime now) {
  const auto root = read_certificate(layout.root_certificate());
  if (!root) return std::unexpected(root.error());
  const auto anchor = x509::Certificate::parse(*root);
  if (!anchor) return refuse(anchor.error());
  const x509::TrustAnchor anchors[] = {{.certificate = *anchor, .spki_sha256 = {}, .root_spki = {}}};
  x509::PathOptions options;
  options.anchors = anchors;
  options.time = now;
  options.leaf_key_usage = x509::kKeyCertSign | x509::kCrlSign;
  options.leaf_may_be_ca = true;
  const std::vector<Bytes> views(chain.begin(), chain.end());
  const crypto::OpenSslCrypto crypto;
  const auto verdict = x509::validate_path(crypto, views, options);
  if (verdict.trusted()) {
    const auto certificate = x509::Certificate::parse(chain.front());
    const bool ca = certificate && certificate->extensions().basic_constraints &&
                    certificate->extensions().basic_constraints->ca;
    if (ca) return {};
    return refuse(ErrorCode::not_a_ca, "the certificate is no CA's");
  }
  std::array<std::uint8_t, 1024> text{};
  Writer out(text);
  x509::print_verdict(verdict, views, out);
  return refuse(*verdict.code, std::string(as_text(out.written())));
}

Answer<void> check_key(const Layout& layout, const ImportedIssuer& wish, const Der& certificate,
                       const SecretText& passphrase) {
  const auto key =
      wish.key.empty() ? open_key(layout.issuer_key(wish.name), passphrase) : open_token_key(wish.key);
  if (!key) return std::unexpected(key.error());
  const auto parsed = x509::Certificate::parse(certificate);
  if (parsed && authority::check_key_of(crypto::OpenSslCrypto(), key->view(), *parsed)) return {};
  return refuse(ErrorCode::key_mismatch, fmt::format("the certificate is not for the key of {}", wish.name));
}

authority::IssuerConfig settings_of(const authority::Config& config, const ImportedIssuer& wish) {
  authority::IssuerConfig settings{wish.name, wish.parent, wish.state, wish.profiles, wish.key};
  if (!settings.profiles.empty()) return settings;
  for (const auto& [name, profile] : config.profiles) {
    if (authority::is_issued_by_default(profile)) settings.profiles.push_back(name);
  }
  return settings;
}

}  // namespace

Answer<OpenSslKey> keep_key(const std::filesystem::path& path, crypto::KeyType type,
                            const SecretText& passphrase) {
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored)) return open_key(path, passphrase);
  if (passphrase.text().empty()) {
    return refuse(ErrorCode::bad_configuration, "an empty passphrase would leave the CA key unprotected");
  }
  auto key = OpenSslKey::generate(type);
  if (!key) return refuse(key.error());
  auto pem = key->to_pem(passphrase.text());
  if (!pem) return refuse(pem.error());
  const SecretText secret(*std::move(pem));
  if (const auto written = write_private(path, secret.text()); !written) {
    return std::unexpected(written.error());
  }
  return *std::move(key);
}

Result<Der> write_request(const crypto::Crypto& crypto, const OpenSslKey& key, std::string_view common_name) {
  PEDIGREE_ASSIGN(const Der spki, authority::public_key_info(crypto, key.view()));
  std::array<std::uint8_t, 256> subject{};
  Writer subject_out(subject);
  der::Builder subject_der(subject_out);
  const x509::NamePart parts[] = {{x509::oid::kCommonName, common_name}};
  x509::write_name(parts, subject_der);
  Der buffer(4096);
  PEDIGREE_ASSIGN(const Bytes written,
                  csr::write_request(crypto, {subject_out.written(), spki, {}}, key.view(),
                                     crypto::default_algorithm(key.type()), buffer));
  return Der(written.begin(), written.end());
}

Answer<Der> request_issuer(const Layout& layout, const IssuerRequest& wish, const SecretText& passphrase) {
  const auto config = read_settings(layout);
  if (!config) return std::unexpected(config.error());
  if (!authority::is_name(wish.name) || wish.name == "root" ||
      authority::find_issuer(*config, wish.name) != nullptr) {
    return refuse(ErrorCode::bad_configuration,
                  fmt::format("\"{}\" is no name for an intermediate, or is taken", wish.name));
  }
  if (wish.common_name.empty() || wish.common_name.size() > 64) {
    return refuse(ErrorCode::bad_configuration, "the common name must have 1 to 64 characters");
  }
  const auto key = new_key(layout, wish, passphrase);
  if (!key) return std::unexpected(key.error());
  auto request = write_request(crypto::OpenSslCrypto(), *key, wish.common_name);
  if (!request) return refuse(request.error());
  return *std::move(request);
}

Answer<Der> sign_intermediate(const SignedIntermediate& wish) {
  const crypto::OpenSslCrypto crypto;
  const auto spki = authority::requested_key(crypto, wish.request);
  if (!spki) return std::unexpected(spki.error());
  const authority::Profile profile = wish.profile == nullptr ? device_ca(wish) : *wish.profile;
  const auto issuer = x509::Certificate::parse(wish.issuer);
  if (!issuer) return refuse(issuer.error());
  const auto& limit = issuer->extensions().basic_constraints;
  // RFC 5280 would ignore what cannot be used; here it is a mistake of whoever signs.
  if (limit && limit->path_len && profile.path_len.value_or(*limit->path_len) >= *limit->path_len) {
    return refuse(ErrorCode::path_too_long,
                  fmt::format("the issuer's pathLen is {}, so what is below it has less", *limit->path_len));
  }
  authority::CertifyFields fields;
  fields.common_name = wish.common_name;
  fields.spki = *spki;
  fields.issuer = {wish.issuer, wish.key};
  fields.not_before = wish.now;
  fields.not_after = wish.now + static_cast<der::UnixTime>(wish.days) * 86400;
  return authority::make_intermediate(crypto, profile, fields);
}

Answer<void> import_issuer(const Layout& layout, const ImportedIssuer& wish, Bytes certificate,
                           const SecretText& passphrase) {
  const auto config = read_settings(layout);
  if (!config) return std::unexpected(config.error());
  if (!authority::is_name(wish.name) || wish.name == "root") {
    return refuse(ErrorCode::bad_configuration,
                  fmt::format("\"{}\" is no name for an intermediate", wish.name));
  }
  auto chain = chain_above(layout, *config, wish.parent);
  if (!chain) return std::unexpected(chain.error());
  chain->insert(chain->begin(), Der(certificate.begin(), certificate.end()));
  if (const auto sound = check_chain(layout, *chain, wish.now); !sound) return sound;
  if (const auto ours = check_key(layout, wish, chain->front(), passphrase); !ours) return ours;
  const bool configured = authority::find_issuer(*config, wish.name) != nullptr;
  auto text = read_text(layout.config());
  if (!text) return std::unexpected(text.error());
  if (!configured) *text += authority::write_issuer(settings_of(*config, wish));
  // Nothing is written before all of it is known to be good.
  if (const auto read = authority::read_config(*text); !read) return std::unexpected(read.error());
  const auto path = layout.issuer_certificate(wish.name);
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored)) {
    const auto known = read_certificate(path);
    if (!known) return std::unexpected(known.error());
    if (!equal(*known, certificate)) {
      return refuse(ErrorCode::bad_configuration,
                    fmt::format("{} is another certificate already", path.string()));
    }
  } else if (const auto written = write_private(path, certificate_pem(certificate)); !written) {
    return written;
  }
  return configured ? Answer<void>() : replace_private(layout.config(), *text);
}

}  // namespace pedigree::app
