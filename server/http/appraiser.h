// SPDX-License-Identifier: Apache-2.0
// What /v1/verify adds to the verifier: nonces that this authority gives, each good for one token.
#pragma once

#include "authority/appraisal_nonce.h"
#include "authority/evidence.h"
#include "server/http/verify_request.h"
#include "verifier/verifier.h"

namespace pedigree::http {

/// The key that signs results for others (EAR), with what they verify it by.
struct EarSigner {
  const crypto::Crypto& crypto;
  crypto::PrivateKey key;          ///< P-256
  std::vector<std::uint8_t> spki;  ///< DER
};

/// Any number of threads may call it.
class Appraiser {
 public:
  /// Borrows all. `issued_only`: refuse nonces that nonces did not give.
  Appraiser(const verifier::Verifier& verifier, const authority::EvidenceAppraiser& evidence,
            authority::AppraisalNonces& nonces, bool issued_only, std::optional<EarSigner> signer)
      : verifier_(verifier),
        evidence_(evidence),
        nonces_(nonces),
        issued_only_(issued_only),
        signer_(std::move(signer)) {}

  /// For requests of certificates.
  [[nodiscard]] const authority::EvidenceAppraiser& evidence() const noexcept { return evidence_; }

  /// As Verifier::appraise. A nonce that this authority gave to `who` must not have expired (bad_nonce) and
  /// is used up by the first token that answers it; the next is `replayed`. Another nonce is the relying
  /// party's own business, or with issued_only refused (bad_nonce).
  [[nodiscard]] verifier::Appraisal appraise(const VerifyItem& item, std::string_view who, der::UnixTime now);
  /// The appraisal as EAR, valid for five minutes: a JWT, or the base64 of a CWT. Errors: key_not_found
  /// (there is no key to sign with), those of write_ear_jwt.
  [[nodiscard]] Result<std::string> sign(const verifier::Appraisal& appraisal, EarForm form) const;
  /// Empty: there is none.
  [[nodiscard]] const std::optional<EarSigner>& signer() const noexcept { return signer_; }
  [[nodiscard]] Result<std::pair<authority::Nonce, der::UnixTime>> nonce(std::string_view who,
                                                                         der::UnixTime now) {
    return nonces_.give(who, now);
  }

 private:
  [[nodiscard]] Result<void> check_nonce(Bytes nonce, std::string_view who, der::UnixTime now);

  const verifier::Verifier& verifier_;
  const authority::EvidenceAppraiser& evidence_;
  authority::AppraisalNonces& nonces_;
  bool issued_only_;
  std::optional<EarSigner> signer_;
};

}  // namespace pedigree::http
