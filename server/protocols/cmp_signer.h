// SPDX-License-Identifier: Apache-2.0
// Who protects a CMP message, and what that lets him ask for.
#pragma once

#include "server/http/tls.h"
#include "server/protocols/cmp_failure.h"
#include "server/protocols/enrolment.h"

namespace pedigree::protocols {

template <typename T>
using CmpAnswer = std::expected<T, CmpRefusal>;

/// The holder of the certificate that a message shows first, once the message verifies with its key.
struct CmpSigner {
  authority::Der certificate;
  http::Identity client;                     ///< station, operator or device
  std::optional<registry::Certificate> own;  ///< a device's, as the registry has it
  registry::Actor actor;
};

/// Finds the certificate: one of the system CA's for a station or an operator, or one of the registry's for a
/// device, octet for octet; valid now, not revoked, nor its issuer, nor its device suspended. What was
/// superseded is found for a kur and the confirmation of what it got. That the message is protected with its
/// key is for the caller to verify before anything is believed. `from`: the peer's address. Refusals:
/// bad_message_check (no protection, or no certificate), wrong_integrity (a MAC), bad_alg,
/// signer_not_trusted, cert_revoked, not_authorized, system_unavail.
[[nodiscard]] CmpAnswer<CmpSigner> find_cmp_signer(const Enrolment& enrolment, x509_st* system_ca,
                                                   const CmpOutline& outline, const std::string& from);

/// A request for a certificate, as it came.
struct CmpWish {
  CmpBody body{};
  Bytes subject;                ///< Name, DER; empty: none
  Bytes csr;                    ///< PKCS#10, DER; empty: `spki`
  Bytes spki;                   ///< a key whose possession was verified, DER
  std::string profile, issuer;  ///< of the label; empty: not said
};
/// What the registry and the engine are to be asked for this signer: stations for any device, as far as the
/// policy goes, which Enrolment asks; a device for itself, and kur for the profile of its certificate.
/// Borrows both. Errors: not_authorised, bad_request, revoked, database_failure.
[[nodiscard]] Answer<EnrolmentRequest> authorise_cmp(const Enrolment& enrolment, const CmpSigner& signer,
                                                     const CmpWish& wish);

/// Whether this signer may have the certificate revoked: a device one of its own, an operator any. Errors:
/// not_authorised, revoked (it is already).
[[nodiscard]] Answer<void> authorise_cmp_revocation(const Enrolment& enrolment, const CmpSigner& signer,
                                                    const registry::Certificate& certificate);

}  // namespace pedigree::protocols
