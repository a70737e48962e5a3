// SPDX-License-Identifier: Apache-2.0
// Writes certificates: a TBSCertificate from parts that are DER already, signed and closed in one buffer.
#pragma once

#include "core/x509/certificate.h"
#include "core/x509/name.h"

namespace pedigree::x509 {

/// Extensions to write, in this order; only what is set is written.
struct ExtensionSet {
  std::optional<BasicConstraints> basic_constraints;  ///< critical
  std::uint16_t key_usage = 0;                        ///< critical; 0: not written
  std::span<const Bytes> ext_key_usage;               ///< OIDs' content octets; empty: not written
  Bytes subject_alt_name;                             ///< content of GeneralNames; empty: not written
  bool subject_alt_name_critical = false;  ///< must be set when the subject is empty (RFC 5280 4.2.1.6)
  Bytes name_constraints;  ///< content of the NameConstraints SEQUENCE; critical; empty: not written
  std::string_view crl_distribution_point;  ///< URI; empty: not written
  Bytes subject_key_identifier;             ///< octets; empty: not written
  Bytes authority_key_identifier;           ///< octets of keyIdentifier; empty: not written
  Bytes extra;                              ///< further Extension elements, DER
};
/// Writes the elements of Extensions (without the SEQUENCE).
void write_extensions(const ExtensionSet& extensions, der::Builder& out) noexcept;

struct CertificateFields {
  Bytes serial;   ///< big-endian, positive, 1..20 octets after leading zeros are removed
  Bytes issuer;   ///< Name, whole DER
  Bytes subject;  ///< Name, whole DER
  der::UnixTime not_before = 0;
  der::UnixTime not_after = 0;
  Bytes spki;  ///< whole DER
  ExtensionSet extensions;
};

/// Writes and signs a certificate into `buffer`; the result borrows it. `issuer_key` may be of any type that
/// `crypto` signs with `algorithm`. Errors: bad_serial, buffer_too_small, those of Crypto::sign.
[[nodiscard]] Result<Bytes> write_certificate(const crypto::Crypto& crypto, const CertificateFields& fields,
                                              const crypto::PrivateKey& issuer_key,
                                              crypto::SignatureAlgorithm algorithm,
                                              MutableBytes buffer) noexcept;

/// Closes SEQUENCE { tbs, signatureAlgorithm, BIT STRING signature } around the to-be-signed element written
/// since `start` in `out` (shared by certificates, requests and CRLs); the result borrows its buffer. Errors:
/// buffer_too_small, those of Crypto::sign.
[[nodiscard]] Result<Bytes> sign_and_close(const crypto::Crypto& crypto, const crypto::PrivateKey& key,
                                           crypto::SignatureAlgorithm algorithm, std::size_t start,
                                           der::Builder& out) noexcept;

}  // namespace pedigree::x509
