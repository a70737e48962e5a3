// SPDX-License-Identifier: Apache-2.0
#include "server/app/directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <list>
#include <map>

#include "crypto/openssl/token_key.h"
#include "server/app/measured_crypto.h"
#include "server/app/token.h"

namespace pedigree::app {

using authority::refuse;

namespace {

std::unexpected<authority::Refusal> refuse_file(const std::filesystem::path& path,
                                                const authority::Refusal& refusal) {
  return refuse(refusal.code, fmt::format("{}: {}", path.string(), refusal.detail));
}

}  // namespace

Answer<authority::Config> read_settings(const Layout& layout) {
  const auto text = read_text(layout.config());
  if (!text) return std::unexpected(text.error());
  auto config = authority::read_config(*text);
  if (!config) return refuse_file(layout.config(), config.error());
  // A policy that is gone must not open what it closed.
  std::error_code ignored;
  if (!std::filesystem::exists(layout.policy(), ignored)) {
    return refuse(ErrorCode::bad_configuration,
                  fmt::format("{} is missing; `pedigree authority policy --init` writes one that lets every "
                              "station enrol every device",
                              layout.policy().string()));
  }
  const auto rules = read_text(layout.policy());
  if (!rules) return std::unexpected(rules.error());
  auto policy = authority::read_policy(*rules, *config);
  if (!policy) return refuse_file(layout.policy(), policy.error());
  config->policy = *std::move(policy);
  return config;
}

struct Directory::State {
  explicit State(std::shared_ptr<observe::AuthorityMetrics> metrics) : crypto(std::move(metrics)) {}

  Layout layout;
  MeasuredCrypto crypto;
  std::list<crypto::OpenSslKey> keys;  // a list: the issuers' views point at its elements
  std::map<std::string, pkcs11::TokenKey*, std::less<>> token_keys;  // by intermediate; of `keys`
  std::optional<authority::Engine> engine;

