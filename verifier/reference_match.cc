// SPDX-License-Identifier: Apache-2.0
#include "verifier/reference.h"

namespace pedigree::verifier {
namespace {

using psa_token::Claims;
using psa_token::SoftwareComponent;

enum class Fit : std::uint8_t { no, outdated, yes };

Fit fit(const SoftwareComponent& component, const ReferenceComponent& reference) {
  const auto differs = [](Bytes wanted, Bytes given) { return !wanted.empty() && !equal(wanted, given); };
  if (!reference.measurement_type.empty() && reference.measurement_type != component.measurement_type) {
    return Fit::no;
  }
  if (differs(reference.measurement_value, component.measurement_value)) return Fit::no;
  if (differs(reference.signer_id, component.signer_id)) return Fit::no;
  if (!reference.version.empty() && reference.version != component.version) return Fit::no;
  if (reference.min_version.empty()) return Fit::yes;
  return is_older(component.version, reference.min_version) ? Fit::outdated : Fit::yes;
}

Fit best_fit(const SoftwareComponent& component, const ReferenceImplementation& implementation) {
  Fit best = Fit::no;
  for (const ReferenceComponent& reference : implementation.components) {
    best = std::max(best, fit(component, reference));
  }
  return best;
}

}  // namespace

ReferenceMatch ReferenceValues::match(const Claims& claims) const {
  using Answer = ReferenceMatch::Result;
  ReferenceMatch answer;
  answer.implementation = find(claims.implementation_id);
  if (answer.implementation == nullptr) return answer;
  answer.result = Answer::match;
  if (answer.implementation->components.empty()) return answer;
  // A token that measured nothing is not known to run what is allowed.
  if (claims.software_component_count == 0) answer.result = Answer::mismatch;
  Reader in(claims.software_components);
  for (std::size_t i = 0; i < claims.software_component_count; ++i) {
    const auto component = psa_token::read_component(in);
    const Fit fits = component ? best_fit(*component, *answer.implementation) : Fit::no;
    if (fits == Fit::no) {
      answer.result = Answer::mismatch;
      answer.component = i;
      return answer;
    }
    if (fits == Fit::outdated && answer.result == Answer::match) {
      answer.result = Answer::outdated;
      answer.component = i;
    }
  }
  return answer;
}

}  // namespace pedigree::verifier
