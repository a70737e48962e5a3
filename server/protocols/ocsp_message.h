// SPDX-License-Identifier: Apache-2.0
// OCSP requests and answers (RFC 6960, RFC 5019, RFC 9654) in DER.
#pragma once

#include <optional>
#include <vector>

#include "authority/ca_certificate.h"
#include "core/x509/crl.h"

namespace pedigree::protocols {

/// OCSPResponseStatus of answers that nobody signs.
enum class OcspFailure : std::uint8_t { malformed = 1, internal = 2, try_later = 3, unauthorized = 6 };
/// The whole answer.
[[nodiscard]] authority::Der ocsp_failure(OcspFailure failure);

/// Certificates in one request.
inline constexpr std::size_t kMaxOcspCertificates = 16;

/// CertID: which certificate is asked for. Borrows the request.
struct OcspTarget {
  Bytes whole;           ///< DER, repeated in the answer
  Bytes hash_algorithm;  ///< OID, content octets
  Bytes name_hash;
  Bytes key_hash;
  Bytes serial;  ///< unsigned big-endian
};
/// Reads the CertID that comes next. Errors: those of strict DER, bad_serial (over 20 octets).
[[nodiscard]] Result<OcspTarget> read_ocsp_target(Reader& in);
/// A CertID, DER.
[[nodiscard]] authority::Der ocsp_target(Bytes hash_algorithm, Bytes name_hash, Bytes key_hash, Bytes serial);

struct OcspQuery {
  std::vector<OcspTarget> targets;
  Bytes nonce;  ///< the extension's value, whole; empty: none
};
/// Parses a request that fills `der`; a signature on it is not looked at. Errors: those of strict DER,
/// too_many, bad_value (nothing asked for, a nonce of 0 or over 128 octets), unknown_critical_extension.
[[nodiscard]] Result<OcspQuery> parse_ocsp_request(Bytes der);

struct OcspStatement {
  enum class State : std::uint8_t { good, revoked, unknown };
  Bytes target;  ///< CertID, whole DER
  State state = State::unknown;
  der::UnixTime revoked_at = 0;
  x509::RevocationReason reason = x509::RevocationReason::unspecified;
};
struct OcspContent {
  Bytes responder_key_hash;  ///< SHA-1 of the responder's key
  der::UnixTime this_update = 0;
  der::UnixTime next_update = 0;
  std::span<const OcspStatement> statements;
  Bytes nonce;
};
/// ResponseData, DER: what is signed.
[[nodiscard]] authority::Der ocsp_data(const OcspContent& content);
/// The whole successful answer: data, an ECDSA-with-SHA256 signature in X.509's form, the responder's
/// certificate.
[[nodiscard]] authority::Der ocsp_answer(Bytes data, Bytes signature, Bytes certificate);

}  // namespace pedigree::protocols
