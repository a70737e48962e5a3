// SPDX-License-Identifier: Apache-2.0
#include "server/app/issuer_watch.h"

namespace pedigree::app {

Result<void> take_issuer_orders(const authority::Engine& engine, registry::Store& store) {
  PEDIGREE_ASSIGN(const auto orders, store.issuer_orders());
  engine.apply(orders);
  return {};
}

IssuerWatch::IssuerWatch(std::function<void()> look, std::chrono::milliseconds interval)
    : look_(std::move(look)), interval_(interval), thread_([this] { loop(); }) {}

IssuerWatch::~IssuerWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void IssuerWatch::loop() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, interval_, [this] { return stopping_; })) {
    lock.unlock();
    look_();
    lock.lock();
  }
}

}  // namespace pedigree::app
