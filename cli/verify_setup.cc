// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/describe.h"
#include "cli/verify_appraisal.h"
#include "cli/verify_images.h"
#include "crypto/openssl/openssl_crypto.h"
#include "server/app/database.h"
#include "server/app/directory.h"
#include "server/store/registry_status.h"
#include "verifier/status/bundle.h"
#include "verifier/status/crl.h"
#include "verifier/status/ocsp_status.h"

namespace pedigree::cli {

using verifier::Policy;

struct VerifierSetup::Parts {
  crypto::OpenSslCrypto crypto;
  verifier::CrlStatus crls{crypto};
  verifier::OcspStatus ocsp{crypto};
  std::unique_ptr<verifier::BundleStatus> bundle;
  std::unique_ptr<store::RegistryStatus> registry;
  std::vector<Octets> chain;
  std::vector<Bytes> chain_views;
  std::optional<der::UnixTime> time;
  std::vector<const verifier::StatusSource*> sources;
  std::vector<std::string> warnings;
  std::unique_ptr<verifier::Verifier> verifier;
};

namespace {

using Done = std::expected<void, SetupFailure>;

std::unexpected<SetupFailure> usage(std::string summary) {
  return std::unexpected(SetupFailure{
      kExitUsage,
      {.summary = std::move(summary), .details = {}, .next = "pedigree verify token --help", .note = {}}});
}

std::unexpected<SetupFailure> unreadable(Problem problem) {
  return std::unexpected(SetupFailure{kExitUnreadable, std::move(problem)});
}

std::unexpected<SetupFailure> unusable(const std::string& file, std::string_view why) {
  return unreadable({.summary = fmt::format("cannot use {}: {}", file, why),
                     .details = {},
                     .next = "look at it: pedigree inspect " + file,
                     .note = {}});
}

Done append_roots(const TrustOptions& options, Policy& policy) {
  for (const std::string& file : options.roots) {
    auto found = read_certificates(file);
    if (!found) return unreadable(found.error());
    for (Octets& der : *found) {
      if (const auto root = x509::Certificate::parse(der); !root) {
        return unusable(file, sentence(root.error().code));
      }
      policy.roots.push_back(std::move(der));
    }
  }
  for (const std::string& text : options.root_hashes) {
    const auto hash = sha256_from_hex(text);
    if (!hash) return usage("--root-spki takes the 64 hex digits of a SHA-256, not " + text);
    policy.root_spki_sha256.push_back(*hash);
  }
  return {};
}

Done append_keys(const TrustOptions& options, Policy& policy) {
  for (const std::string& file : options.keys) {
    auto found = read_certificates(file, "PUBLIC KEY");
    if (!found) return unreadable(found.error());
    for (Octets& der : *found) {
      const auto spki = x509::parse_spki(der);
      if (!spki) return unusable(file, sentence(spki.error().code));
      if (!spki->key) return unusable(file, sentence(ErrorCode::unsupported_algorithm));
      policy.raw_keys.push_back(std::move(der));
    }
  }
  return {};
}

Done append_references(const TrustOptions& options, Policy& policy) {
  for (const std::string& file : options.references) {
    const auto content = read_input(file);
    if (!content) return unreadable(content.error());
    const bool json = file.ends_with(".json");
    const auto read = json ? verifier::read_reference_json(as_text(*content), policy.reference)
                           : verifier::read_corim(*content, policy.reference);
    if (!read) return unusable(file, read.error().what);
  }
  return {};
}

template <typename Source>
Done append_status(const std::vector<std::string>& files, std::string_view label, Source& source) {
  for (const std::string& file : files) {
    auto found = read_certificates(file, label);
    if (!found) return unreadable(found.error());
    for (Octets& der : *found) {
      if (const auto added = source.add(std::move(der)); !added)
        return unusable(file, sentence(added.error().code));
    }
  }
  return {};
}

/// A bundle is taken only under a root that is trusted already; what it adds is that root's certificate,
/// reference values where the policy has none, and its word about revocation.
Done open_bundle(const crypto::Crypto& crypto, const std::string& file, der::UnixTime now, Policy& policy,
                 std::unique_ptr<verifier::BundleStatus>& bundle) {
  verifier::BundleTrust trust;
  trust.roots = policy.root_spki_sha256;
  for (const Octets& der : policy.roots) {
    const auto root = x509::Certificate::parse(der);
    const auto hash =
        root ? crypto.sha256(root->spki().whole) : Result<Sha256>(std::unexpected(root.error()));
    if (hash) trust.roots.push_back(*hash);
  }
  auto opened = verifier::BundleStatus::open(crypto, file, std::move(trust), now);
  if (!opened) return unusable(file, opened.error().what);
  bundle = *std::move(opened);
  for (Octets& root : bundle->roots()) policy.roots.push_back(std::move(root));
  if (policy.reference.empty()) policy.reference = bundle->reference_values();
  return {};
}

/// An authority's directory on this computer: its root is trusted, and its registry asked.
Done open_registry(const std::string& path, Policy& policy,
                   std::unique_ptr<store::RegistryStatus>& registry) {
  const auto directory = app::Directory::open(path, nullptr);
  if (!directory) return unusable(path, directory.error().detail);
  std::vector<store::StatusIssuer> issuers;
  for (const authority::Issuer& issuer : (*directory)->engine().issuers())
    issuers.push_back({issuer.config().name, issuer.chain().front()});
  const auto database = app::database_of((*directory)->layout(), (*directory)->engine().config());
  if (!database) return unusable(path, database.error().detail);
  auto opened = store::RegistryStatus::open(*database, issuers);
  if (!opened) return unusable(path, sentence(opened.error().code));
  policy.roots.push_back((*directory)->engine().root());
  registry = *std::move(opened);
  return {};
}

std::expected<Policy, SetupFailure> read_policy(const TrustOptions& options,
                                                const verifier::ManifestContext& context) {
  Policy policy;
  if (!options.policy.empty()) {
    auto loaded = verifier::load_policy(options.policy, context);
    if (!loaded)
      return unreadable({.summary = loaded.error().what,
                         .details = {},
                         .next = "docs/formats.md lists the keys of a policy",
                         .note = {}});
    policy = *std::move(loaded);
  }
  for (const auto append : {append_roots, append_keys, append_references}) {
    if (auto done = append(options, policy); !done) return std::unexpected(done.error());
  }
  const bool trusts = !policy.roots.empty() || !policy.root_spki_sha256.empty() || !policy.raw_keys.empty();
  if (!trusts && options.registry.empty())
    return usage("nothing is trusted: give --policy, --root, --root-spki, --key or --registry");
  return policy;
}

}  // namespace

void add_trust_options(CLI::App& command, TrustOptions& options) {
  const auto files = [&command](const char* name, std::vector<std::string>& into, const char* help) {
    command.add_option(name, into, help)->option_text("FILE")->allow_extra_args(false);
  };
  command.add_option("--policy", options.policy, "What is accepted, as TOML")->option_text("FILE");
  files("--root", options.roots, "Trusted root certificate (PEM or DER); may be repeated");
  command
      .add_option("--root-spki", options.root_hashes,
                  "SHA-256 of a trusted root's public key info; the chain then holds that root")
      ->option_text("HEX")
      ->allow_extra_args(false);
  files("--key", options.keys, "Trusted public key for what brings no chain (PEM or DER); may be repeated");
  files("--chain", options.chains, "The chain, leaf first, where it is not inside; may be repeated");
  files("--crl", options.crls, "CRL of an issuer in the chain (PEM or DER); may be repeated");
  files("--ocsp", options.ocsp, "OCSP response (DER); may be repeated");
  files("--reference", options.references, "Reference values: JSON (*.json) or CoRIM; may be repeated");
  command
      .add_option("--registry", options.registry,
                  "Directory of an authority on this computer: trust its root, ask its registry")
      ->option_text("DIR");
  command.add_option("--bundle", options.bundle, "Trust bundle under a trusted root")->option_text("FILE");
  command
      .add_option("--time", options.time,
                  "Appraise as of this time: 2026-11-24, 2026-11-24T12:00:00Z or @SECONDS")
      ->option_text("TIME");
  command.add_flag("--strict", options.strict, "Exit with 3 unless the verdict is \"trusted\"");
}

VerifierSetup::VerifierSetup(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
VerifierSetup::~VerifierSetup() = default;

Done VerifierSetup::open_sources(const TrustOptions& options, Policy& policy, Parts& parts) {
  if (!options.registry.empty()) {
    if (auto done = open_registry(options.registry, policy, parts.registry); !done) return done;
    parts.sources.push_back(parts.registry.get());
  }
  if (auto done = append_status(options.crls, "X509 CRL", parts.crls); !done) return done;
  if (!options.crls.empty()) parts.sources.push_back(&parts.crls);
  if (auto done = append_status(options.ocsp, "OCSP RESPONSE", parts.ocsp); !done) return done;
  if (!options.ocsp.empty()) parts.sources.push_back(&parts.ocsp);
  if (!options.bundle.empty()) {
    const der::UnixTime at = parts.time.value_or(unix_now());
    if (auto done = open_bundle(parts.crypto, options.bundle, at, policy, parts.bundle); !done) return done;
    parts.sources.push_back(parts.bundle.get());
  }
  return {};
}

std::expected<std::unique_ptr<VerifierSetup>, SetupFailure> VerifierSetup::make(
    const TrustOptions& options, std::optional<bool> nonce_required) {
  auto parts = std::make_unique<Parts>();
  if (!options.time.empty()) {
    parts->time = parse_time(options.time);
    if (!parts->time)
      return usage("--time takes 2026-11-24, 2026-11-24T12:00:00Z or @seconds, not " + options.time);
  }
  auto policy = read_policy(options, {.crypto = &parts->crypto, .now = parts->time.value_or(unix_now())});
  if (!policy) return std::unexpected(policy.error());
  if (nonce_required) policy->nonce_required = *nonce_required;
  for (const std::string& file : options.chains) {
    auto found = read_certificates(file);
    if (!found) return unreadable(found.error());
    std::move(found->begin(), found->end(), std::back_inserter(parts->chain));
  }
  parts->chain_views.assign(parts->chain.begin(), parts->chain.end());
  if (auto done = open_sources(options, *policy, *parts); !done) return std::unexpected(done.error());
  if (auto added = add_images(parts->crypto, options.images, options.signer_revocations,
                              parts->time.value_or(unix_now()), *policy, parts->warnings);
      !added) {
    return unreadable(added.error());
  }
  parts->verifier = std::make_unique<verifier::Verifier>(parts->crypto, *std::move(policy), parts->sources);
  return std::unique_ptr<VerifierSetup>(new VerifierSetup(std::move(parts)));
}

const verifier::Verifier& VerifierSetup::verifier() const noexcept {
  return *parts_->verifier;
}
std::span<const Bytes> VerifierSetup::chain() const noexcept {
  return parts_->chain_views;
}
const std::vector<std::string>& VerifierSetup::warnings() const noexcept {
  return parts_->warnings;
}
der::UnixTime VerifierSetup::time() const {
  return parts_->time.value_or(unix_now());
}

}  // namespace pedigree::cli
