// SPDX-License-Identifier: Apache-2.0
// The libraries that tokens come with: loaded once in a process, and started again where a token was away.
#pragma once

#include <chrono>
#include <memory>
#include <shared_mutex>
#include <string>
#include <vector>

#include "core/bytes/error.h"

struct _CK_FUNCTION_LIST;  // PKCS#11's CK_FUNCTION_LIST

namespace pedigree::pkcs11 {

class Module {
 public:
  /// The library at `path`, or all that p11-kit has registered where that is empty; shared by whoever asks
  /// for the same. SIGPIPE is ignored from then on where it would end the process. One that does not start
  /// (some want their token for that) has no tokens until a restart starts it. Errors: io_failure (it cannot
  /// be loaded).
  [[nodiscard]] static Result<std::shared_ptr<Module>> load(const std::string& path);
  ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// While it lives, the libraries stay started.
  class Use {
   public:
    [[nodiscard]] const std::vector<_CK_FUNCTION_LIST*>& libraries() const noexcept { return *libraries_; }
    /// How often the libraries had been started before.
    [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }
    [[nodiscard]] bool is_started() const noexcept { return started_; }

   private:
    friend class Module;
    std::shared_lock<std::shared_timed_mutex> lock_;
    const std::vector<_CK_FUNCTION_LIST*>* libraries_ = nullptr;
    std::uint64_t generation_ = 0;
    bool started_ = false;
  };
  /// Errors: timeout (a restart takes longer than this).
  [[nodiscard]] Result<Use> use(std::chrono::milliseconds patience);
  /// Ends and starts the libraries: some look for tokens at no other time, and a connection to one that runs
  /// elsewhere is made again. Sessions are gone then. Done by one of those who saw the same generation.
  /// Errors: timeout (somebody is still inside), io_failure (it did not start; the next restart tries again).
  [[nodiscard]] Result<void> restart(std::uint64_t seen, std::chrono::milliseconds patience);

 private:
  Module() = default;
  bool start();
  void end() noexcept;

  std::shared_timed_mutex mutex_;
  std::vector<_CK_FUNCTION_LIST*> libraries_;
  bool started_ = false;
  std::uint64_t generation_ = 0;
};

}  // namespace pedigree::pkcs11
