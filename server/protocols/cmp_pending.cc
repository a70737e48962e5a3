// SPDX-License-Identifier: Apache-2.0
#include "server/protocols/cmp_pending.h"

#include <algorithm>

namespace pedigree::protocols {

CmpPending::Kept CmpPending::keep(Bytes id, const Sha256& signer, std::shared_ptr<CmpTransaction> transaction,
                                  der::UnixTime now) {
  const std::lock_guard lock(mutex_);
  expire_locked(now);
  if (entries_.contains(as_text(id))) return Kept::in_use;
  const auto own = of_signer_.find(signer);
  const std::size_t has = own == of_signer_.end() ? 0 : own->second.size();
  if (has >= limits_.of_one) return Kept::full;
  if (entries_.size() >= limits_.all && !make_place(has)) return Kept::full;
  const auto entry = entries_.emplace(as_text(id), Entry{std::move(transaction), signer, now}).first;
  Ids& ids = of_signer_[signer];
  entry->second.place = ids.insert(ids.end(), entry->first);
  return Kept::kept;
}

bool CmpPending::make_place(std::size_t has) {
  const auto most =
      std::ranges::max_element(of_signer_, {}, [](const auto& one) { return one.second.size(); });
  if (most == of_signer_.end() || has + 1 >= most->second.size()) return false;
  erase(entries_.find(most->second.front()));
  return true;
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
  if (found != entries_.end() && found->second.transaction.get() == transaction) erase(found);
}

void CmpPending::expire(der::UnixTime now) {
  const std::lock_guard lock(mutex_);
  expire_locked(now);
}

void CmpPending::expire_locked(der::UnixTime now) {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    entry = now - entry->second.since < limits_.seconds ? std::next(entry) : erase(entry);
  }
}

CmpPending::Entries::iterator CmpPending::erase(Entries::iterator entry) {
  const auto own = of_signer_.find(entry->second.signer);
  own->second.erase(entry->second.place);
  if (own->second.empty()) of_signer_.erase(own);
  return entries_.erase(entry);
}

std::size_t CmpPending::size() {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace pedigree::protocols
