// SPDX-License-Identifier: Apache-2.0
// From checks to AR4SI's claims (draft-ietf-rats-ar4si 2.3).
#include "verifier/ear/ear.h"

namespace pedigree::verifier {
namespace {

constexpr std::int8_t kUnexpectedEvidence = 1;
constexpr std::int8_t kAffirmed = 2;
constexpr std::int8_t kApprovedBoot = 3;  // what was measured at boot, not what runs now
constexpr std::int8_t kUnsafe = 32;
constexpr std::int8_t kUnrecognizedSoftware = 33;
constexpr std::int8_t kContraindicated = 96;
constexpr std::int8_t kUnrecognized = 97;
constexpr std::int8_t kCryptoFailed = 99;

// Checks of who the device is.
constexpr std::array kIdentityChecks{CheckKind::validity, CheckKind::revocation, CheckKind::identity,
                                     CheckKind::registry, CheckKind::freshness,  CheckKind::test_key};

bool failed(const Appraisal& appraisal, CheckKind kind) noexcept {
  return appraisal.check(kind).outcome == Outcome::failed;
}
bool warned(const Appraisal& appraisal, CheckKind kind) noexcept {
  return appraisal.check(kind).outcome == Outcome::warning;
}

std::int8_t instance_identity(const Appraisal& appraisal) noexcept {
  if (failed(appraisal, CheckKind::structure)) return kUnexpectedEvidence;
  if (failed(appraisal, CheckKind::signature)) return kCryptoFailed;
  const Check& chain = appraisal.check(CheckKind::chain);
  if (chain.outcome == Outcome::failed) {
    return chain.code == ErrorCode::invalid_signature ? kCryptoFailed : kUnrecognized;
  }
  const Check& registry = appraisal.check(CheckKind::registry);
  if (registry.outcome == Outcome::failed && registry.code == ErrorCode::unknown_device) return kUnrecognized;
  for (const CheckKind kind : kIdentityChecks) {
    if (failed(appraisal, kind)) return kContraindicated;
  }
  if (warned(appraisal, CheckKind::chain)) return kUnsafe;
  for (const CheckKind kind : kIdentityChecks) {
    if (warned(appraisal, kind)) return kUnsafe;
  }
  // Nothing was proven: an appraisal that stopped without a failure says nothing.
  const bool proven = appraisal.check(CheckKind::signature).outcome == Outcome::ok;
  return proven ? kAffirmed : kUnexpectedEvidence;
}

std::optional<std::int8_t> configuration(const Appraisal& appraisal) noexcept {
  if (failed(appraisal, CheckKind::lifecycle) || failed(appraisal, CheckKind::profile))
    return kContraindicated;
  if (warned(appraisal, CheckKind::lifecycle) || warned(appraisal, CheckKind::profile)) return kUnsafe;
  if (appraisal.check(CheckKind::lifecycle).outcome == Outcome::ok) return kAffirmed;
  return std::nullopt;
}

std::optional<std::int8_t> executables(const Appraisal& appraisal) noexcept {
  const Check& reference = appraisal.check(CheckKind::reference);
  switch (reference.outcome) {
    case Outcome::ok:
      return kApprovedBoot;
    case Outcome::warning:
      return reference.code == ErrorCode::component_outdated ? kUnsafe : kUnrecognizedSoftware;
    case Outcome::failed:
      return reference.code == ErrorCode::no_reference ? kUnrecognizedSoftware : kContraindicated;
    case Outcome::skipped:
      break;
  }
  return std::nullopt;
}

std::optional<std::int8_t> hardware(const Appraisal& appraisal) noexcept {
  const Check& reference = appraisal.check(CheckKind::reference);
  if (reference.outcome == Outcome::ok) return kAffirmed;
  if (reference.outcome == Outcome::failed && reference.code == ErrorCode::no_reference) return kUnrecognized;
  return std::nullopt;
}

}  // namespace

TrustVector trust_vector(const Appraisal& appraisal) noexcept {
  TrustVector vector;
  const auto at = [&vector](TrustClaim claim) -> auto& { return vector[static_cast<std::size_t>(claim)]; };
  at(TrustClaim::instance_identity) = instance_identity(appraisal);
  // Claims that nobody is known to have signed say nothing of configuration and software.
  if (appraisal.check(CheckKind::signature).outcome != Outcome::ok) return vector;
  at(TrustClaim::configuration) = configuration(appraisal);
  at(TrustClaim::executables) = executables(appraisal);
  at(TrustClaim::hardware) = hardware(appraisal);
  return vector;
}

std::uint8_t trust_tier(Verdict verdict) noexcept {
  return verdict == Verdict::trusted ? 2 : verdict == Verdict::warning ? 32 : 96;
}

}  // namespace pedigree::verifier
