// SPDX-License-Identifier: Apache-2.0
#include "server/observe/line_writer.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <utility>

namespace pedigree::observe {
namespace {

/// From the first line to when it is written, with those that come meanwhile.
constexpr std::chrono::milliseconds kGathering{10};

void close_file(int descriptor) {
  if (descriptor > STDERR_FILENO) ::close(descriptor);
}

}  // namespace

LineWriter::LineWriter(Counter& lost) : lost_(lost), thread_([this] { loop(); }) {}

LineWriter::~LineWriter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
  close_file(used_);
  if (wanted_ != used_) close_file(wanted_);
}

void LineWriter::open(int descriptor) {
  const std::lock_guard lock(mutex_);
  if (wanted_ != used_) close_file(wanted_);  // the thread has not come to it yet
  wanted_ = descriptor;
}

void LineWriter::add(std::string_view line) {
  bool is_first = false;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() + line.size() >= kMost) return lost_.add();
    is_first = waiting_.empty();
    waiting_ += line;
    waiting_ += '\n';
  }
  if (is_first) wake_.notify_one();
}

void LineWriter::loop() {
  std::string lines;
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    wake_.wait_for(lock, kGathering, [this] { return stopping_; });
    const bool is_last = stopping_;
    lines.swap(waiting_);
    if (used_ != wanted_) close_file(std::exchange(used_, wanted_));
    const int descriptor = used_;
    lock.unlock();
    write(descriptor, lines);
    lines.clear();
    lock.lock();
    if (is_last) return;
  }
}

void LineWriter::write(int descriptor, std::string_view lines) noexcept {
  while (!lines.empty()) {
    // Whole lines in each call, as many as a pipe takes at once: those of several processes do not mix.
    std::size_t size = lines.size();
    if (size > PIPE_BUF) {
      const std::size_t end = lines.rfind('\n', PIPE_BUF - 1);
      size = (end == std::string_view::npos ? lines.find('\n') : end) + 1;
    }
    const std::string_view piece = lines.substr(0, size);
    lines.remove_prefix(size);
    ssize_t written = 0;
    do {
      written = ::write(descriptor, piece.data(), piece.size());
    } while (written < 0 && errno == EINTR);
    if (written == static_cast<ssize_t>(piece.size())) continue;
    const std::string_view rest = piece.substr(written < 0 ? 0 : static_cast<std::size_t>(written));
    lost_.add(static_cast<std::uint64_t>(std::ranges::count(rest, '\n')));
  }
}

}  // namespace pedigree::observe
