// SPDX-License-Identifier: Apache-2.0
// OCSP responses (RFC 6960): a view of one, borrowed from its DER.
#pragma once

#include "core/x509/crl.h"

namespace pedigree::verifier {

/// Which certificate a SingleResponse speaks of (RFC 6960 4.1.1).
struct OcspCertId {
  Bytes hash_algorithm;    ///< OID, content octets
  Bytes issuer_name_hash;  ///< of the issuer's Name
  Bytes issuer_key_hash;   ///< of the issuer's public key, without tag, length and unused bits
  Bytes serial;            ///< unsigned big-endian
};

/// One answer (RFC 6960 4.2.1).
struct OcspSingle {
  enum class State : std::uint8_t { good, revoked, unknown };
  OcspCertId id;
  State state = State::unknown;
  der::UnixTime revoked_at = 0;
  x509::RevocationReason reason = x509::RevocationReason::unspecified;
  der::UnixTime this_update = 0;
  std::optional<der::UnixTime> next_update;
};

class OcspResponse {
 public:
  /// Parses a successful response of type basic that fills `der`; borrows it. Errors: ocsp_refused (the
  /// responder's status is not successful), unsupported_version (another type or version), those of strict
  /// DER, bad_time, bad_value (no answer in it), duplicate_extension, unknown_critical_extension.
  [[nodiscard]] static Result<OcspResponse> parse(Bytes der) noexcept;

  [[nodiscard]] Bytes tbs() const noexcept { return tbs_; }  ///< ResponseData, whole DER: what is signed
  [[nodiscard]] const x509::AlgorithmIdentifier& signature_algorithm() const noexcept { return algorithm_; }
  [[nodiscard]] Bytes signature() const noexcept { return signature_; }
  /// Who signed: a Name (whole DER), or the SHA-1 of a public key (20 octets); the other is empty.
  [[nodiscard]] Bytes responder_name() const noexcept { return responder_name_; }
  [[nodiscard]] Bytes responder_key_hash() const noexcept { return responder_key_hash_; }
  [[nodiscard]] der::UnixTime produced_at() const noexcept { return produced_at_; }
  [[nodiscard]] const std::optional<Bytes>& nonce() const noexcept { return nonce_; }
  /// Content of the sequences of SingleResponses and of certificates (RFC 6960 calls them certs).
  [[nodiscard]] Bytes answers() const noexcept { return answers_; }
  [[nodiscard]] Bytes certificates() const noexcept { return certificates_; }

  /// Reads the next answer. `in` starts as Reader(answers()), all of which parse has read.
  [[nodiscard]] static Result<OcspSingle> read_single(Reader& in) noexcept;

 private:
  OcspResponse() noexcept = default;
  friend struct OcspParser;
  Bytes tbs_, signature_, responder_name_, responder_key_hash_, answers_, certificates_;
  x509::AlgorithmIdentifier algorithm_;
  der::UnixTime produced_at_ = 0;
  std::optional<Bytes> nonce_;
};

}  // namespace pedigree::verifier
