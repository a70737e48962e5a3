// SPDX-License-Identifier: Apache-2.0
// Certificates in a PKCS #7 message that nobody signed ("certs-only", RFC 8551 3.2.2, RFC 7030 4.1.3).
#pragma once

#include <span>
#include <vector>

#include "authority/ca_certificate.h"

namespace pedigree::protocols {

/// ContentInfo with a degenerate SignedData, DER. `certificates`: each whole DER.
[[nodiscard]] authority::Der certs_only(std::span<const Bytes> certificates);

}  // namespace pedigree::protocols
