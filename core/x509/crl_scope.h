// SPDX-License-Identifier: Apache-2.0
// Extensions of a CRL that say what it speaks of; for crl.cc.
#pragma once

#include "core/x509/crl.h"

namespace pedigree::x509 {

/// Reads issuingDistributionPoint. Errors: unknown_critical_extension as Crl::parse, bad_extension (empty, or
/// limited to two kinds of certificates), those of read_general_name and of strict DER.
[[nodiscard]] Result<CrlScope> parse_crl_scope(const Extension& extension) noexcept;
/// Writes it from `distribution_point`.
void write_crl_scope(const CrlFields& fields, der::Builder& out) noexcept;

}  // namespace pedigree::x509
