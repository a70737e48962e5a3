// SPDX-License-Identifier: Apache-2.0
// Certificate revocation lists (RFC 5280 section 5): view and builder.
#pragma once

#include "core/x509/certificate.h"

namespace pedigree::x509 {

/// CRLReason (RFC 5280 5.3.1).
enum class RevocationReason : std::uint8_t {
  unspecified = 0,
  key_compromise = 1,
  ca_compromise = 2,
  affiliation_changed = 3,
  superseded = 4,
  cessation_of_operation = 5,
  certificate_hold = 6,
  remove_from_crl = 8,
  privilege_withdrawn = 9,
  aa_compromise = 10,
};
/// "keyCompromise" and so on; "unspecified" for unknown numbers. Static storage.
[[nodiscard]] std::string_view name(RevocationReason reason) noexcept;

struct RevokedEntry {
  Bytes serial;  ///< unsigned big-endian
  der::UnixTime when = 0;
  RevocationReason reason = RevocationReason::unspecified;
};

/// issuingDistributionPoint (RFC 5280 5.2.5): which of the issuer's certificates a CRL speaks of. Borrowed.
struct CrlScope {
  Bytes names;  ///< content of the GeneralNames of fullName; empty: not limited to a distribution point
  bool user_certificates_only = false;
  bool ca_certificates_only = false;
};

class Crl {
 public:
  /// Parses one v2 CRL that fills `der`; borrows it. The list is complete and speaks of all of its issuer's
  /// certificates. Errors: as Certificate::parse; unknown_critical_extension also for an
  /// issuingDistributionPoint and a delta indicator, critical or not: whoever passed over them would misread
  /// the list.
  [[nodiscard]] static Result<Crl> parse(Bytes der) noexcept;
  /// The same for lists that speak of some certificates only, and delta CRLs: for callers that ask `covers`,
  /// `is_delta` and `completes`. Errors: as parse; unknown_critical_extension for indirect CRLs, those of
  /// some reasons only, of attribute certificates, and distribution points with a relative name.
  [[nodiscard]] static Result<Crl> parse_any(Bytes der) noexcept;

  /// Whether the list speaks of this certificate of its issuer: no scope, or one that the certificate is in.
  /// Of a distribution point one name must be one of the certificate's cRLDistributionPoints, octet for octet
  /// (RFC 5280 6.3.3 b 2). What `covers` denies the list neither clears nor revokes.
  [[nodiscard]] bool covers(const Certificate& certificate) const noexcept;
  [[nodiscard]] const CrlScope& scope() const noexcept { return scope_; }
  /// A delta CRL (RFC 5280 5.2.4) says what has changed since the complete CRL of this number; alone it
  /// clears nothing. Unsigned big-endian; empty: this CRL is complete for its scope.
  [[nodiscard]] Bytes base_crl_number() const noexcept { return base_number_; }
  [[nodiscard]] bool is_delta() const noexcept { return !base_number_.empty(); }
  /// Whether this delta CRL completes `base` (RFC 5280 5.2.4 a to c, 6.3.3 c): same issuer and scope, and
  /// numbers that fit. Signatures and times are for the caller.
  [[nodiscard]] bool completes(const Crl& base) const noexcept;
  [[nodiscard]] Bytes issuer() const noexcept { return issuer_; }
  [[nodiscard]] der::UnixTime this_update() const noexcept { return this_update_; }
  [[nodiscard]] std::optional<der::UnixTime> next_update() const noexcept { return next_update_; }
  [[nodiscard]] Bytes crl_number() const noexcept {
    return number_;
  }  ///< unsigned big-endian; empty if absent
  [[nodiscard]] Bytes tbs() const noexcept { return tbs_; }
  [[nodiscard]] const AlgorithmIdentifier& signature_algorithm() const noexcept { return algorithm_; }
  [[nodiscard]] Bytes signature() const noexcept { return signature_; }
  [[nodiscard]] Bytes entries() const noexcept { return entries_; }  ///< content of revokedCertificates
  /// The entry of this serial, if it is listed.
  [[nodiscard]] std::optional<RevokedEntry> find(Bytes serial) const noexcept;
  /// Reads the next entry; for listing. `in` starts as Reader(entries()).
  [[nodiscard]] static Result<RevokedEntry> read_entry(Reader& in) noexcept;

 private:
  Crl() noexcept = default;
  friend struct CrlParser;
  Bytes tbs_, issuer_, entries_, number_, base_number_, scope_whole_, signature_;
  CrlScope scope_;
  AlgorithmIdentifier algorithm_;
  der::UnixTime this_update_ = 0;
  std::optional<der::UnixTime> next_update_;
};

struct CrlFields {
  Bytes issuer;  ///< Name, whole DER
  der::UnixTime this_update = 0;
  der::UnixTime next_update = 0;
  Bytes crl_number;                ///< big-endian
  Bytes authority_key_identifier;  ///< keyIdentifier octets
  std::span<const RevokedEntry> entries;
  /// URI of the one distribution point that the list is limited to (issuingDistributionPoint); empty: all of
  /// the issuer's certificates.
  std::string_view distribution_point;
  /// RFC 5280 5.2.5 wants it; Mbed TLS then refuses the list.
  bool distribution_point_critical = false;
  Bytes base_crl_number;          ///< big-endian; not empty: a delta CRL, which is critical
  std::string_view freshest_crl;  ///< URI of the delta CRL of this one; empty: not written
};
/// Writes and signs a CRL. Critical are the delta indicator alone, because who passed over it would take the
/// list for a complete one, and the distribution point where that is asked for. Errors: buffer_too_small,
/// those of sign.
[[nodiscard]] Result<Bytes> write_crl(const crypto::Crypto& crypto, const CrlFields& fields,
                                      const crypto::PrivateKey& key, crypto::SignatureAlgorithm algorithm,
                                      MutableBytes buffer) noexcept;

}  // namespace pedigree::x509
