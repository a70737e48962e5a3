// SPDX-License-Identifier: Apache-2.0
#include "verifier/replay_guard.h"

#include <cstring>

namespace pedigree::verifier {

std::size_t ReplayGuard::Hash::operator()(const Sha256& digest) const noexcept {
  std::size_t value = 0;
  std::memcpy(&value, digest.data(), sizeof value);
  return value;
}

void ReplayGuard::drop_old(der::UnixTime now) {
  while (!order_.empty()) {
    const auto oldest = until_.find(order_.front());
    if (oldest->second >= now && order_.size() <= capacity_) return;
    if (oldest->second >= now) ++forgotten_;
    until_.erase(oldest);
    order_.pop_front();
  }
}

bool ReplayGuard::seen_before(const Sha256& signed_content, der::UnixTime now) {
  const std::lock_guard lock(mutex_);
  drop_old(now);
  if (!until_.emplace(signed_content, now + seconds_).second) return true;
  order_.push_back(signed_content);
  drop_old(now);
  return false;
}

bool ReplayGuard::knows(const Sha256& signed_content, der::UnixTime now) {
  const std::lock_guard lock(mutex_);
  drop_old(now);
  return until_.contains(signed_content);
}

std::size_t ReplayGuard::size() const {
  const std::lock_guard lock(mutex_);
  return order_.size();
}

std::uint64_t ReplayGuard::forgotten() const {
  const std::lock_guard lock(mutex_);
  return forgotten_;
}

}  // namespace pedigree::verifier
