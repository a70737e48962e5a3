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

class Crl {
 public:
  /// Parses one v2 CRL that fills `der`; borrows it. Errors: as Certificate::parse; delta CRLs and indirect
  /// CRLs (unknown critical extensions) give unknown_critical_extension.
  [[nodiscard]] static Result<Crl> parse(Bytes der) noexcept;
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
  Bytes tbs_, issuer_, entries_, number_, signature_;
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
};
/// Writes and signs a CRL; no critical extension (Mbed TLS refuses them). Errors: buffer_too_small, those of
/// sign.
[[nodiscard]] Result<Bytes> write_crl(const crypto::Crypto& crypto, const CrlFields& fields,
                                      const crypto::PrivateKey& key, crypto::SignatureAlgorithm algorithm,
                                      MutableBytes buffer) noexcept;

}  // namespace pedigree::x509
