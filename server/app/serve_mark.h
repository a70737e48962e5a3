// SPDX-License-Identifier: Apache-2.0
// How commands find the process that serves a directory, and hear what became of a reload.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>

#include "server/app/files.h"

namespace pedigree::app {

/// Held by the process that serves: a lock on serve.lock, which ends with the process however it ends, and
/// serve.state for whoever asks. Where another process has the lock already (any number may serve a
/// directory), this one leaves no mark.
class ServeMark {
 public:
  explicit ServeMark(Layout layout);
  ~ServeMark();
  ServeMark(const ServeMark&) = delete;
  ServeMark& operator=(const ServeMark&) = delete;

  void serving(std::string url);
  void reloaded(const Answer<void>& outcome);

 private:
  void write() const;

  Layout layout_;
  int lock_ = -1;
  std::string url_;
  std::uint64_t reloads_ = 0;
  bool last_taken_ = true;
  std::string last_detail_;
};

/// Who serves a directory, as that process says.
struct Serving {
  pid_t pid = 0;
  std::string url;
  std::uint64_t reloads = 0;  ///< attempts since it began
  bool last_taken = true;
  std::string last_detail;  ///< why the last attempt was refused
};
/// Empty: nobody does.
[[nodiscard]] std::optional<Serving> find_serving(const Layout& layout);

/// Tells that process to reload and waits until it did or did not. Errors: not_found (nobody serves the
/// directory), timeout, bad_configuration (refused, with its reason).
[[nodiscard]] Answer<void> request_reload(const Layout& layout, std::chrono::seconds patience);

}  // namespace pedigree::app
