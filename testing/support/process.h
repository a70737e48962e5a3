// SPDX-License-Identifier: Apache-2.0
// A program that runs beside the test: started, watched, killed, waited for; on a terminal if it shall.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "testing/support/support.h"

namespace pedigree::testing {

struct ProcessOptions {
  std::vector<std::pair<std::string, std::string>> environment{};  ///< set beside the test's own
  /// No file may grow beyond this many octets: SIGXFSZ, or EFBIG where `ignore_file_limit`.
  std::optional<std::uint64_t> largest_file{};
  bool ignore_file_limit = false;
  /// A pseudo-terminal of 24 rows and 100 columns as standard input, output and error; all is then `output`.
  bool terminal = false;
};

class Process {
 public:
  /// Starts a program found in PATH (no shell). Throws if the system has no room for it.
  explicit Process(const std::vector<std::string>& command, const ProcessOptions& options = {});
  /// Kills it with SIGKILL where it still runs.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] pid_t id() const noexcept { return pid_; }
  /// Sends a signal; nothing happens once it has ended.
  void kill(int signal = SIGKILL);
  /// Waits for its end: exit status, 128 + the signal that ended it, or 127 if it could not be started.
  int wait();
  [[nodiscard]] bool running();
  /// Waits until `condition` holds, asking every few milliseconds. False where the program ended, or the time
  /// passed, before that.
  [[nodiscard]] bool wait_until(const std::function<bool()>& condition,
                                std::chrono::seconds limit = std::chrono::seconds(120));
  /// The processes that it has started and that have not ended.
  [[nodiscard]] std::vector<pid_t> children() const;
  /// Milliseconds of CPU time used so far; 0 once it has ended.
  [[nodiscard]] double cpu_milliseconds() const;
  /// What it has written so far.
  [[nodiscard]] std::string output() const;
  [[nodiscard]] std::string errors() const;

 private:
  void read_terminal();
  pid_t pid_ = -1;
  int pidfd_ = -1;
  int output_ = -1;
  int errors_ = -1;
  int terminal_ = -1;
  std::optional<int> status_;
  std::thread reader_;  // of the terminal; copies into output_
};

}  // namespace pedigree::testing
