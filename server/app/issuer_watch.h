// SPDX-License-Identifier: Apache-2.0
// Takes over what other processes order about intermediates, while an authority serves.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "authority/engine.h"
#include "registry/store.h"

namespace pedigree::app {

/// The registry's orders, into the engine's states. Errors: database_failure.
[[nodiscard]] Result<void> take_issuer_orders(const authority::Engine& engine, registry::Store& store);

/// Does so again and again on a thread of its own. Being late is no danger: what an intermediate signs that
/// is not active any more, the registry does not take.
class IssuerWatch {
 public:
  /// `look` does it; it ends before this does.
  IssuerWatch(std::function<void()> look, std::chrono::milliseconds interval);
  ~IssuerWatch();
  IssuerWatch(const IssuerWatch&) = delete;
  IssuerWatch& operator=(const IssuerWatch&) = delete;

 private:
  void loop();

  std::function<void()> look_;
  std::chrono::milliseconds interval_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace pedigree::app
