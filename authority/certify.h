// SPDX-License-Identifier: Apache-2.0
// What every certificate that is not a device's has to pass: its key, its issuer, and the writing.
#pragma once

#include "authority/ca_certificate.h"
#include "authority/profile.h"

namespace pedigree::authority {

/// Who is certified, by whom, and for how long.
struct CertifyFields {
  std::string common_name;  ///< 1 to 64 characters
  Bytes spki;               ///< the subject's key: SubjectPublicKeyInfo, DER
  Signer issuer;
  der::UnixTime not_before = 0;
  der::UnixTime not_after = 0;  ///< not later than the issuer's counts: it is cut to that
};

/// The key that is to be certified. Errors: bad_configuration (the name), unsupported_algorithm, test_key,
/// those of parse_spki and check_public_key.
[[nodiscard]] Answer<crypto::PublicKey> check_subject(const crypto::Crypto& crypto,
                                                      const CertifyFields& fields);
/// The same for a profile, whose validity cuts fields.not_after. Errors also: wrong_key_type.
[[nodiscard]] Answer<crypto::PublicKey> check_subject(const crypto::Crypto& crypto, const Profile& profile,
                                                      CertifyFields& fields);
/// The issuer's certificate, where it may issue at all. Errors: key_mismatch, not_a_ca, key_usage_forbids,
/// expired, those of parse and of the crypto.
[[nodiscard]] Answer<x509::Certificate> check_issuer(const crypto::Crypto& crypto,
                                                     const CertifyFields& fields);
/// Whether that issuer may have a CA below it. Errors: path_too_long.
[[nodiscard]] Answer<void> check_depth(const x509::Certificate& issuer);
/// Writes and signs. `subject`: Name, DER; empty: the common name. Key identifiers are set here; a
/// subjectKeyIdentifier that is there stays. Errors:
/// no_entropy, those of the crypto.
[[nodiscard]] Answer<Der> certify(const crypto::Crypto& crypto, const CertifyFields& fields,
                                  const x509::Certificate& issuer, const crypto::PublicKey& key,
                                  Bytes subject, x509::ExtensionSet extensions);

}  // namespace pedigree::authority
