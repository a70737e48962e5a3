// SPDX-License-Identifier: Apache-2.0
#include "server/http/repeat.h"

namespace pedigree::http {

Repeat::Repeat(std::function<void()> action, std::chrono::milliseconds interval)
    : action_(std::move(action)), interval_(interval), thread_([this] { loop(); }) {}

Repeat::~Repeat() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Repeat::loop() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, interval_, [this] { return stopping_; })) {
    lock.unlock();
    action_();
    lock.lock();
  }
}

}  // namespace pedigree::http
