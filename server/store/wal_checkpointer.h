// SPDX-License-Identifier: Apache-2.0
// Copies SQLite's write-ahead log into the database beside the writer, so that no commit waits for it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "server/store/sql.h"

struct sqlite3;

namespace pedigree::store {

/// One thread with a connection of its own. SQLite begins a log anew only when all of it is in the database
/// and somebody writes, which under load never happens beside the writer: the thread copies nearly all, and
/// the writer the few pages that came meanwhile.
class WalCheckpointer {
 public:
  /// In pages of the log.
  struct Limits {
    int start = 2000;  ///< from which on they are copied
    int most =
        16384;  ///< with which the writer copies them itself, because the thread does not keep up: 64 MiB
  };

  /// Borrows the writer's connection, whose commits it is told about from now on. Null: the file cannot be
  /// opened a second time, and SQLite does as it does by itself.
  static std::unique_ptr<WalCheckpointer> start(sqlite3* writer, const Location& location, Limits limits);
  ~WalCheckpointer();
  WalCheckpointer(const WalCheckpointer&) = delete;
  WalCheckpointer& operator=(const WalCheckpointer&) = delete;

 private:
  WalCheckpointer(sqlite3* writer, Connection own, Limits limits);
  void loop();
  /// Of the writer's thread, after a commit with which the log has this many pages.
  void committed(int pages);
  void copy_here();

  sqlite3* writer_;
  Connection own_;
  Limits limits_;
  // Of the writer's thread, in pages:
  int last_ = 0;                     ///< after the last commit
  int wake_at_;                      ///< with which the thread is asked again
  int help_at_;                      ///< with which the writer does its work
  std::atomic<bool> copied_{false};  ///< nearly all of the log is in the database
  std::mutex copying_;               ///< held while the thread copies
  std::mutex mutex_;
  std::condition_variable wake_;
  bool asked_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace pedigree::store
