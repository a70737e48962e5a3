// SPDX-License-Identifier: Apache-2.0
// What /v1/verify adds to the verifier: nonces that this authority gives, each good for one token.
#pragma once

#include "authority/appraisal_nonce.h"
#include "authority/evidence.h"
#include "server/http/verify_request.h"
#include "verifier/verifier.h"

namespace pedigree::http {

/// Any number of threads may call it.
class Appraiser {
 public:
  /// Borrows all. `issued_only`: refuse nonces that nonces did not give.
  Appraiser(const verifier::Verifier& verifier, const authority::EvidenceAppraiser& evidence,
            authority::AppraisalNonces& nonces, bool issued_only)
      : verifier_(verifier), evidence_(evidence), nonces_(nonces), issued_only_(issued_only) {}

  /// For requests of certificates.
  [[nodiscard]] const authority::EvidenceAppraiser& evidence() const noexcept { return evidence_; }

  /// As Verifier::appraise. A nonce that this authority gave to `who` must not have expired (bad_nonce) and
  /// is used up by the first token that answers it; the next is `replayed`. Another nonce is the relying
  /// party's own business, or with issued_only refused (bad_nonce).
  [[nodiscard]] verifier::Appraisal appraise(const VerifyItem& item, std::string_view who, der::UnixTime now);
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
};

}  // namespace pedigree::http
