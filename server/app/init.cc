// SPDX-License-Identifier: Apache-2.0
#include "server/app/init.h"

#include <fmt/format.h>

#include <map>

#include "authority/text.h"
#include "core/x509/path.h"
#include "crypto/openssl/keys.h"
#include "crypto/openssl/openssl_crypto.h"
#include "server/app/audit.h"
#include "server/app/database.h"
#include "server/app/grant_signer.h"
#include "server/app/signer_list.h"
#include "server/app/token.h"

namespace pedigree::app {
namespace {

using authority::refuse;
using crypto::OpenSslKey;

constexpr der::UnixTime kDay = 86400;
constexpr der::UnixTime kRootLife = 20 * 365 * kDay;
constexpr der::UnixTime kIssuerLife = 10 * 365 * kDay;
constexpr der::UnixTime kTlsLife = 2 * 365 * kDay;

/// A CA that was made: certificate and key.
struct Made {
  Der certificate;
  OpenSslKey key;
};

class Init {
 public:
  Init(const InitOptions& options, const SecretText& passphrase)
      : options_(options), passphrase_(passphrase), layout_{options.directory} {}

  Answer<void> run() {
    for (const auto step :
         {&Init::make_database, &Init::make_directories, &Init::make_root, &Init::make_issuers,
          &Init::make_tls, &Init::make_verifier_key, &Init::make_signer_of_lists,
          &Init::make_signer_of_grants, &Init::make_log, &Init::write_settings}) {
      if (const auto done = (this->*step)(); !done) return done;
    }
    return {};
  }

 private:
  /// First, because it is the one that is elsewhere.
  Answer<void> make_database() {
    if (options_.database_url.empty()) return {};
    if (const auto checked = check_database(options_.database_url); !checked) return checked;
    store::StoreOptions database;
    database.url = options_.database_url;
    std::string why;
    const auto store = store::open_store(database, crypto_, &why);
    if (!store) return refuse_database(database, store.error().code, why);
    const auto head = (*store)->log_head();
    if (!head) return refuse_database(database, head.error().code, {});
    if (head->size == 0) return {};
    return refuse(ErrorCode::bad_configuration,
                  fmt::format("{} is the registry of an authority already, with {} events",
                              describe(database), head->size));
  }

  Answer<void> make_directories() {
    for (const auto& path : {layout_.directory, layout_.issuers(), layout_.tls()}) {
      if (const auto made = make_directory(path); !made) return made;
    }
    return {};
  }

  Answer<Made> make_ca(std::string name, crypto::KeyType type, const Made* issuer,
                       std::optional<std::uint32_t> path_len, der::UnixTime life) {
    auto key = OpenSslKey::generate(type);
    if (!key) return refuse(key.error());
    return certify_ca(std::move(name), *std::move(key), issuer, path_len, life);
  }

  Answer<Made> certify_ca(std::string name, OpenSslKey key, const Made* issuer,
                          std::optional<std::uint32_t> path_len, der::UnixTime life) {
    authority::CaFields fields{std::move(name), key.view(), {}, path_len, options_.now, options_.now + life};
    if (issuer != nullptr) fields.issuer = authority::Signer{issuer->certificate, issuer->key.view()};
    auto certificate = authority::make_ca(crypto_, fields);
    if (!certificate) return refuse(certificate.error());
    return Made{*std::move(certificate), std::move(key)};
  }

  Answer<void> store(const std::filesystem::path& certificate, const std::filesystem::path& key,
                     const Made& made, const std::string& passphrase) {
    auto pem = made.key.to_pem(passphrase);
    if (!pem) return refuse(pem.error());
    const SecretText secret(*std::move(pem));
    if (const auto written = write_private(key, secret.text()); !written) return written;
    return write_private(certificate, certificate_pem(made.certificate));
  }

  /// A root of elsewhere.
  Answer<void> take_root() {
    if (!options_.issuers.empty()) {
      return refuse(
          ErrorCode::bad_configuration,
          "intermediates below a root of elsewhere are requested and imported: csr, import-certificate");
    }
    auto root = read_certificate(options_.root_certificate);
    if (!root) return std::unexpected(root.error());
    const auto parsed = x509::Certificate::parse(*root);
    if (!parsed) return refuse(parsed.error());
    const x509::TrustAnchor anchors[] = {{.certificate = *parsed, .spki_sha256 = {}, .root_spki = {}}};
    x509::PathOptions path;
    path.anchors = anchors;
    path.time = options_.now;
    path.leaf_key_usage = x509::kKeyCertSign;
    path.leaf_may_be_ca = true;
    const Bytes chain[] = {*root};
    const auto& constraints = parsed->extensions().basic_constraints;
    const bool self_signed =
        equal(parsed->issuer(), parsed->subject()) &&
        x509::verify_signature(crypto_, parsed->spki(), parsed->signed_key().object).has_value();
    if (!self_signed || !constraints || !constraints->ca ||
        !x509::validate_path(crypto_, chain, path).trusted()) {
      return refuse(ErrorCode::bad_configuration,
                    fmt::format("{} is not a root's certificate: of a CA, self-signed, valid now",
                                options_.root_certificate.string()));
    }
    root_ = *std::move(root);
    return write_private(layout_.root_certificate(), certificate_pem(root_));
  }

