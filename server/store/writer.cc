// SPDX-License-Identifier: Apache-2.0
#include "server/store/writer.h"

#include <algorithm>
#include <iterator>

namespace pedigree::store {

GroupWriter::GroupWriter(Connection& connection, TransactionHooks hooks,
                         std::shared_ptr<std::atomic<std::uint64_t>> commits,
                         std::shared_ptr<observe::StoreMetrics> metrics)
    : connection_(connection),
      hooks_(std::move(hooks)),
      commits_(std::move(commits)),
      metrics_(std::move(metrics)),
      thread_([this] { loop(); }) {}

GroupWriter::~GroupWriter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void GroupWriter::submit(Job job) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(job));
    metrics_->waiting.set(static_cast<std::int64_t>(waiting_.size()));
  }
  wake_.notify_one();
}

void GroupWriter::loop() {
  std::vector<Job> group;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
    }
    // What comes while another node writes goes into the same transaction. A failure comes to light below.
    (void)begin();
    {
      const std::lock_guard lock(mutex_);
      const auto count = static_cast<std::ptrdiff_t>(std::min(waiting_.size(), kMaxGroup));
      group.assign(std::move_iterator(waiting_.begin()), std::move_iterator(waiting_.begin() + count));
      waiting_.erase(waiting_.begin(), waiting_.begin() + count);
      metrics_->waiting.set(static_cast<std::int64_t>(waiting_.size()));
    }
    run_group(group);
    group.clear();
  }
}

void GroupWriter::run_group(std::vector<Job>& group) {
  if (commit(group)) {
    for (Job& job : group) finish(job, true);
    return;
  }
  // One change that the database refuses must not take its neighbours down: each gets its own transaction.
  const bool alone = group.size() == 1;
  for (Job& job : group) finish(job, !alone && commit(std::span(&job, 1)));
}

void GroupWriter::finish(Job& job, bool durable) {
  metrics_->write_seconds.observe(job.watch.seconds());
  job.finish(durable);
}

bool GroupWriter::commit(std::span<Job> group) {
  const observe::Stopwatch watch;
  Ending ending = Ending::again;
  while (ending == Ending::again) {
    ending = attempt(group);
    if (ending == Ending::committed) break;
    metrics_->failures.add();
    // What others have committed meanwhile is in the database alone.
    hooks_.rolled_back();
  }
  if (ending != Ending::committed) return false;
  ++*commits_;
  metrics_->commit_seconds.observe(watch.seconds());
  metrics_->group_size.observe(static_cast<double>(group.size()));
  return true;
}

bool GroupWriter::begin() {
  if (!begun_) begun_ = connection_.begin() && hooks_.begin();
  return begun_;
}

Ending GroupWriter::attempt(std::span<Job> group) {
  const bool has_run = begin() && run(group);
  begun_ = false;
  return has_run ? connection_.commit() : connection_.give_up();
}

bool GroupWriter::run(std::span<Job> group) {
  const auto foresee = [&group](int wave) {
    for (Job& job : group) {
      if (job.foresee) job.foresee(wave);
    }
  };
  foresee(0);
  foresee(1);
  return std::ranges::all_of(group, [](Job& job) { return job.run().has_value(); }) &&
         hooks_.end().has_value();
}

}  // namespace pedigree::store
