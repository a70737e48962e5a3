// SPDX-License-Identifier: Apache-2.0
#include "server/app/crl_lots.h"

namespace pedigree::app {

Result<void> CrlLots::start(const authority::Engine& engine) {
  for (const authority::Issuer& issuer : engine.issuers()) {
    if (!issuer.names_crl_partitions()) continue;
    {
      const std::lock_guard lock(mutex_);
      Lot& lot = lots_[issuer.crl_url()];
      if (lot.left != 0 || lot.after) continue;  // a reload finds what the process has
      lot.asked = true;
    }
    ask(issuer);
    std::unique_lock lock(mutex_);
    const Lot& lot = lots_[issuer.crl_url()];
    changed_.wait(lock, [&] { return !lot.asked; });
    if (lot.failed) return fail(ErrorCode::database_failure);
  }
  return {};
}

std::optional<std::uint32_t> CrlLots::next(const authority::Issuer& issuer) {
  bool more = false;
  std::optional<std::uint32_t> given;
  {
    const std::lock_guard lock(mutex_);
    Lot& lot = lots_[issuer.crl_url()];
    if (lot.left == 0 && lot.part + 1 < lot.end) {
      ++lot.part;
      lot.left = authority::kCrlPartitionSize;
    } else if (lot.left == 0 && lot.after) {
      lot.part = *lot.after;
      lot.end = *lot.after + kLot;
      lot.left = authority::kCrlPartitionSize;
      lot.after.reset();
    }
    if (lot.left > 0) {
      --lot.left;
      given = lot.part;
    }
    more = !lot.after && !lot.asked && (lot.end - lot.part) * 2 <= kLot;
    if (more) lot.asked = true;
  }
  if (more) ask(issuer);
  return given;
}

void CrlLots::ask(const authority::Issuer& issuer) {
  const std::string& url = issuer.crl_url();
  store_.take_crl_partitions({issuer.config().name, url, kLot},
                             [this, url](const auto& outcome) { taken(url, outcome); });
}

void CrlLots::taken(const std::string& url, const registry::Outcome<std::uint32_t>& outcome) {
  const std::lock_guard lock(mutex_);
  Lot& lot = lots_[url];
  lot.asked = false;
  lot.failed = !outcome.has_value();
  if (outcome) lot.after = *outcome;
  changed_.notify_all();
}

}  // namespace pedigree::app
