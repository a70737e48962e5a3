// SPDX-License-Identifier: Apache-2.0
#include "server/http/appraiser.h"

namespace pedigree::http {

Result<void> Appraiser::check_nonce(Bytes nonce, std::string_view who, der::UnixTime now) {
  if (nonces_.is_ours(who, nonce)) return nonces_.take(nonce, now);
  if (issued_only_) return fail(ErrorCode::bad_nonce);
  return {};
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
