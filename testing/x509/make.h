// SPDX-License-Identifier: Apache-2.0
// Certificates for tests: made from a few words, over any crypto back end, and from parts to be spoilt.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "core/x509/builder.h"
#include "testing/support/support.h"

namespace pedigree::testing {

/// One element with this tag around the concatenation of `parts`.
[[nodiscard]] Octets element(der::Tag tag, std::initializer_list<Bytes> parts);
[[nodiscard]] inline Octets element(der::Tag tag, Bytes content) {
  return element(tag, {content});
}
[[nodiscard]] inline Octets sequence(std::initializer_list<Bytes> parts) {
  return element(der::kSequence, parts);
}

/// A Name of one commonName.
[[nodiscard]] Octets common_name(std::string_view text);
/// SubjectPublicKeyInfo of a key.
[[nodiscard]] Octets spki_of(const crypto::Crypto& crypto, const crypto::PrivateKey& key);
/// Where `part` begins in `whole`; fails the test if it is not there.
[[nodiscard]] std::uint32_t find(Bytes whole, Bytes part);

/// What a certificate says; names are commonName unless given as DER.
struct CertificateSpec {
  std::string subject = "Leaf";
  std::string issuer = "Root";
  Octets subject_der;  ///< instead of `subject`
  Octets issuer_der;   ///< instead of `issuer`
  crypto::PrivateKey key;
  crypto::PrivateKey issuer_key;
  std::optional<crypto::SignatureAlgorithm> algorithm;  ///< empty: the issuer key's default
  x509::ExtensionSet extensions;
  der::UnixTime not_before = 1700000000;
  der::UnixTime not_after = 1900000000;
};
[[nodiscard]] Octets make_certificate(const crypto::Crypto& crypto, const CertificateSpec& spec);

/// The fields of a certificate as DER, to be replaced one by one. The signature is not made by any key.
struct CertificateParts {
  Octets version;          ///< [0] EXPLICIT; may be empty
  Octets serial;           ///< INTEGER
  Octets inner_algorithm;  ///< of TBSCertificate
  Octets outer_algorithm;
  Octets issuer, validity, subject, spki;
  Octets unique_ids;  ///< [1] and [2]; may be empty
  Octets extensions;  ///< [3] EXPLICIT; may be empty
  Octets signature;   ///< BIT STRING
  Octets tail;        ///< after the signature, inside the certificate

  /// Those of a good certificate: P-256, one extension.
  [[nodiscard]] static CertificateParts good();
  [[nodiscard]] Octets assemble() const;
  /// Replaces the extensions by these Extension elements.
  void set_extensions(std::initializer_list<Bytes> elements);
};
/// An Extension element.
[[nodiscard]] Octets extension(Bytes oid, bool critical, Bytes value);

}  // namespace pedigree::testing
