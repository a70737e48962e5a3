// SPDX-License-Identifier: Apache-2.0
// What a PKIMessage (RFC 4210, RFC 9480) says, as far as it is read before OpenSSL sees it. Strict DER; all
// views borrow from the message.
#pragma once

#include <optional>
#include <vector>

#include "authority/refusal.h"
#include "core/x509/certificate.h"
#include "core/x509/crl.h"

namespace pedigree::protocols {

using authority::Answer;

/// The PKIBodies that count here: numbers of the CHOICE (RFC 4210 5.1.2). Any other number is none of them.
enum class CmpBody : std::uint8_t {
  ir = 0,
  ip = 1,  ///< an answer, and so are cp, kup and pki_conf
  cr = 2,
  cp = 3,
  p10cr = 4,
  kur = 7,
  kup = 8,
  rr = 11,
  pki_conf = 19,
  genm = 21,
  error = 23,
  cert_conf = 24,
};
/// Whether it asks for a certificate.
[[nodiscard]] bool asks_for_certificate(CmpBody body) noexcept;

/// A path below /.well-known/cmp: [/p/LABEL][/OPERATION] (RFC 9480 3.3, RFC 9483 6.1).
struct CmpPath {
  std::string_view profile;  ///< of the label, a profile or a profile, a dot and an issuer; empty: no label
  std::string_view issuer;
  std::string_view operation;  ///< "initialization" and so on; empty: not said
};
/// Empty: a path that has no meaning, a label that is no name, an operation that is not spoken.
[[nodiscard]] std::optional<CmpPath> parse_cmp_path(std::string_view below);
/// Whether a message of this kind may be sent to this path: what the operation names, and what ends a
/// transaction.
[[nodiscard]] bool belongs_to(const CmpPath& path, CmpBody body);

/// A PKIMessage's outermost fields.
struct CmpOutline {
  CmpBody body{};
  Bytes content;                      ///< of the body's tag
  Bytes sender;                       ///< GeneralName, whole DER
  Bytes transaction;                  ///< transactionID, 1..32 octets
  Bytes nonce;                        ///< senderNonce; empty: none
  std::optional<der::UnixTime> time;  ///< messageTime, in whole seconds
  bool implicit_confirm = false;      ///< the client wants to send no certConf (RFC 4210 5.1.1.1)
  /// Empty: the message is not protected.
  std::optional<x509::AlgorithmIdentifier> protection;
  Bytes signer;  ///< the first of extraCerts, whole DER: the protection's (RFC 9483 3.3); empty: none
};
/// Errors: bad_request, with what is wrong and where.
[[nodiscard]] Answer<CmpOutline> read_cmp_outline(Bytes message);

/// Whether the algorithm is a MAC by a shared secret (RFC 4210 5.1.3.1, RFC 9481 6.1).
[[nodiscard]] bool is_mac(const x509::AlgorithmIdentifier& algorithm) noexcept;

/// A CertReqMsg (RFC 4211 3) whose proof of possession is a signature over the whole CertRequest.
struct CmpCertRequest {
  Bytes subject;                   ///< Name, whole DER; empty: none
  std::vector<std::uint8_t> spki;  ///< SubjectPublicKeyInfo, DER
};
/// `message`: whole DER. Errors: bad_request, with what is wrong; invalid_signature where the proof of
/// possession is of another form: RFC 9483 4.1.1 permits no other, and one that covers only the key might be
/// an old one.
[[nodiscard]] Answer<CmpCertRequest> read_cmp_cert_request(Bytes message);

/// The CRLReason in an RevReqContent's crlEntryDetails; unspecified where there is none. `content`:
/// CmpOutline::content. Errors: bad_request (also for certificateHold and removeFromCRL).
[[nodiscard]] Answer<x509::RevocationReason> read_cmp_reason(Bytes content);

/// What a CertConfirmContent says of the one certificate of its transaction (RFC 4210 5.3.18).
struct CmpConfirmation {
  Bytes hash;  ///< certHash; empty: there is no CertStatus
  bool accepted = false;
};
/// Of its first CertStatus. Errors: bad_request.
[[nodiscard]] Answer<CmpConfirmation> read_cmp_confirmation(Bytes content);

/// Whether a CertConfirmContent has no CertStatus: what was issued is rejected (RFC 4210 5.3.18).
[[nodiscard]] bool is_empty_confirmation(Bytes content) noexcept;

}  // namespace pedigree::protocols
