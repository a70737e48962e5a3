// SPDX-License-Identifier: Apache-2.0
// Reading connections, with the queries prepared on them, that wait for a thread to need one.
#pragma once

#include <atomic>
#include <chrono>
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

  /// One that nobody else uses until it is given back. One that failed is not to be given back: while the
  /// database is away, connections are tried one by one, and who comes meanwhile is refused at once, so that
  /// an event loop does not stand still for each request. Errors: database_failure.
  Result<std::unique_ptr<Queries>> take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        auto queries = std::move(idle_.back());
        idle_.pop_back();
        return queries;
      }
    }
    const std::unique_lock opening(opening_, std::try_to_lock);
    const bool is_away = away_.load();
    if (is_away && (!opening || Clock::now() < retry_at_)) return fail(ErrorCode::database_failure);
    auto connection = Connection::open(location_, false);
    away_ = !connection;
    if (!connection) {
      if (opening) retry_at_ = Clock::now() + kPause;
      return std::unexpected(connection.error());
    }
    return std::make_unique<Queries>(*std::move(connection));
  }

  void give(std::unique_ptr<Queries> queries) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(queries));
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kPause{250};

  Location location_;
  std::mutex opening_;  ///< held by who tries whether the database is there again
  std::atomic<bool> away_{false};
  Clock::time_point retry_at_{};  ///< under opening_
  std::mutex mutex_;
  std::vector<std::unique_ptr<Queries>> idle_;
};

}  // namespace pedigree::store
