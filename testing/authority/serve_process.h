// SPDX-License-Identifier: Apache-2.0
// `pedigree authority serve` as a process of its own, to be killed.
#pragma once

#include "testing/authority/authority.h"
#include "testing/support/process.h"

namespace pedigree::testing {

class ServeProcess {
 public:
  /// Runs the program that PEDIGREE_PROGRAM names and waits until it listens. Throws std::runtime_error with
  /// what it said where it ends before that.
  /// `prefix` stands before the program: {"prlimit", "--nofile=96"}.
  explicit ServeProcess(const AuthorityFolder& folder, ProcessOptions options = {},
                        std::vector<std::string> prefix = {});
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] Process& process() noexcept { return *process_; }
  [[nodiscard]] std::string output() const { return process_->output() + process_->errors(); }

 private:
  std::unique_ptr<Process> process_;
  std::uint16_t port_ = 0;
};

}  // namespace pedigree::testing
