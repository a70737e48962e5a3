// SPDX-License-Identifier: Apache-2.0
// What UDP and serial links share: an Exchange driven on the loop's thread, with callers blocked elsewhere.
// Internal to station/link.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "station/link/link.h"

namespace pedigree::station {

/// The answers that one blocked caller waits for.
class Batch {
 public:
  explicit Batch(std::size_t count) : outcomes_(count), missing_(count) {}

  void set(std::size_t index, Outcome<Response> outcome) {
    const std::lock_guard lock(mutex_);
    outcomes_[index] = std::move(outcome);
    if (--missing_ == 0) complete_.notify_all();
  }
  [[nodiscard]] std::vector<Outcome<Response>> wait() {
    std::unique_lock lock(mutex_);
    complete_.wait(lock, [this] { return missing_ == 0; });
    std::vector<Outcome<Response>> all;
    all.reserve(outcomes_.size());
    for (auto& outcome : outcomes_) all.push_back(*std::move(outcome));
    return all;
  }

 private:
  std::mutex mutex_;
  std::condition_variable complete_;
  std::vector<std::optional<Outcome<Response>>> outcomes_;
  std::size_t missing_;
};

/// All members but `start`, `limits` and the constructor's parameters belong to the loop's thread.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(boost::asio::io_context& io, std::string peer, const LinkOptions& options,
          std::size_t transport_limit);
  virtual ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] std::vector<Outcome<Response>> exchange(std::vector<Request> requests);
  [[nodiscard]] Limits limits() const;
  void set_limits(const Limits& limits);
  [[nodiscard]] const std::string& peer() const noexcept { return peer_; }
  [[nodiscard]] ExchangeCounters counters() const;
  /// Ends the session: what is in flight fails, coroutines end.
  void close();

 protected:
  /// Puts a packet on the line, or drops it: retransmission makes good.
  virtual void send(const std::vector<std::uint8_t>& packet) = 0;
  virtual void shut() = 0;
  /// The sentence for a request that was never answered.
  [[nodiscard]] virtual Failure unanswered() const = 0;

  void received(Bytes packet);
  void line_down();
  void line_up();
  /// From now on every request fails so.
  void give_up(const Failure& failure);
  [[nodiscard]] bool closed() const noexcept { return final_.has_value(); }
  void notify(const std::string& text) const {
    if (options_.notice) options_.notice(text);
  }

  boost::asio::io_context& io_;
  const std::string peer_;
  const LinkOptions options_;

 private:
  void start(const std::shared_ptr<Batch>& batch, std::vector<Request> requests);
  void pump();
  void deliver(Exchange::Done done);

  const std::size_t transport_limit_;
  Exchange exchange_;
  boost::asio::steady_timer timer_;
  std::optional<Failure> final_;
  std::uint64_t next_id_ = 0;
  std::unordered_map<std::uint64_t, std::pair<std::shared_ptr<Batch>, std::size_t>> callers_;

  mutable std::mutex mutex_;  // for what callers read
  Limits limits_;
  ExchangeCounters counters_;
};

struct Loop::Impl {
  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
  std::thread thread;
};

/// What a caller owns: closes the session when it goes.
class SessionLink final : public Link {
 public:
  explicit SessionLink(std::shared_ptr<Session> session) noexcept : session_(std::move(session)) {}
  ~SessionLink() override { session_->close(); }
  SessionLink(const SessionLink&) = delete;
  SessionLink& operator=(const SessionLink&) = delete;

  std::vector<Outcome<Response>> exchange(std::vector<Request> requests) override {
    return session_->exchange(std::move(requests));
  }
  Limits limits() const override { return session_->limits(); }
  void set_limits(const Limits& limits) override { session_->set_limits(limits); }
  std::string peer() const override { return session_->peer(); }
  ExchangeCounters counters() const override { return session_->counters(); }

 private:
  std::shared_ptr<Session> session_;
};

}  // namespace pedigree::station
