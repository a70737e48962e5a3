// SPDX-License-Identifier: Apache-2.0
#include "authority/appraisal_nonce.h"

#include "core/bytes/writer.h"

namespace pedigree::authority {
namespace {

constexpr std::size_t kExpirySize = 8;
constexpr std::size_t kProcessSize = 4;
constexpr std::size_t kHeadSize = 16;  // expiry, process, counter

der::UnixTime expiry_of(Bytes nonce) {
  std::uint64_t expires = 0;
  for (std::size_t i = 0; i < kExpirySize; ++i) expires = (expires << 8U) | nonce[i];
  return static_cast<der::UnixTime>(expires);
}

}  // namespace

AppraisalNonces::AppraisalNonces(const crypto::Crypto& crypto, Bytes secret, std::uint32_t seconds)
    : crypto_(crypto), seconds_(seconds) {
  std::copy_n(secret.begin(), std::min(secret.size(), secret_.span().size()), secret_.span().begin());
}

AppraisalNonces::~AppraisalNonces() = default;

Result<std::unique_ptr<AppraisalNonces>> AppraisalNonces::make(const crypto::Crypto& crypto, Bytes secret,
                                                               std::uint32_t seconds) {
  std::unique_ptr<AppraisalNonces> nonces(new AppraisalNonces(crypto, secret, seconds));
  PEDIGREE_TRY(crypto.random(nonces->process_));
  return nonces;
}

Result<void> AppraisalNonces::authenticate(std::string_view who, MutableBytes nonce) const {
  const Bytes parts[] = {as_bytes("pedigree appraisal nonce"), Bytes(nonce).first(kHeadSize), as_bytes(who)};
  PEDIGREE_ASSIGN(const Sha256 mac, crypto_.hmac_sha256(secret_.span(), parts));
  std::copy_n(mac.begin(), nonce.size() - kHeadSize, nonce.begin() + kHeadSize);
  return {};
}

Result<std::pair<Nonce, der::UnixTime>> AppraisalNonces::give(std::string_view who, der::UnixTime now) {
  Nonce nonce{};
  const der::UnixTime expires = now + seconds_;
  Writer out(nonce);
  out.big_endian(static_cast<std::uint64_t>(expires), kExpirySize);
  out.bytes(process_);
  out.big_endian(counter_++, kHeadSize - kExpirySize - kProcessSize);
  PEDIGREE_TRY(authenticate(who, nonce));
  return std::pair(nonce, expires);
}

bool AppraisalNonces::is_ours(std::string_view who, Bytes nonce) const {
  Nonce expected{};
  if (nonce.size() != expected.size()) return false;
  std::copy_n(nonce.begin(), kHeadSize, expected.begin());
  return authenticate(who, expected).has_value() && equal_secret(expected, nonce);
}

Result<void> AppraisalNonces::take(Bytes nonce, der::UnixTime now) {
  const bool this_process = equal(nonce.subspan(kExpirySize, kProcessSize), process_);
  if (!this_process || expiry_of(nonce) < now) return fail(ErrorCode::bad_nonce);
  const std::lock_guard lock(mutex_);
  if (now - turned_ > static_cast<der::UnixTime>(seconds_)) {
    // What was taken before this turn has expired by the next one.
    used_before_ = std::move(used_);
    used_.clear();
    turned_ = now;
  }
  std::string key(as_text(nonce));
  if (used_.contains(key) || used_before_.contains(key)) return fail(ErrorCode::replayed);
  if (used_.size() >= kMaxUsed) return fail(ErrorCode::request_limit);
  used_.insert(std::move(key));
  return {};
}

}  // namespace pedigree::authority