  Answer<void> open(const SecretText* passphrase);
  Answer<authority::Issuer> open_issuer(const authority::Config& config,
                                        const authority::IssuerConfig& issuer,
                                        const std::vector<authority::Issuer>& parents,
                                        const SecretText* passphrase);
  Answer<crypto::PrivateKey> open_key(const authority::IssuerConfig& issuer, const Der& certificate,
                                      const SecretText& passphrase);
};

Answer<crypto::PrivateKey> Directory::State::open_key(const authority::IssuerConfig& issuer,
                                                      const Der& certificate, const SecretText& passphrase) {
  const std::string where = issuer.key.empty() ? layout.issuer_key(issuer.name).string() : issuer.key;
  const auto other_key = [&] {
    return refuse(ErrorCode::key_mismatch,
                  fmt::format("{} is not the key of {}'s certificate", where, issuer.name));
  };
  const auto parsed = x509::Certificate::parse(certificate);
  if (!parsed || !parsed->spki().key) return other_key();
  auto key =
      issuer.key.empty() ? app::open_key(where, passphrase) : expect_token_key(where, *parsed->spki().key);
  if (!key && key.error().code == ErrorCode::key_mismatch) return other_key();
  if (!key) return std::unexpected(key.error());
  if (!authority::check_key_of(crypto, key->view(), *parsed)) return other_key();
  keys.push_back(*std::move(key));
  if (!issuer.key.empty()) token_keys.emplace(issuer.name, crypto::token_of(keys.back()));
  return keys.back().view();
}

Answer<authority::Issuer> Directory::State::open_issuer(const authority::Config& config,
                                                        const authority::IssuerConfig& issuer,
                                                        const std::vector<authority::Issuer>& parents,
                                                        const SecretText* passphrase) {
  auto certificate = read_certificate(layout.issuer_certificate(issuer.name));
  if (!certificate) return std::unexpected(certificate.error());
  std::vector<Der> chain{*std::move(certificate)};
  for (const authority::Issuer& parent : parents) {
    if (parent.config().name != issuer.parent) continue;
    chain.insert(chain.end(), parent.chain().begin(), parent.chain().end());
  }
  std::optional<crypto::PrivateKey> key;
  if (passphrase != nullptr) {
    const auto opened = open_key(issuer, chain.front(), *passphrase);
    if (!opened) return std::unexpected(opened.error());
    key = *opened;
  }
  auto made = authority::Issuer::make(config, issuer, std::move(chain), key);
  if (!made)
    return refuse(made.error().code, fmt::format("issuer {}: {}", issuer.name, sentence(made.error().code)));
  return *std::move(made);
}

Answer<void> Directory::State::open(const SecretText* passphrase) {
  for (const auto& folder : {layout.directory, layout.issuers(), layout.tls()}) {
    if (const auto checked = check_ours(folder); !checked) return checked;
  }
  auto config = read_settings(layout);
  if (!config) return std::unexpected(config.error());
  auto root = read_certificate(layout.root_certificate());
  if (!root) return std::unexpected(root.error());
  const auto secret = read_private(layout.nonce_key());
  if (!secret) return std::unexpected(secret.error());
  if (secret->text().size() != authority::NonceSecret().span().size()) {
    return refuse(ErrorCode::bad_configuration,
                  fmt::format("{} must hold 32 octets", layout.nonce_key().string()));
  }
  std::vector<authority::Issuer> issuers;
  for (const authority::IssuerConfig& issuer : config->issuers) {
    auto opened = open_issuer(*config, issuer, issuers, passphrase);
    if (!opened) return std::unexpected(opened.error());
    issuers.push_back(*std::move(opened));
  }
  engine.emplace(crypto, *std::move(config), *std::move(root), std::move(issuers), as_bytes(secret->text()));
  return {};
}

Directory::Directory(std::unique_ptr<State> state) : state_(std::move(state)) {}
Directory::~Directory() = default;

Answer<std::unique_ptr<Directory>> Directory::open(const std::filesystem::path& path,
                                                   const SecretText* passphrase,
                                                   std::shared_ptr<observe::AuthorityMetrics> metrics) {
  auto state = std::make_unique<State>(std::move(metrics));
  state->layout = {path};
  if (const auto opened = state->open(passphrase); !opened) return std::unexpected(opened.error());
  return std::unique_ptr<Directory>(new Directory(std::move(state)));
}

const Layout& Directory::layout() const noexcept {
  return state_->layout;
}

void Directory::take_crl_partitions_from(authority::CrlPartitions* partitions) noexcept {
  state_->engine->take_crl_partitions_from(partitions);
}

const authority::Engine& Directory::engine() const noexcept {
  return *state_->engine;
}

bool Directory::has_token_keys() const noexcept {
  return std::ranges::any_of(state_->engine->issuers(),
                             [](const authority::Issuer& issuer) { return !issuer.config().key.empty(); });
}

std::optional<TokenTrouble> Directory::token_trouble(const authority::Issuer& issuer, bool look) const {
  const auto found = state_->token_keys.find(issuer.config().name);
  if (found == state_->token_keys.end() || found->second == nullptr) return std::nullopt;
  const auto trouble = look ? found->second->look() : found->second->trouble();
  if (!trouble) return std::nullopt;
  return TokenTrouble{token_name(issuer.config().key), issuer.config().name, pkcs11::sentence(*trouble)};
}

std::vector<TokenTrouble> Directory::token_troubles(bool look) const {
  std::vector<TokenTrouble> troubles;
  for (const authority::Issuer& issuer : state_->engine->issuers()) {
    if (auto trouble = token_trouble(issuer, look)) troubles.push_back(*std::move(trouble));
  }
  return troubles;
}

const crypto::Crypto& Directory::crypto() const noexcept {
  return state_->crypto;
}

http::ConnectionLimits Directory::connection_limits() const {
  const authority::LimitsConfig& limits = state_->engine->config().limits;
  return {.all = limits.connections, .per_address = limits.connections_per_address};
}

Answer<http::ServerOptions> Directory::server_options() const {
  const Layout& layout = state_->layout;
  auto ca = read_text(layout.tls_certificate("ca"));
  if (!ca) return std::unexpected(ca.error());
  auto certificate = read_text(layout.tls_certificate("server"));
  if (!certificate) return std::unexpected(certificate.error());
  const auto key = read_private(layout.tls_key("server"));
  if (!key) return std::unexpected(key.error());
  http::ServerOptions options;
  options.ca_pem = *std::move(ca);
  options.certificate_pem = *std::move(certificate);
  options.key_pem = key->text();
  options.connections = connection_limits();
  const authority::ProtocolsConfig& protocols = state_->engine->config().protocols;
  // Devices are clients only where a protocol takes their own certificates.
  if (!protocols.est && protocols.liteboot_listen.empty()) return options;
  options.device_root_pem = certificate_pem(state_->engine->root());
  for (const authority::Issuer& issuer : state_->engine->issuers()) {
    options.device_issuers_pem.push_back(certificate_pem(issuer.chain().front()));
  }
  return options;
}

}  // namespace pedigree::app
