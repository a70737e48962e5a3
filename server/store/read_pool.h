// SPDX-License-Identifier: Apache-2.0
// Reading connections, with the queries prepared on them, that wait for a thread to need one.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "server/store/sql.h"

namespace pedigree::store {

/// `Queries` is made from a Connection.
template <typename Queries>
class ReadPool {
 public:
  explicit ReadPool(Location location) : location_(std::move(location)) {}

  /// One that nobody else uses until it is given back. Errors: database_failure.
  Result<std::unique_ptr<Queries>> take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        auto queries = std::move(idle_.back());
        idle_.pop_back();
        return queries;
      }
    }
    PEDIGREE_ASSIGN(Connection connection, Connection::open(location_, false));
    return std::make_unique<Queries>(std::move(connection));
  }

  void give(std::unique_ptr<Queries> queries) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(queries));
  }

 private:
  Location location_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Queries>> idle_;
};

}  // namespace pedigree::store
