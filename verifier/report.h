// SPDX-License-Identifier: Apache-2.0
// An appraisal as JSON, for programs and for POST /v1/verify; docs/formats.md has the members.
#pragma once

#include <boost/json.hpp>

#include "verifier/appraisal.h"

namespace pedigree::verifier {

/// Everything that the appraisal holds: verdict, reason, device, checks with their sentences, claims, key,
/// chain. Texts from tokens and certificates are UTF-8 with control characters as they came; JSON escapes
/// them.
[[nodiscard]] boost::json::object to_json(const Appraisal& appraisal);
/// The claims alone.
[[nodiscard]] boost::json::object to_json(const psa_token::Claims& claims);
/// "since" and "reason" of a revocation, the reason by its name in RFC 5280 5.3.1.
[[nodiscard]] boost::json::object to_json(const Revocation& revocation);

}  // namespace pedigree::verifier
