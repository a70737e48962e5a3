// SPDX-License-Identifier: Apache-2.0
#include "authority/evidence.h"

#include <fmt/format.h>

#include "core/evidence/challenge.h"

namespace pedigree::authority {
namespace {

using verifier::Appraisal;

/// What a token must be besides trusted; a sentence, or empty.
std::string what_differs(const Appraisal& appraisal, const EvidenceQuestion& question) {
  if (appraisal.verdict != verifier::Verdict::trusted) {
    const verifier::Check* reason = appraisal.reason();
    return reason == nullptr ? std::string("the token is not trusted") : sentence(appraisal, *reason);
  }
  if (!appraisal.claims) return "it is no attestation token";
  if (!equal(appraisal.claims->instance_id, question.device)) {
    return fmt::format("the token is by device {}", registry::hex(appraisal.claims->instance_id));
  }
  // Where the non-secure side may ask for tokens too, it chooses the challenge, but not the sign of its id.
  if (appraisal.claims->client_id <= 0) return "the token was asked for by the device's non-secure side";
  return {};
}

}  // namespace

EvidenceAppraiser::EvidenceAppraiser(const crypto::Crypto& crypto, const Config& config, Bytes root,
                                     std::vector<const verifier::StatusSource*> sources)
    : crypto_(crypto), root_(root.begin(), root.end()), has_sources_(!sources.empty()) {
  for (const auto& [name, profile] : config.profiles) {
    verifiers_.emplace(name, std::make_unique<verifier::Verifier>(crypto, policy_of(profile), sources));
  }
}

EvidenceAppraiser::~EvidenceAppraiser() = default;

verifier::Policy EvidenceAppraiser::policy_of(const Profile& profile) const {
  verifier::Policy policy;
  policy.name = "evidence for " + profile.name;
  policy.roots = {root_};
  policy.lifecycles = profile.evidence_lifecycles;
  policy.test_keys = profile.test_keys ? verifier::Level::ignore : verifier::Level::reject;
  policy.unknown_revocation = has_sources_ ? verifier::Level::reject : verifier::Level::ignore;
  return policy;
}

Answer<void> EvidenceAppraiser::check_evidence(const EvidenceQuestion& question,
                                               std::span<const std::vector<Bytes>> chains,
                                               der::UnixTime now) const {
  const auto found = verifiers_.find(question.profile.name);
  const Bytes parts[] = {question.nonce, question.spki};
  const auto challenge = evidence::statement_challenge(evidence::Statement::evidence, parts, crypto_);
  if (!challenge) return refuse(challenge.error());
  std::string differs =
      "the registry knows no certified attestation key of this device: provision that first";
  if (found == verifiers_.end()) differs = "the profile is not configured";
  for (const std::vector<Bytes>& chain : chains) {
    if (found == verifiers_.end()) break;
    const Appraisal appraisal = found->second->appraise({question.token, chain, *challenge}, now);
    differs = what_differs(appraisal, question);
    if (differs.empty()) return {};
  }
  return refuse(ErrorCode::evidence_refused, "the evidence was not accepted: " + differs);
}

Answer<void> EvidenceAppraiser::check_token_request(const EvidenceQuestion& question,
                                                    der::UnixTime now) const {
  const Bytes parts[] = {question.nonce, question.spki};
  const auto challenge = evidence::statement_challenge(evidence::Statement::token_request, parts, crypto_);
  if (!challenge) return refuse(challenge.error());
  verifier::Policy policy = policy_of(question.profile);
  policy.roots.clear();
  policy.raw_keys = {{question.spki.begin(), question.spki.end()}};
  const verifier::Verifier by_its_own_key(crypto_, std::move(policy), {}, 1);
  const Appraisal appraisal = by_its_own_key.appraise({question.token, {}, *challenge}, now);
  std::string differs = what_differs(appraisal, question);
  if (differs.empty() && !equal(appraisal.attested_key, question.spki)) {
    differs = "the token is by another key";
  }
  if (differs.empty()) return {};
  return refuse(ErrorCode::token_request_refused, "the token request was not accepted: " + differs);
}

}  // namespace pedigree::authority
