// SPDX-License-Identifier: Apache-2.0
// Cross-certificates (RFC 5280 3.2): another root's name and key, certified by one that devices and relying
// parties know.
#pragma once

#include "authority/certify.h"

namespace pedigree::authority {

struct CrossFields {
  Bytes certificate;  ///< the other root's, DER: self-signed, which proves that its key is there
  Signer issuer;
  std::optional<std::uint32_t> path_len{};  ///< less than the other root's own; empty: its own
  der::UnixTime not_before = 0;
  der::UnixTime not_after = 0;  ///< cut to that of the other root and of the issuer
};
/// Its subject, key, subjectKeyIdentifier, key purposes and name constraints are the other root's, so that
/// whatever that issued leads to `issuer` too. Errors: not_a_ca, key_usage_forbids, invalid_signature (it is
/// not self-signed), unknown_critical_extension, expired, path_too_long, those of check_subject, check_issuer
/// and certify.
[[nodiscard]] Answer<Der> make_cross_certificate(const crypto::Crypto& crypto, const CrossFields& fields);

}  // namespace pedigree::authority
