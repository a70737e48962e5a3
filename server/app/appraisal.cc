// SPDX-License-Identifier: Apache-2.0
#include "server/app/appraisal.h"

#include <fmt/format.h>

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
    auto read = verifier::parse_policy(*text, directory.layout().directory);
    if (!read) return refuse(read.error().code, fmt::format("{}: {}", path.string(), read.error().what));
    policy = *std::move(read);
  }
  const Der& root = directory.engine().root();
  if (std::ranges::find(policy.roots, root) == policy.roots.end()) policy.roots.push_back(root);
  return policy;
}

Appraisal::Appraisal(const Directory& directory, verifier::Policy policy,
                     std::unique_ptr<store::RegistryStatus> registry,
                     std::unique_ptr<authority::AppraisalNonces> nonces)
    : registry_(std::move(registry)),
      nonces_(std::move(nonces)),
      verifier_(directory.crypto(), std::move(policy), {registry_.get()}),
      evidence_(directory.crypto(), directory.engine().config(), directory.engine().root(),
                {registry_.get()}),
      appraiser_(verifier_, evidence_, *nonces_, directory.engine().config().verify.issued_nonces_only) {}

Answer<std::unique_ptr<Appraisal>> Appraisal::open(const Directory& directory,
                                                   const store::StoreOptions& store) {
  auto policy = read_verifier_policy(directory);
  if (!policy) return std::unexpected(policy.error());
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
  return std::unique_ptr<Appraisal>(
      new Appraisal(directory, *std::move(policy), *std::move(registry), *std::move(nonces)));
}

}  // namespace pedigree::app
