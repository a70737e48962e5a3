// SPDX-License-Identifier: Apache-2.0
// Appraises what a device says of a key before that key is certified: evidence in a request, and the token
// that stands in for a request.
#pragma once

#include "authority/ca_certificate.h"
#include "authority/config.h"
#include "registry/device.h"
#include "verifier/verifier.h"

namespace pedigree::authority {

/// One request for a certificate, and its token.
struct EvidenceQuestion {
  const Profile& profile;
  const registry::DeviceId& device;
  Bytes nonce;  ///< 32 octets, checked already
  Bytes spki;   ///< the key to be certified, DER
  Bytes token;  ///< COSE_Sign1
};

/// Any number of threads may use it.
class EvidenceAppraiser {
 public:
  /// Chains end at `root`. `sources` are asked for revocation and standing; they and crypto are borrowed.
  EvidenceAppraiser(const crypto::Crypto& crypto, const Config& config, Bytes root,
                    std::vector<const verifier::StatusSource*> sources);
  ~EvidenceAppraiser();
  EvidenceAppraiser(const EvidenceAppraiser&) = delete;
  EvidenceAppraiser& operator=(const EvidenceAppraiser&) = delete;

  /// The token must be by an attestation key that is certified for this device (one of `chains`, leaf first),
  /// answer this nonce for this key, come from the device's secure side, and pass the profile's rules on
  /// lifecycle, test keys and entropy. Errors: evidence_refused, with the reason.
  [[nodiscard]] Answer<void> check_evidence(const EvidenceQuestion& question,
                                            std::span<const std::vector<Bytes>> chains,
                                            der::UnixTime now) const;

  /// The token must be by the key itself, which is yet to be certified, and otherwise be as evidence. Errors:
  /// token_request_refused, with the reason.
  [[nodiscard]] Answer<void> check_token_request(const EvidenceQuestion& question, der::UnixTime now) const;

 private:
  [[nodiscard]] verifier::Policy policy_of(const Profile& profile) const;

  const crypto::Crypto& crypto_;
  Der root_;
  bool has_sources_;
  std::map<std::string, std::unique_ptr<verifier::Verifier>, std::less<>> verifiers_;  ///< by profile
};

}  // namespace pedigree::authority
