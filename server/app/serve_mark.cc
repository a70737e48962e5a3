// SPDX-License-Identifier: Apache-2.0
#include "server/app/serve_mark.h"

#include <fcntl.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <chrono>
#include <csignal>
#include <thread>

namespace pedigree::app {
namespace {

std::filesystem::path lock_file(const Layout& layout) {
  return layout.directory / "serve.lock";
}
std::filesystem::path state_file(const Layout& layout) {
  return layout.directory / "serve.state";
}

struct flock whole_file(short type) {
  struct flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

ServeMark::ServeMark(Layout layout) : layout_(std::move(layout)) {
  const int file = ::open(lock_file(layout_).c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return;
  struct flock lock = whole_file(F_WRLCK);
  if (::fcntl(file, F_SETLK, &lock) == 0) {
    lock_ = file;
  } else {
    ::close(file);
  }
}

ServeMark::~ServeMark() {
  if (lock_ < 0) return;
  std::error_code ignored;
  std::filesystem::remove(state_file(layout_), ignored);
  ::close(lock_);
}

void ServeMark::serving(std::string url) {
  url_ = std::move(url);
  write();
}

void ServeMark::reloaded(const Answer<void>& outcome) {
  ++reloads_;
  last_taken_ = outcome.has_value();
  last_detail_ = outcome ? std::string() : outcome.error().detail;
  write();
}

void ServeMark::write() const {
  if (lock_ < 0) return;
  const std::string text = boost::json::serialize(boost::json::object{
      {"url", url_}, {"reloads", reloads_}, {"last_taken", last_taken_}, {"last_detail", last_detail_}});
  (void)replace_private(state_file(layout_), text);  // whoever asks then waits in vain, and is told so
}

std::optional<Serving> find_serving(const Layout& layout) {
  const int file = ::open(lock_file(layout).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return std::nullopt;
  struct flock lock = whole_file(F_WRLCK);
  const bool asked = ::fcntl(file, F_GETLK, &lock) == 0;
  ::close(file);
  if (!asked || lock.l_type == F_UNLCK || lock.l_pid <= 0) return std::nullopt;
  Serving serving;
  serving.pid = lock.l_pid;
  const auto text = read_text(state_file(layout));
  if (!text) return serving;  // it has the lock and has yet to write
  boost::json::error_code error;
  const boost::json::value state = boost::json::parse(*text, error);
  const boost::json::object* object = error ? nullptr : state.if_object();
  if (object == nullptr) return serving;
  const auto word = [&](const char* key) {
    const boost::json::value* value = object->if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
  };
  serving.url = word("url");
  serving.last_detail = word("last_detail");
  const boost::json::value* reloads = object->if_contains("reloads");
  if (reloads != nullptr && reloads->is_number()) serving.reloads = reloads->to_number<std::uint64_t>(error);
  const boost::json::value* taken = object->if_contains("last_taken");
  serving.last_taken = taken == nullptr || !taken->is_bool() || taken->get_bool();
  return serving;
}

Answer<void> request_reload(const Layout& layout, std::chrono::seconds patience) {
  const auto before = find_serving(layout);
  if (!before || ::kill(before->pid, SIGHUP) != 0) {
    return authority::refuse(ErrorCode::not_found,
                             "no process of this user serves " + layout.directory.string());
  }
  const auto until = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < until) {
    const auto now = find_serving(layout);
    if (!now) return authority::refuse(ErrorCode::not_found, "the process that served has ended");
    if (now->reloads != before->reloads) {
      if (now->last_taken) return {};
      return authority::refuse(ErrorCode::bad_configuration, now->last_detail);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return authority::refuse(ErrorCode::timeout, "the process that serves did not say that it reloaded");
}

}  // namespace pedigree::app
