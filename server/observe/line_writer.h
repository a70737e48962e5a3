// SPDX-License-Identifier: Apache-2.0
// Lines from many threads to one file descriptor, by a thread that gathers them: to wake a thread for each
// line costs more than the line.
#pragma once

#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "server/observe/metrics.h"

namespace pedigree::observe {

class LineWriter {
 public:
  /// Octets that wait at most; what comes on top of them is lost.
  static constexpr std::size_t kMost = std::size_t{1} << 20;

  /// `lost`, borrowed, counts lines that were not written.
  explicit LineWriter(Counter& lost);
  /// Writes what waits.
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  /// Where lines go from now on, those that wait too. It is closed with the next one or at the end, unless it
  /// is the standard error output.
  void open(int descriptor);
  /// A line without its end. Does not wait for the descriptor.
  void add(std::string_view line);

 private:
  void loop();
  void write(int descriptor, std::string_view lines) noexcept;

  Counter& lost_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::string waiting_;
  int used_ = STDERR_FILENO;  ///< changed by the thread alone, while it writes nothing
  int wanted_ = STDERR_FILENO;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace pedigree::observe