  Answer<void> make_root() {
    if (!options_.root_certificate.empty()) return take_root();
    auto root = make_ca(options_.root_name, options_.key_type, nullptr, std::nullopt, kRootLife);
    if (!root) return std::unexpected(root.error());
    const auto stored = store(layout_.root_certificate(), layout_.root_key(), *root, passphrase_.text());
    root_ = root->certificate;
    cas_.emplace("root", *std::move(root));
    return stored;
  }

  /// How many levels of CA stand below this one: its pathLenConstraint.
  std::uint32_t height(std::string_view name) const {
    std::uint32_t most = 0;
    for (const NewIssuer& issuer : options_.issuers) {
      if (issuer.parent == name) most = std::max(most, height(issuer.name) + 1);
    }
    return most;
  }

  /// In the token its label is the intermediate's name.
  Answer<OpenSslKey> make_issuer_key(const std::string& name) {
    if (!options_.token.empty()) return make_token_key(token_uri(name), options_.key_type);
    auto key = OpenSslKey::generate(options_.key_type);
    if (!key) return refuse(key.error());
    return *std::move(key);
  }

  [[nodiscard]] std::string token_uri(std::string_view name) const {
    const auto uri = pkcs11::Uri::parse(options_.token);
    return uri ? uri->with_object(name) : options_.token;
  }

  Answer<void> make_issuers() {
    for (const NewIssuer& issuer : options_.issuers) {
      const auto parent = cas_.find(issuer.parent);
      if (!authority::is_name(issuer.name) || cas_.contains(issuer.name)) {
        return refuse(ErrorCode::bad_configuration,
                      fmt::format("\"{}\" is no name for an issuer, or is there twice", issuer.name));
      }
      if (parent == cas_.end()) {
        return refuse(
            ErrorCode::bad_configuration,
            fmt::format("issuer {}: its parent {} does not stand before it", issuer.name, issuer.parent));
      }
      auto key = make_issuer_key(issuer.name);
      if (!key) return std::unexpected(key.error());
      auto made =
          certify_ca(issuer.common_name, *std::move(key), &parent->second, height(issuer.name), kIssuerLife);
      if (!made) return std::unexpected(made.error());
      const auto certificate = layout_.issuer_certificate(issuer.name);
      const auto stored = options_.token.empty()
                              ? store(certificate, layout_.issuer_key(issuer.name), *made, passphrase_.text())
                              : write_private(certificate, certificate_pem(made->certificate));
      if (!stored) return stored;
      cas_.emplace(issuer.name, *std::move(made));
    }
    return {};
  }

  Answer<void> make_tls() {
    const auto ca = make_ca("Pedigree system CA", crypto::KeyType::p256, nullptr, 0, kRootLife);
    if (!ca) return std::unexpected(ca.error());
    if (const auto stored =
            store(layout_.tls_certificate("ca"), layout_.tls_key("ca"), *ca, passphrase_.text());
        !stored) {
      return stored;
    }
    using enum authority::TlsRole;
    for (const auto role : {server, station, operator_, relying_party}) {
      if (const auto made = make_identity(*ca, role); !made) return made;
    }
    return {};
  }

  /// Signs appraisals for others; ES256, so P-256.
  Answer<void> make_verifier_key() {
    const auto key = OpenSslKey::generate(crypto::KeyType::p256);
    if (!key) return refuse(key.error());
    auto pem = key->to_pem({});
    if (!pem) return refuse(pem.error());
    const SecretText secret(*std::move(pem));
    return write_private(layout_.verifier_key(), secret.text());
  }

  /// Signs lists of revoked firmware signers; made while the root's key is at hand.
  Answer<void> make_signer_of_lists() {
    if (!cas_.contains("root")) return {};
    const Made& root = cas_.at("root");
    return make_list_signer(layout_, {root.certificate, root.key.view()}, passphrase_, options_.now);
  }

