// SPDX-License-Identifier: Apache-2.0
#include "verifier/claim_checks.h"

#include <algorithm>

#include "core/enrol/messages.h"
#include "verifier/prove.h"

namespace pedigree::verifier {
namespace {

using psa_token::Claims;

constexpr auto kFixedSeed = static_cast<std::uint8_t>(enrol::Entropy::fixed);

void check_identity(Appraisal& appraisal, const Claims& claims, bool certified) {
  // The policy names a raw key and not the device that has it.
  if (!certified) return;
  if (!appraisal.device_id) {
    set_check(appraisal, CheckKind::identity, Outcome::failed, ErrorCode::device_mismatch);
  } else if (!equal(*appraisal.device_id, claims.instance_id)) {
    set_check(appraisal, CheckKind::identity, Outcome::failed, ErrorCode::wrong_instance_id);
  } else {
    set_check(appraisal, CheckKind::identity, Outcome::ok);
  }
}

void check_nonce(Appraisal& appraisal, const Policy& policy, const Claims& claims, Bytes nonce) {
  if (nonce.empty()) {
    if (policy.nonce_required) {
      set_check(appraisal, CheckKind::freshness, Outcome::failed, ErrorCode::nonce_missing);
    }
    return;
  }
  if (equal_secret(nonce, claims.nonce)) {
    set_check(appraisal, CheckKind::freshness, Outcome::ok);
  } else {
    set_check(appraisal, CheckKind::freshness, Outcome::failed, ErrorCode::wrong_nonce);
  }
}

void check_lifecycle(Appraisal& appraisal, const Policy& policy, const Claims& claims) {
  const auto state = psa_token::lifecycle_state(claims.security_lifecycle);
  const bool accepted = state && std::ranges::find(policy.lifecycles, *state) != policy.lifecycles.end();
  if (accepted) {
    set_check(appraisal, CheckKind::lifecycle, Outcome::ok, {}, claims.security_lifecycle);
  } else {
    set_check(appraisal, CheckKind::lifecycle, outcome_of(policy.other_lifecycle),
              ErrorCode::lifecycle_refused, claims.security_lifecycle);
  }
}

void check_entropy(Appraisal& appraisal, const Policy& policy, const Claims& claims) {
  if (claims.entropy != kFixedSeed) return;
  if (appraisal.check(CheckKind::test_key).outcome != Outcome::ok) return;
  set_check(appraisal, CheckKind::test_key, outcome_of(policy.test_keys), ErrorCode::fixed_entropy);
}

void check_profile(Appraisal& appraisal, const Policy& policy, const Claims& claims) {
  const bool accepted = std::ranges::find(policy.profiles, claims.profile) != policy.profiles.end();
  set_check(appraisal, CheckKind::profile, accepted ? Outcome::ok : Outcome::failed,
            accepted ? std::optional<ErrorCode>() : ErrorCode::profile_refused);
}

void check_reference(Appraisal& appraisal, const Policy& policy, const Claims& claims) {
  if (policy.reference.empty() && policy.no_reference == Level::ignore) return;
  const ReferenceMatch match = policy.reference.match(claims);
  const auto where = static_cast<std::uint32_t>(match.component);
  if (match.implementation != nullptr) {
    const ReferenceImplementation& known = *match.implementation;
    appraisal.model = known.vendor + (known.vendor.empty() || known.model.empty() ? "" : " ") + known.model;
  }
  switch (match.result) {
    case ReferenceMatch::Result::match:
      return set_check(appraisal, CheckKind::reference, Outcome::ok);
    case ReferenceMatch::Result::outdated:
      return set_check(appraisal, CheckKind::reference, Outcome::warning, ErrorCode::component_outdated,
                       where);
    case ReferenceMatch::Result::mismatch:
      return set_check(appraisal, CheckKind::reference, outcome_of(policy.reference_mismatch),
                       ErrorCode::reference_mismatch, where);
    case ReferenceMatch::Result::unknown_implementation:
      return set_check(appraisal, CheckKind::reference, outcome_of(policy.no_reference),
                       ErrorCode::no_reference);
  }
}

/// Whose images the components are; one that names a signer must be known where the policy wants that.
void check_images(Appraisal& appraisal, const Policy& policy, const Claims& claims) {
  if (policy.images.empty() && policy.unknown_image == Level::ignore) return;
  Reader in(claims.software_components);
  for (std::size_t i = 0; i < claims.software_component_count; ++i) {
    const auto component = psa_token::read_component(in);
    if (!component) return;
    appraisal.images.push_back(policy.images.find(*component));
    const bool is_unknown = appraisal.images.back() == nullptr && names_signer(*component);
    const Outcome outcome = is_unknown ? outcome_of(policy.unknown_image) : Outcome::skipped;
    const Outcome before = appraisal.check(CheckKind::reference).outcome;
    const bool is_worse = outcome == Outcome::failed || outcome == Outcome::warning;
    if (is_worse && before != Outcome::failed) {
      set_check(appraisal, CheckKind::reference, outcome, ErrorCode::reference_mismatch,
                static_cast<std::uint32_t>(i));
    }
  }
}

}  // namespace

void set_check(Appraisal& appraisal, CheckKind kind, Outcome outcome, std::optional<ErrorCode> code,
               std::uint32_t where) noexcept {
  appraisal.checks[static_cast<std::size_t>(kind)] = {kind, outcome, code, where};
}

void check_claims(Appraisal& appraisal, const Policy& policy, const Evidence& evidence, bool certified) {
  const Claims& claims = *appraisal.claims;
  check_identity(appraisal, claims, certified);
  check_nonce(appraisal, policy, claims, evidence.nonce);
  check_lifecycle(appraisal, policy, claims);
  check_entropy(appraisal, policy, claims);
  check_profile(appraisal, policy, claims);
  check_reference(appraisal, policy, claims);
  check_images(appraisal, policy, claims);
}

void check_test_key(Appraisal& appraisal, const Policy& policy, std::optional<std::size_t> where) noexcept {
  if (where) {
    set_check(appraisal, CheckKind::test_key, outcome_of(policy.test_keys), ErrorCode::test_key,
              static_cast<std::uint32_t>(*where));
  } else {
    set_check(appraisal, CheckKind::test_key, Outcome::ok);
  }
}

void check_registry(Appraisal& appraisal, const Policy& policy, const DeviceStatus& status) {
  using State = DeviceStatus::State;
  const auto set = [&appraisal](Outcome outcome, std::optional<ErrorCode> code = {}) {
    set_check(appraisal, CheckKind::registry, outcome, code);
  };
  appraisal.device_state = status.name;
  appraisal.device_since = status.since;
  switch (status.state) {
    case State::not_asked:
      return;
    case State::known:
      return set(Outcome::ok);
    case State::unknown:
      return set(outcome_of(policy.unknown_device), ErrorCode::unknown_device);
    case State::suspended:
      return set(Outcome::failed, ErrorCode::device_suspended);
    case State::revoked:
      return set(Outcome::failed, ErrorCode::device_revoked);
    case State::retired:
      return set(Outcome::failed, ErrorCode::retired);
    case State::stale:
      return set(outcome_of(policy.unknown_revocation), ErrorCode::status_stale);
  }
}

Verdict verdict_of(const Appraisal& appraisal) noexcept {
  const auto any = [&appraisal](Outcome outcome) {
    return std::ranges::any_of(appraisal.checks,
                               [outcome](const Check& check) { return check.outcome == outcome; });
  };
  if (any(Outcome::failed)) return Verdict::rejected;
  return any(Outcome::warning) ? Verdict::warning : Verdict::trusted;
}

}  // namespace pedigree::verifier
