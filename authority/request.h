// SPDX-License-Identifier: Apache-2.0
// What a certification request must be before a profile's other rules: PKCS#10, or a token request.
#pragma once

#include "authority/profile.h"
#include "core/csr/csr.h"
#include "core/enrol/entropy.h"
#include "core/evidence/evidence.h"
#include "registry/device.h"

namespace pedigree::authority {

/// A request whose form and key are as the profile wants them. Borrows what it was read from.
struct CheckedRequest {
  x509::SubjectPublicKeyInfo spki;
  Sha256 spki_sha256{};
  /// The evidence in a PKCS#10 request, or the token of a token request, which is yet to be appraised.
  std::optional<Bytes> token;
};

/// Whether a profile takes keys of a device with such a source of random numbers, as the device's own
/// evidence tells it: the request's attribute (enrol::kEntropyAttribute), or a token. A fixed seed is for
/// debugging, and only a test profile (`test_keys`) certifies what it makes. Errors: fixed_entropy.
[[nodiscard]] Answer<void> check_entropy(const Profile& profile, enrol::Entropy entropy);

/// A PKCS#10 request, which borrows `der`. Errors: those of csr::Request::parse, told with the offset.
[[nodiscard]] Answer<csr::Request> parse_request(Bytes der);

/// Parses and checks a PKCS#10 request: subject serialNumber = device id, challengePassword = the nonce in
/// hex, a type of key that the profile certifies, a signature algorithm that belongs to it, no published test
/// key, no fixed seed, proof of possession (which checks the point too), evidence well-formed if there is
/// any. The cheap rules come first. Errors: bad_request, bad_nonce, wrong_key_type, test_key, fixed_entropy,
/// evidence_refused, those of
/// Request::parse and Request::verify.
[[nodiscard]] Answer<CheckedRequest> check_request(const crypto::Crypto& crypto, const Profile& profile,
                                                   const registry::DeviceId& device, Bytes nonce, Bytes der);

/// The same for a PKCS#10 request of a protocol that has no nonce: whom it names and what its
/// challengePassword says is the caller's matter. Errors: those of check_request, evidence_required (the
/// profile wants evidence, which must answer a nonce).
[[nodiscard]] Answer<CheckedRequest> check_plain_request(const crypto::Crypto& crypto, const Profile& profile,
                                                         Bytes der);
/// A key whose possession the caller has verified, DER: a type of key that the profile certifies, no
/// published test key, a point on its curve. Errors: wrong_key_type, test_key, evidence_required, those of
/// parse_spki.
[[nodiscard]] Answer<CheckedRequest> check_proven_key(const crypto::Crypto& crypto, const Profile& profile,
                                                      Bytes spki);

/// The same for a token request, as far as no token is appraised: a profile for attestation keys, a type of
/// key that it certifies, no published test key, a point on its curve. Errors: token_request_refused,
/// wrong_key_type, test_key, those of TokenRequest::parse and parse_spki.
[[nodiscard]] Answer<CheckedRequest> check_token_request(const crypto::Crypto& crypto, const Profile& profile,
                                                         Bytes cbor);

}  // namespace pedigree::authority
