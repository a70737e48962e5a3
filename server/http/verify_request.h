// SPDX-License-Identifier: Apache-2.0
// The body of POST /v1/verify and /v1/verify/batch, in JSON or CBOR.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "core/bytes/bytes.h"

namespace pedigree::http {

/// The signed result that a relying party asks for beside the answer.
enum class EarForm : std::uint8_t { none, jwt, cwt };

/// One thing to appraise. Views borrow from the request and its body.
struct VerifyItem {
  Bytes token;               ///< COSE_Sign1
  std::vector<Bytes> chain;  ///< beside the token: DER, leaf first; empty: in the token, or none
  Bytes nonce;               ///< 32, 48 or 64 octets, or empty
  EarForm ear = EarForm::none;
  std::string fault;  ///< what is wrong with this item; empty: nothing, and only then is it appraised
};

class VerifyRequest {
 public:
  /// Items of a batch, at most.
  static constexpr std::size_t kMaxItems = 256;

  /// One map {"token", "chain", "nonce", "ear"}, or with `batch` an array of 1 to kMaxItems of them. JSON:
  /// token and chain in base64, nonce in lower-case hex. CBOR: octet strings. What is wrong with one map is
  /// its own fault; what is wrong with all of the body is the error, as a sentence. `body` is borrowed.
  static std::expected<VerifyRequest, std::string> parse_json(std::string_view body, bool batch);
  static std::expected<VerifyRequest, std::string> parse_cbor(Bytes body, bool batch);

  [[nodiscard]] const std::vector<VerifyItem>& items() const noexcept { return items_; }

 private:
  VerifyRequest() = default;
  std::vector<VerifyItem> items_;
  std::vector<std::uint8_t> decoded_;  ///< what the items of a JSON body point to
};

}  // namespace pedigree::http
