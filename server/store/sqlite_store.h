// SPDX-License-Identifier: Apache-2.0
// The registry on SQLite (write-ahead log, full synchronisation) or on PostgreSQL: one writer thread, group
// commit.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>

#include "core/crypto/crypto.h"
#include "registry/store.h"
#include "server/observe/authority_metrics.h"
#include "server/store/sql.h"

namespace pedigree::store {

/// Counts the transactions that a store has committed, for who must see them at once.
using CommitCount = std::atomic<std::uint64_t>;

struct StoreOptions {
  std::filesystem::path file;
  std::string url{};                 ///< of a PostgreSQL server, instead of the file
  int busy_milliseconds = 5000;      ///< how long to wait for another process's lock
  std::int64_t max_size_octets = 0;  ///< of the database file, in whole pages; 0: as large as the disk allows
  std::shared_ptr<CommitCount> commits = std::make_shared<CommitCount>(0);
  std::shared_ptr<observe::StoreMetrics> metrics = std::make_shared<observe::StoreMetrics>();
  [[nodiscard]] Location location() const { return {file, url, busy_milliseconds}; }
};

/// Opens or creates the database; borrows `crypto`, which hashes the audit log. Destroying the store first
/// finishes every write that was submitted. Errors: unsupported_version, database_failure; `why` then gets
/// the database's own words.
[[nodiscard]] Result<std::unique_ptr<registry::Store>> open_store(const StoreOptions& options,
                                                                  const crypto::Crypto& crypto,
                                                                  std::string* why = nullptr);

}  // namespace pedigree::store
