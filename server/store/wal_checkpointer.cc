// SPDX-License-Identifier: Apache-2.0
#include "server/store/wal_checkpointer.h"

#include <sqlite3.h>

namespace pedigree::store {
namespace {

// Never waits for a reader or a writer. What it cannot copy now is copied by a later one, and a failure
// leaves the log as it is: nothing is lost.
constexpr const char* kCopy = "PRAGMA wal_checkpoint(PASSIVE)";

}  // namespace

std::unique_ptr<WalCheckpointer> WalCheckpointer::start(sqlite3* writer, const Location& location,
                                                        Limits limits) {
  auto own = Connection::open(location, true);
  if (!own) return nullptr;
  return std::unique_ptr<WalCheckpointer>(new WalCheckpointer(writer, *std::move(own), limits));
}

WalCheckpointer::WalCheckpointer(sqlite3* writer, Connection own, Limits limits)
    : writer_(writer),
      own_(std::move(own)),
      limits_(limits),
      wake_at_(limits.start),
      help_at_(limits.most),
      thread_([this] { loop(); }) {
  // In the place of SQLite's own hook, which would copy every 1,000 pages within a commit.
  sqlite3_wal_hook(
      writer_,
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<WalCheckpointer*>(self)->committed(pages);
        return SQLITE_OK;
      },
      this);
}

WalCheckpointer::~WalCheckpointer() {
  sqlite3_wal_hook(writer_, nullptr, nullptr);
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void WalCheckpointer::committed(int pages) {
  if (pages < last_) {  // begun anew
    wake_at_ = limits_.start;
    help_at_ = limits_.most;
  }
  last_ = pages;
  if (copied_.exchange(false)) {
    copy_here();
  } else if (pages >= help_at_) {
    const std::lock_guard lock(copying_);
    copy_here();
    help_at_ = pages + limits_.start;
  } else if (pages >= wake_at_) {
    wake_at_ = pages + limits_.start;
    {
      const std::lock_guard lock(mutex_);
      asked_ = true;
    }
    wake_.notify_one();
  }
}

void WalCheckpointer::copy_here() {
  sqlite3_wal_checkpoint_v2(writer_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
}

void WalCheckpointer::loop() {
  (void)own_.execute("PRAGMA synchronous = FULL");
  Statement copy = own_.prepare(kCopy);
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || asked_; });
      if (stopping_) return;
      asked_ = false;
    }
    const std::lock_guard lock(copying_);
    // Twice, because much is written while the many pages of the first are copied.
    for (int pass = 0; pass < 2; ++pass) {
      (void)copy.bind().step();
      copy.reset();
    }
    copied_ = true;
  }
}

}  // namespace pedigree::store
