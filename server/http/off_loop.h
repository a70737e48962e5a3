// SPDX-License-Identifier: Apache-2.0
// Answers what may sign in threads of its own: where keys are in tokens, a signature waits for a device, and
// an event loop that waits answers nobody.
#pragma once

#include <atomic>
#include <memory>

#include "server/http/handler.h"

namespace pedigree::http {

/// Threads that wait for tokens, shared by the handlers of one process.
class SigningThreads {
 public:
  /// `most_waiting`: requests that are taken and not answered yet; more are refused.
  SigningThreads(unsigned threads, std::size_t most_waiting);
  /// Ends what was taken.
  ~SigningThreads();
  SigningThreads(const SigningThreads&) = delete;
  SigningThreads& operator=(const SigningThreads&) = delete;
  /// False: too much is waiting, and the work was not taken.
  [[nodiscard]] bool run(std::function<void()> work);

 private:
  struct Pool;
  std::size_t most_;
  std::atomic<std::size_t> waiting_ = 0;
  std::unique_ptr<Pool> pool_;
};

class OffLoop final : public Handler {
 public:
  /// Borrows both.
  OffLoop(Handler& handler, SigningThreads& threads) : handler_(handler), threads_(threads) {}
  /// Requests that post something, and those for OCSP, go to the threads (CRLs have their own); 503 where
  /// they have too much.
  void handle(const Request& request, Respond respond) override;

 private:
  Handler& handler_;
  SigningThreads& threads_;
};

}  // namespace pedigree::http
