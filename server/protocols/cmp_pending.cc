// SPDX-License-Identifier: Apache-2.0
#include "server/protocols/cmp_pending.h"

#include <string>

namespace pedigree::protocols {

CmpPending::Kept CmpPending::keep(Bytes id, const Sha256& signer, std::shared_ptr<CmpTransaction> transaction,
                                  der::UnixTime now) {
  const std::lock_guard lock(mutex_);
  expire_locked(now);
  if (entries_.contains(as_text(id))) return Kept::in_use;
  const auto own = of_signer_.find(signer);
  const std::size_t count = own == of_signer_.end() ? 0 : own->second;
  if (entries_.size() >= limits_.all || count >= limits_.of_one) return Kept::full;
  ++of_signer_[signer];
  entries_.emplace(as_text(id), Entry{std::move(transaction), signer, now});
  return Kept::kept;
}

std::shared_ptr<CmpTransaction> CmpPending::find(Bytes id, der::UnixTime now) {
  const std::lock_guard lock(mutex_);
  expire_locked(now);
  const auto found = entries_.find(as_text(id));
  return found == entries_.end() ? nullptr : found->second.transaction;
}

void CmpPending::drop(Bytes id, const CmpTransaction* transaction) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(as_text(id));
  if (found == entries_.end() || found->second.transaction.get() != transaction) return;
  const auto own = of_signer_.find(found->second.signer);
  if (own != of_signer_.end() && --own->second == 0) of_signer_.erase(own);
  entries_.erase(found);
}

void CmpPending::expire(der::UnixTime now) {
  const std::lock_guard lock(mutex_);
  expire_locked(now);
}

void CmpPending::expire_locked(der::UnixTime now) {
  std::erase_if(entries_, [&](const auto& one) {
    if (now - one.second.since < limits_.seconds) return false;
    const auto own = of_signer_.find(one.second.signer);
    if (own != of_signer_.end() && --own->second == 0) of_signer_.erase(own);
    return true;
  });
}

std::size_t CmpPending::size() {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace pedigree::protocols
