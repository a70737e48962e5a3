// SPDX-License-Identifier: Apache-2.0
// Something that is done again and again on a thread of its own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace pedigree::http {

class Repeat {
 public:
  /// Calls `action` whenever `interval` has passed since it returned, and the first time after one interval.
  Repeat(std::function<void()> action, std::chrono::milliseconds interval);
  /// Waits for a call that runs; there is none after that.
  ~Repeat();
  Repeat(const Repeat&) = delete;
  Repeat& operator=(const Repeat&) = delete;

 private:
  void loop();

  std::function<void()> action_;
  std::chrono::milliseconds interval_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace pedigree::http
