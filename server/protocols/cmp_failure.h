// SPDX-License-Identifier: Apache-2.0
// How a CMP request is refused: PKIFailureInfo; and the answers that are written without OpenSSL.
#pragma once

#include "core/crypto/crypto.h"
#include "server/protocols/cmp_message.h"
#include "server/protocols/delegates.h"

namespace pedigree::protocols {

/// PKIFailureInfo (RFC 4210 5.2.3): numbers of bits.
enum class CmpFailure : std::uint8_t {
  bad_alg = 0,
  bad_message_check = 1,
  bad_request = 2,
  bad_time = 3,
  bad_cert_id = 4,
  bad_data_format = 5,
  bad_pop = 9,
  cert_revoked = 10,
  wrong_integrity = 12,
  bad_cert_template = 19,
  signer_not_trusted = 20,
  transaction_id_in_use = 21,
  not_authorized = 23,
  system_unavail = 24,
  system_failure = 25,
  duplicate_cert_req = 26,
};

struct CmpRefusal {
  CmpFailure failure{};
  std::string text;  ///< one sentence, without a full stop
};
/// The failure that belongs to a refusal's code.
[[nodiscard]] CmpRefusal cmp_refusal(const authority::Refusal& refusal);

/// What an answer is protected with.
struct CmpProtection {
  std::shared_ptr<const Delegate> delegate;
  std::span<const authority::Der> chain;  ///< above the delegate's certificate
};
/// A PKIMessage with an ErrorMsgContent (RFC 4210 5.3.21), DER, that answers `about`. Errors: those of
/// Crypto::sign and random.
[[nodiscard]] Result<authority::Der> write_cmp_error(const crypto::Crypto& crypto,
                                                     const CmpProtection& protection, const CmpOutline& about,
                                                     const CmpRefusal& refusal);
/// The same with a PKIConfirmContent (RFC 4210 5.3.17).
[[nodiscard]] Result<authority::Der> write_cmp_confirm(const crypto::Crypto& crypto,
                                                       const CmpProtection& protection,
                                                       const CmpOutline& about);

}  // namespace pedigree::protocols
