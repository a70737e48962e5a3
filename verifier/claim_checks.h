// SPDX-License-Identifier: Apache-2.0
// What is asked of a token's claims, once the key that signed it is known.
#pragma once

#include "verifier/appraisal.h"
#include "verifier/policy.h"
#include "verifier/verifier.h"

namespace pedigree::verifier {

/// Puts an outcome in the place of the check's.
void set_check(Appraisal& appraisal, CheckKind kind, Outcome outcome, std::optional<ErrorCode> code = {},
               std::uint32_t where = 0) noexcept;

/// Identity, freshness without replay, lifecycle, profile, entropy and reference values of
/// `appraisal.claims`. `certified` is the device that the key was certified for; of a raw key it is null.
/// `test_key`: the certificate with a published test key.
void check_claims(Appraisal& appraisal, const Policy& policy, const Evidence& evidence, bool certified);

/// Published test keys; `where`: the certificate, empty if there is none.
void check_test_key(Appraisal& appraisal, const Policy& policy, std::optional<std::size_t> where) noexcept;

/// The registry's word about the device.
void check_registry(Appraisal& appraisal, const Policy& policy, const DeviceStatus& status);

/// From the checks: any failed rejects, any warning warns.
[[nodiscard]] Verdict verdict_of(const Appraisal& appraisal) noexcept;

}  // namespace pedigree::verifier
