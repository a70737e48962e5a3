// SPDX-License-Identifier: Apache-2.0
// Nonces for relying parties: given without a table, taken once.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <unordered_set>

#include "authority/nonce.h"

namespace pedigree::authority {

/// 8 octets of expiry (Unix time, big-endian), 4 that name this process, 4 of a counter, 16 of HMAC-SHA256
/// over those and the relying party's name. Another key purpose than enrolment's nonces: neither is taken for
/// the other. Thread-safe.
class AppraisalNonces {
 public:
  /// Nonces that are remembered as used, in each half of their lifetime; more are refused.
  static constexpr std::size_t kMaxUsed = 1U << 20U;

  /// `secret` is copied. Errors: no_entropy.
  static Result<std::unique_ptr<AppraisalNonces>> make(const crypto::Crypto& crypto, Bytes secret,
                                                       std::uint32_t seconds);
  ~AppraisalNonces();
  AppraisalNonces(const AppraisalNonces&) = delete;
  AppraisalNonces& operator=(const AppraisalNonces&) = delete;

  /// For this relying party, and when it expires. Errors: crypto_failure.
  [[nodiscard]] Result<std::pair<Nonce, der::UnixTime>> give(std::string_view who, der::UnixTime now);
  /// Whether it is one of this authority's nonces for this relying party, used or not, expired or not.
  [[nodiscard]] bool is_ours(std::string_view who, Bytes nonce) const;
  /// Takes a nonce that is_ours. Errors: bad_nonce (expired, or given by another process or before a
  /// restart), replayed (taken before), request_limit (too many are remembered already).
  [[nodiscard]] Result<void> take(Bytes nonce, der::UnixTime now);

 private:
  using Used = std::unordered_set<std::string>;
  AppraisalNonces(const crypto::Crypto& crypto, Bytes secret, std::uint32_t seconds);
  [[nodiscard]] Result<void> authenticate(std::string_view who, MutableBytes nonce) const;

  const crypto::Crypto& crypto_;
  SecretArray<32> secret_;
  std::uint32_t seconds_;
  std::array<std::uint8_t, 4> process_{};
  std::atomic<std::uint32_t> counter_{0};
  std::mutex mutex_;
  der::UnixTime turned_ = 0;  ///< when `used_` was begun
  Used used_, used_before_;
};

}  // namespace pedigree::authority
