// SPDX-License-Identifier: Apache-2.0
#include "server/http/issuance_meter.h"

namespace pedigree::http {

void IssuanceMeter::stored(const registry::Outcome<registry::Issued>& outcome, std::string_view profile,
                           std::string_view issuer) const {
  if (!outcome) return count(profile, issuer, name(outcome.error().code));
  count(profile, outcome->certificate.issuer, outcome->reused ? "reused" : "issued");
}

void IssuanceMeter::count(std::string_view profile, std::string_view issuer, std::string_view outcome) const {
  if (metrics_ == nullptr) return;
  const bool profile_known = engine_.config().profiles.contains(profile);
  const bool issuer_known = issuer.empty() || engine_.find_issuer(issuer) != nullptr;
  metrics_->issuance.at({profile_known ? profile : "other", issuer_known ? issuer : "other", outcome}).add();
}

}  // namespace pedigree::http
