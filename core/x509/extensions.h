// SPDX-License-Identifier: Apache-2.0
// Reading the extensions of certificates and requests.
#pragma once

#include "core/x509/certificate.h"

namespace pedigree::x509 {

/// Extensions that a certificate may have, twice as many as RFC 5280 has; the bound keeps the search for
/// duplicates cheap.
inline constexpr std::size_t kMaxExtensions = 32;

/// Parses the content of an Extensions SEQUENCE: SIZE (1..MAX), no extension twice, known ones well-formed.
/// The views borrow from the input. Errors: bad_extension, duplicate_extension, too_many, those of
/// read_extension and of the extensions' own contents.
[[nodiscard]] Result<Extensions> parse_extensions(Reader in) noexcept;

}  // namespace pedigree::x509
