// SPDX-License-Identifier: Apache-2.0
#include "server/http/appraiser.h"

#include "server/http/json.h"
#include "verifier/ear/ear.h"

namespace pedigree::http {

Result<void> Appraiser::check_nonce(Bytes nonce, std::string_view who, der::UnixTime now) {
  if (nonces_.is_ours(who, nonce)) return nonces_.take(nonce, now);
  if (issued_only_) return fail(ErrorCode::bad_nonce);
  return {};
}

Result<std::string> Appraiser::sign(const verifier::Appraisal& appraisal, EarForm form) const {
  constexpr der::UnixTime kLifetime = 300;
  if (!signer_) return fail(ErrorCode::key_not_found);
  verifier::EarOptions options;
  options.issued_at = appraisal.appraised_at;
  options.lifetime = kLifetime;
  options.policy = verifier_.policy().name;
  if (form == EarForm::jwt) return write_ear_jwt(signer_->crypto, signer_->key, appraisal, options);
  PEDIGREE_ASSIGN(const auto cwt, write_ear_cwt(signer_->crypto, signer_->key, appraisal, options));
  return to_base64(cwt);
}

verifier::Appraisal Appraiser::appraise(const VerifyItem& item, std::string_view who, der::UnixTime now) {
  using verifier::CheckKind;
  verifier::Appraisal appraisal = verifier_.appraise({item.token, item.chain, item.nonce}, now);
  // A token that does not answer the nonce leaves it to the one that does.
  if (item.nonce.empty() || appraisal.check(CheckKind::freshness).outcome != verifier::Outcome::ok) {
    return appraisal;
  }
  if (const auto fresh = check_nonce(item.nonce, who, now); !fresh) {
    appraisal.checks[static_cast<std::size_t>(CheckKind::freshness)] = {
        CheckKind::freshness, verifier::Outcome::failed, fresh.error().code, 0};
    appraisal.verdict = verifier::Verdict::rejected;
  }
  return appraisal;
}

}  // namespace pedigree::http
