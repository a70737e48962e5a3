// SPDX-License-Identifier: Apache-2.0
#include "server/app/readiness.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "authority/text.h"
#include "core/x509/certificate.h"
#include "server/app/token.h"

namespace pedigree::app {
namespace {

using http::Dependency;
using http::DependencyState;

/// external_aad of what readiness has signed: no statement of the authority has it.
constexpr std::string_view kContext = "pedigree readiness, means nothing";

constexpr std::string_view kGrants = "grant signer";

void add_validity(std::vector<Validity>& list, std::string name, Bytes der) {
  const auto certificate = x509::Certificate::parse(der);
  if (!certificate) return;
  list.push_back({std::move(name), certificate->not_before(), certificate->not_after()});
}

Dependency check_database(const Directory& directory, registry::Store& store) {
  std::error_code ignored;
  const auto file = directory.layout().database();
  const bool is_sqlite = directory.engine().config().database.url.empty();
  // An open file whose name is gone still takes all that is written, and loses it when the process ends.
  if (is_sqlite && !std::filesystem::exists(file, ignored)) {
    return {"database", DependencyState::failing,
            file.filename().string() + " is gone: what is written now ends with this process"};
  }
  const auto health = store.health();
  if (health) return {"database", DependencyState::ok, {}};
  return {"database", DependencyState::failing, std::string(sentence(health.error().code))};
}

Dependency check_disk(const std::filesystem::path& folder, const ReadinessLimits& limits) {
  std::error_code error;
  const auto space = std::filesystem::space(folder, error);
  if (error) return {"disk", DependencyState::failing, "the free space cannot be read: " + error.message()};
  if (space.available >= limits.disk_low) return {"disk", DependencyState::ok, {}};
  return {"disk", space.available < limits.disk_full ? DependencyState::failing : DependencyState::warning,
          fmt::format("{} MiB are free beside the database", space.available >> 20U)};
}

Dependency check_validity(const Validity& one, der::UnixTime now, der::UnixTime warn) {
  if (now > one.not_after) {
    return {one.name + " certificate", DependencyState::failing,
            "expired at " + authority::iso_time(one.not_after)};
  }
  if (now < one.not_before) {
    return {one.name + " certificate", DependencyState::failing,
            "is valid from " + authority::iso_time(one.not_before) + " only: is the clock right?"};
  }
  if (one.not_after - now >= warn) return {one.name + " certificate", DependencyState::ok, {}};
  return {one.name + " certificate", DependencyState::warning,
          "expires at " + authority::iso_time(one.not_after)};
}

Dependency check_key(const Directory& directory, const authority::Issuer& issuer) {
  const std::string name = "issuer " + issuer.config().name + " key";
  const auto signature = issuer.sign_statement(directory.crypto(), as_bytes("readiness"), kContext);
  if (signature) return {name, DependencyState::ok, {}};
  // There is no such statement by an RSA key; whether it signs is seen when it is asked to.
  const bool not_asked = signature.error().code == ErrorCode::unsupported_algorithm;
  const auto trouble = directory.token_trouble(issuer, not_asked);
  if (trouble) {
    return {name, DependencyState::failing, fmt::format("{} ({})", trouble->reason, trouble->token)};
  }
  if (not_asked) return {name, DependencyState::ok, {}};
  return {name, DependencyState::failing, std::string(sentence(signature.error().code))};
}

/// Adds what was found of a key to what was found of its token.
void add_token(std::vector<Dependency>& tokens, const std::string& name, const Dependency& key) {
  const auto known = std::ranges::find(tokens, name, &Dependency::name);
  if (known == tokens.end()) {
    tokens.push_back({name, key.state, key.reason});
  } else if (key.state > known->state) {
    *known = {name, key.state, key.reason};
  }
}

/// The key of each active intermediate, then each token that has some of them.
void check_keys(const Directory& directory, std::vector<Dependency>& found) {
  std::vector<Dependency> tokens;
  for (const authority::Issuer& issuer : directory.engine().issuers()) {
    if (directory.engine().state(issuer) != authority::IssuerState::active) continue;
    found.push_back(check_key(directory, issuer));
    const std::string& uri = issuer.config().key;
    if (!uri.empty()) add_token(tokens, "token " + token_name(uri), found.back());
  }
  std::ranges::move(tokens, std::back_inserter(found));
}

Dependency check_log(const WatchedSigner* signer) {
  const auto trouble = signer == nullptr ? std::nullopt : signer->trouble();
  if (!trouble) return {"audit log", DependencyState::ok, {}};
  return {"audit log", DependencyState::failing, std::string(http::sentence(*trouble))};
}

}  // namespace

void WatchedSigner::sign(Done done) {
  inner_->sign([memory = memory_, done = std::move(done)](auto head) {
    {
      const std::lock_guard lock(memory->mutex);
      memory->trouble = head ? std::nullopt : std::optional(head.error());
    }
    done(std::move(head));
  });
}

std::optional<http::AuditSigner::Trouble> WatchedSigner::trouble() const {
  const std::lock_guard lock(memory_->mutex);
  return memory_->trouble;
}

std::vector<Validity> validities(const Directory& directory) {
  std::vector<Validity> list;
  add_validity(list, "root", directory.engine().root());
  for (const authority::Issuer& issuer : directory.engine().issuers()) {
    add_validity(list, "issuer " + issuer.config().name, issuer.chain().front());
  }
  const auto server = read_certificate(directory.layout().tls_certificate("server"));
  if (server) add_validity(list, "server", *server);
  const auto grants = read_certificate(directory.layout().grant_certificate());
  if (grants) add_validity(list, std::string(kGrants), *grants);
  return list;
}

std::vector<Dependency> check_dependencies(const Directory& directory, registry::Store& store,
                                           const WatchedSigner* signer, der::UnixTime now,
                                           const ReadinessLimits& limits) {
  std::vector<Dependency> found;
  found.push_back(check_database(directory, store));
  found.push_back(check_disk(directory.layout().directory, limits));
  for (const Validity& one : validities(directory)) {
    found.push_back(check_validity(one, now, one.name == "server" ? limits.server_ends : limits.issuer_ends));
    // Grants alone wait for the next signer.
    if (one.name == kGrants) found.back().state = std::min(found.back().state, DependencyState::warning);
  }
  // Where there is no signer, keys are not open.
  if (signer != nullptr) check_keys(directory, found);
  found.push_back(check_log(signer));
  return found;
}

std::vector<Dependency> CachedCheck::get(const http::Dependencies& check) {
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (kept_.empty() || now >= until_) {
    kept_ = check();
    until_ = now + life_;
  }
  return kept_;
}

}  // namespace pedigree::app
