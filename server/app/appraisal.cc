// SPDX-License-Identifier: Apache-2.0
#include "server/app/appraisal.h"

#include <fmt/format.h>

#include <ctime>

namespace pedigree::app {

using authority::refuse;

Answer<verifier::Policy> read_verifier_policy(const Directory& directory) {
  const auto path = directory.layout().verifier_policy();
  verifier::Policy policy;
  policy.name = "default";
  policy.unknown_revocation = verifier::Level::reject;  // the registry speaks for all that this root issued
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored)) {
    const auto text = read_text(path);
    if (!text) return std::unexpected(text.error());
    auto read = verifier::parse_policy(*text, directory.layout().directory,
                                       {.crypto = &directory.crypto(), .now = std::time(nullptr)});
    if (!read) return refuse(read.error().code, fmt::format("{}: {}", path.string(), read.error().what));
    policy = *std::move(read);
  }
  const Der& root = directory.engine().root();
  if (std::ranges::find(policy.roots, root) == policy.roots.end()) policy.roots.push_back(root);
  return policy;
}

namespace {

/// Empty: there is no such file.
Answer<std::optional<crypto::OpenSslKey>> open_key(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return std::nullopt;
  const auto pem = read_private(path);
  if (!pem) return std::unexpected(pem.error());
  auto key = crypto::OpenSslKey::from_pem(pem->text(), {});
  if (!key || key->type() != crypto::KeyType::p256) {
    return refuse(ErrorCode::bad_configuration, fmt::format("{} holds no P-256 key", path.string()));
  }
  return *std::move(key);
}

std::optional<http::EarSigner> signer_of(const crypto::Crypto& crypto,
                                         const std::optional<crypto::OpenSslKey>& key) {
  if (!key) return std::nullopt;
  auto spki = authority::public_key_info(crypto, key->view());
  if (!spki) return std::nullopt;
  return http::EarSigner{crypto, key->view(), *std::move(spki)};
}

}  // namespace

struct Appraisal::Parts {
  verifier::Policy policy;
  std::unique_ptr<store::RegistryStatus> registry;
  std::unique_ptr<authority::AppraisalNonces> nonces;
  std::optional<crypto::OpenSslKey> key;
};

Appraisal::Appraisal(const Directory& directory, Parts parts)
    : key_(std::move(parts.key)),
      registry_(std::move(parts.registry)),
      nonces_(std::move(parts.nonces)),
      verifier_(directory.crypto(), std::move(parts.policy), {registry_.get()}),
      evidence_(directory.crypto(), directory.engine().config(), directory.engine().root(),
                {registry_.get()}),
      appraiser_(verifier_, evidence_, *nonces_, directory.engine().config().verify.issued_nonces_only,
                 signer_of(directory.crypto(), key_)) {}

Answer<std::unique_ptr<Appraisal>> Appraisal::open(const Directory& directory,
                                                   const store::StoreOptions& store) {
  auto policy = read_verifier_policy(directory);
  if (!policy) return std::unexpected(policy.error());
  auto key = open_key(directory.layout().verifier_key());
  if (!key) return std::unexpected(key.error());
  std::vector<store::StatusIssuer> issuers;
  for (const authority::Issuer& issuer : directory.engine().issuers()) {
    issuers.push_back({issuer.config().name, issuer.chain().front()});
  }
  auto registry = store::RegistryStatus::open(store, issuers);
  if (!registry) return refuse(registry.error());
  const auto secret = read_private(directory.layout().nonce_key());
  if (!secret) return std::unexpected(secret.error());
  auto nonces = authority::AppraisalNonces::make(directory.crypto(), as_bytes(secret->text()),
                                                 directory.engine().config().verify.nonce_seconds);
  if (!nonces) return refuse(nonces.error());
  return std::unique_ptr<Appraisal>(new Appraisal(
      directory, {*std::move(policy), *std::move(registry), *std::move(nonces), *std::move(key)}));
}

}  // namespace pedigree::app
