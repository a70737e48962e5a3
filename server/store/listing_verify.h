// SPDX-License-Identifier: Apache-2.0
// The allow-list held against the events of its imports.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "registry/store.h"
#include "server/store/sql.h"

namespace pedigree::store {

/// What is read of each device, in the order of ids; `d` is the device's table, `b` that of its batch.
inline constexpr std::string_view kListingColumns =
    "d.id, d.profiles, b.name, d.product, d.label, d.created, d.import, d.seal";

class ListingVerification {
 public:
  using Find = std::function<void(std::string finding)>;
  /// Borrows both.
  ListingVerification(const crypto::Crypto& crypto, const Find& find) : crypto_(crypto), find_(find) {}

  /// Takes the next device: columns of kListingColumns, from column `first` on. Names it where its row is not
  /// the line that was imported. Errors: crypto_failure.
  [[nodiscard]] Result<void> add(const Statement& row, int first);
  /// Compares every import's lines with its event. Errors: database_failure, crypto_failure.
  [[nodiscard]] Result<void> finish(Connection& connection);

 private:
  const crypto::Crypto& crypto_;
  const Find& find_;
  std::map<std::int64_t, registry::merkle::Frontier> trees_;  ///< by the event's number
};

}  // namespace pedigree::store
