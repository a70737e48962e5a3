// SPDX-License-Identifier: Apache-2.0
// One thread that writes: it commits everything that waits in one transaction, and answers afterwards.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "server/observe/authority_metrics.h"
#include "server/store/sql.h"

namespace pedigree::store {

/// A change: `run` makes it inside a transaction, and may be run again after a rollback; `finish` is told
/// once whether it is durable.
struct Job {
  std::function<Result<void>()> run;
  /// Announces what `run` will look up (Statement::foresee): once with wave 0; and with wave 1 where what was
  /// found then leads to more. May be empty.
  std::function<void(int wave)> foresee;
  std::function<void(bool durable)> finish;
  observe::Stopwatch watch{};  ///< since it was submitted
};

/// What is to be done around transactions: `begin` first in a new one, `end` before the commit (a failure of
/// these rolls it back), `rolled_back` after one was undone.
struct TransactionHooks {
  std::function<Result<void>()> begin;
  std::function<Result<void>()> end;
  std::function<void()> rolled_back;
};

class GroupWriter {
 public:
  /// Largest number of changes in one transaction: bounds what one failure makes to run again.
  static constexpr std::size_t kMaxGroup = 256;

  /// Borrows the connection, which belongs to the writer's thread from now on. `commits` is counted up after
  /// each transaction, before its changes are answered.
  GroupWriter(Connection& connection, TransactionHooks hooks,
              std::shared_ptr<std::atomic<std::uint64_t>> commits,
              std::shared_ptr<observe::StoreMetrics> metrics);
  /// Finishes what was submitted, then stops.
  ~GroupWriter();
  GroupWriter(const GroupWriter&) = delete;
  GroupWriter& operator=(const GroupWriter&) = delete;

  void submit(Job job);

 private:
  void loop();
  /// Begins a transaction, unless one waits for its changes.
  [[nodiscard]] bool begin();
  void run_group(std::vector<Job>& group);
  void finish(Job& job, bool durable);
  [[nodiscard]] bool commit(std::span<Job> group);
  [[nodiscard]] Ending attempt(std::span<Job> group);
  [[nodiscard]] bool run(std::span<Job> group);

  Connection& connection_;
  TransactionHooks hooks_;
  std::shared_ptr<std::atomic<std::uint64_t>> commits_;
  std::shared_ptr<observe::StoreMetrics> metrics_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Job> waiting_;
  bool stopping_ = false;
  bool begun_ = false;  ///< of the writer's thread: a transaction waits for its changes
  std::thread thread_;
};

}  // namespace pedigree::store
