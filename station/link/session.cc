// SPDX-License-Identifier: Apache-2.0
#include "station/link/session.h"

namespace pedigree::station {

Loop::Loop() : impl_(std::make_unique<Impl>()) {
  impl_->thread = std::thread([io = &impl_->io] { io->run(); });
}

Loop::~Loop() {
  impl_->io.stop();
  impl_->thread.join();
}

Session::Session(boost::asio::io_context& io, std::string peer, const LinkOptions& options,
                 std::size_t transport_limit)
    : io_(io),
      peer_(std::move(peer)),
      options_(options),
      transport_limit_(transport_limit),
      exchange_(options.exchange),
      timer_(io) {
  limits_.packet = std::min(limits_.packet, transport_limit);
}

Session::~Session() = default;

std::vector<Outcome<Response>> Session::exchange(std::vector<Request> requests) {
  if (requests.empty()) return {};
  auto batch = std::make_shared<Batch>(requests.size());
  boost::asio::post(io_, [self = shared_from_this(), batch, requests = std::move(requests)]() mutable {
    self->start(batch, std::move(requests));
  });
  return batch->wait();
}

void Session::start(const std::shared_ptr<Batch>& batch, std::vector<Request> requests) {
  const std::size_t limit = limits().packet;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (final_) {
      batch->set(i, std::unexpected(*final_));
    } else if (smp::kHeaderSize + requests[i].payload.size() > limit) {
      batch->set(i, failed(Side::station, ErrorCode::frame_too_large));
    } else {
      callers_.emplace(next_id_, std::pair(batch, i));
      exchange_.submit(next_id_++, std::move(requests[i]));
    }
  }
  pump();
}

void Session::pump() {
  const auto work = exchange_.poll(std::chrono::steady_clock::now());
  for (const auto& packet : work.send) {
    if (options_.capture != nullptr) options_.capture->record(peer_, true, packet);
    send(packet);
  }
  {
    const std::lock_guard lock(mutex_);
    counters_ = exchange_.counters();
  }
  for (const auto& done : work.done) deliver(done);
  if (!work.wake) {
    timer_.cancel();
    return;
  }
  timer_.expires_at(*work.wake);
  timer_.async_wait([self = weak_from_this()](const boost::system::error_code& error) {
    if (const auto session = self.lock(); session && !error) session->pump();
  });
}

void Session::deliver(Exchange::Done done) {
  const auto caller = callers_.find(done.id);
  if (caller == callers_.end()) return;
  const auto [batch, index] = caller->second;
  callers_.erase(caller);
  if (!done.outcome && done.outcome.error().code == ErrorCode::timeout) {
    batch->set(index, std::unexpected(unanswered()));
  } else {
    batch->set(index, std::move(done.outcome));
  }
}

void Session::received(Bytes packet) {
  if (options_.capture != nullptr) options_.capture->record(peer_, false, packet);
  exchange_.receive(packet, std::chrono::steady_clock::now());
  pump();
}

void Session::line_down() {
  exchange_.pause(std::chrono::steady_clock::now());
}

void Session::line_up() {
  exchange_.resume(std::chrono::steady_clock::now());
  pump();
}

void Session::give_up(const Failure& failure) {
  final_ = failure;
  exchange_.fail_all(failure);
  pump();
}

void Session::close() {
  boost::asio::post(io_, [self = shared_from_this()] {
    if (!self->final_) {
      self->give_up({Side::station, ErrorCode::connection_failed, "the link was closed"});
    }
    self->shut();
  });
}

Limits Session::limits() const {
  const std::lock_guard lock(mutex_);
  return limits_;
}

void Session::set_limits(const Limits& limits) {
  Limits bounded = limits;
  bounded.packet = std::min(limits.packet, transport_limit_);
  bounded.in_flight = std::min(limits.in_flight, options_.in_flight);
  {
    const std::lock_guard lock(mutex_);
    limits_ = bounded;
  }
  boost::asio::post(io_, [self = shared_from_this(), bounded] {
    self->exchange_.set_limits(bounded.in_flight, bounded.packet);
  });
}

ExchangeCounters Session::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

}  // namespace pedigree::station