  /// Signs grants; made while the root's key is at hand.
  Answer<void> make_signer_of_grants() {
    if (!cas_.contains("root")) return {};
    const Made& root = cas_.at("root");
    return make_grant_signer(layout_, {root.certificate, root.key.view()}, passphrase_, options_.now,
                             kGrantSignerDays);
  }

  /// The audit log's key; its name says whose log it is.
  Answer<void> make_log() {
    const auto root = x509::Certificate::parse(root_);
    const auto hash = crypto_.sha256(root ? root->spki().whole : Bytes());
    if (!root || !hash) return refuse(ErrorCode::crypto_failure, "the root cannot be hashed");
    return make_log_key(layout_, *hash, passphrase_);
  }

  Answer<void> make_identity(const Made& ca, authority::TlsRole role) {
    auto key = OpenSslKey::generate(crypto::KeyType::p256);
    if (!key) return refuse(key.error());
    const std::string name(authority::name(role));
    authority::TlsFields fields;
    fields.common_name = role == authority::TlsRole::server ? "Pedigree authority" : name + " 1";
    fields.role = role;
    if (role == authority::TlsRole::server) {
      fields.hosts = {"localhost", "127.0.0.1", "::1"};
      fields.hosts.insert(fields.hosts.end(), options_.hosts.begin(), options_.hosts.end());
    }
    fields.key = key->view();
    fields.issuer = {ca.certificate, ca.key.view()};
    fields.not_before = options_.now;
    fields.not_after = options_.now + kTlsLife;
    auto certificate = authority::make_tls(crypto_, fields);
    if (!certificate) return refuse(certificate.error());
    const Made made{*std::move(certificate), *std::move(key)};
    return store(layout_.tls_certificate(name), layout_.tls_key(name), made, {});
  }

  Answer<void> write_settings() {
    authority::Config config = authority::default_config();
    config.listed_only = options_.listed_only;
    config.crl_url = options_.crl_url;
    config.database.url = options_.database_url;
    for (const NewIssuer& issuer : options_.issuers) {
      authority::IssuerConfig settings;
      settings.name = issuer.name;
      settings.parent = issuer.parent;
      if (!options_.token.empty()) settings.key = token_uri(issuer.name);
      for (const auto& [profile, settled] : config.profiles) {
        if (authority::is_issued_by_default(settled)) settings.profiles.push_back(profile);
      }
      config.issuers.push_back(std::move(settings));
    }
    const std::string text = authority::write_config(config);
    if (const auto read = authority::read_config(text); !read) return std::unexpected(read.error());
    SecretArray<32> secret;
    if (const auto filled = crypto_.random(secret.span()); !filled) return refuse(filled.error());
    if (const auto written = write_private(layout_.nonce_key(), as_text(secret.span())); !written)
      return written;
    if (const auto written = write_private(layout_.policy(), authority::write_policy(config.policy));
        !written)
      return written;
    return write_private(layout_.config(), text);
  }

  const InitOptions& options_;
  const SecretText& passphrase_;
  Layout layout_;
  crypto::OpenSslCrypto crypto_;
  Der root_;
  std::map<std::string, Made, std::less<>> cas_;
};

}  // namespace

Answer<NewIssuer> parse_new_issuer(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::size_t at = text.rfind('@');
  NewIssuer issuer;
  issuer.name = text.substr(0, std::min(equals, text.size()));
  if (equals != std::string_view::npos) {
    const bool parented = at != std::string_view::npos && at > equals;
    issuer.common_name = text.substr(equals + 1, parented ? at - equals - 1 : std::string_view::npos);
    if (parented) issuer.parent = text.substr(at + 1);
  }
  if (!authority::is_name(issuer.name) || issuer.common_name.empty() || issuer.common_name.size() > 64) {
    return refuse(ErrorCode::bad_configuration,
                  fmt::format("\"{}\" is not name=Common Name or name=Common Name@parent", text));
  }
  return issuer;
}

Answer<void> init_directory(const InitOptions& options, const SecretText& passphrase) {
  if (passphrase.text().empty()) {
    return refuse(ErrorCode::bad_configuration, "an empty passphrase would leave the CA keys unprotected");
  }
  if (options.root_name.empty() || options.root_name.size() > 64) {
    return refuse(ErrorCode::bad_configuration, "the root's name must have 1 to 64 characters");
  }
  std::error_code ignored;
  if (std::filesystem::exists(options.directory, ignored) &&
      !std::filesystem::is_empty(options.directory, ignored)) {
    return refuse(ErrorCode::io_failure,
                  fmt::format("{} exists and is not empty", options.directory.string()));
  }
  const auto done = Init(options, passphrase).run();
  if (!done) std::filesystem::remove_all(options.directory, ignored);
  return done;
}

}  // namespace pedigree::app
