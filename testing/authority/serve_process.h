// SPDX-License-Identifier: Apache-2.0
// `pedigree authority serve` as a process of its own, to be killed.
#pragma once

#include "testing/authority/authority.h"
#include "testing/support/process.h"

namespace pedigree::testing {

class ServeProcess {
 public:
  /// Runs the program that PEDIGREE_PROGRAM names, or the one beside this, and waits until it listens. Throws
  /// std::runtime_error with what it said where it ends before that. `prefix` stands before the program:
  /// {"prlimit", "--nofile=96"}; `arguments` at the end.
  explicit ServeProcess(const AuthorityFolder& folder, ProcessOptions options = {},
                        std::vector<std::string> prefix = {}, const std::vector<std::string>& arguments = {});
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] Process& process() noexcept { return *process_; }
  [[nodiscard]] std::string output() const { return process_->output() + process_->errors(); }
  /// Where it says that it serves a protocol ("metrics"), as it names it. Throws where it does not.
  [[nodiscard]] std::string where(const std::string& protocol) const;
  /// A number of /proc/PID/status, as "VmRSS" (KiB) and "Threads".
  [[nodiscard]] long status(const std::string& name) const;

 private:
  std::unique_ptr<Process> process_;
  std::uint16_t port_ = 0;
};

}  // namespace pedigree::testing
