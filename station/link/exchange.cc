// SPDX-License-Identifier: Apache-2.0
#include "station/link/exchange.h"

#include <algorithm>

#include "core/smp/console.h"

namespace pedigree::station {

Result<smp::Status> status_of(const Response& response) noexcept {
  auto status = smp::read_status(response.payload);
  if (status && status->from_group && status->group == response.pedigree_group) {
    status->group = smp::kPedigreeGroup;
  }
  return status;
}

Exchange::Exchange(const ExchangeOptions& options)
    : options_(options),
      rtt_{RttEstimator(options.initial_timeout, options.minimum_timeout, options.maximum_timeout),
           RttEstimator(options.slow_timeout, std::max(options.minimum_timeout, options.slow_timeout / 4),
                        std::max(options.maximum_timeout, options.slow_timeout))} {}

void Exchange::set_limits(unsigned in_flight, std::size_t largest_packet) noexcept {
  in_flight_limit_ = std::clamp(in_flight, 1U, 64U);
  window_ = in_flight_limit_;
  largest_packet_ = largest_packet;
}

void Exchange::submit(std::uint64_t id, Request request) {
  waiting_.push_back({id, std::move(request)});
}

Duration Exchange::timeout(const Request& request) noexcept {
  const Duration least = request.slow ? options_.slow_timeout : options_.minimum_timeout;
  return std::min(estimator(request).timeout(), std::max(options_.give_up / 6, least));
}

// How long the line itself needs for what is in flight and for the answers; 0 on networks.
Duration Exchange::airtime() const noexcept {
  if (options_.octets_per_second == 0) return Duration(0);
  std::size_t octets = 0;
  for (const Flying& flying : flying_) {
    octets +=
        smp::frame_size(smp::kHeaderSize + flying.request.payload.size()) + smp::frame_size(largest_packet_);
  }
  return Duration(octets * 1'000'000 / options_.octets_per_second);
}

std::uint8_t Exchange::next_sequence() noexcept {
  const auto taken = [this](std::uint8_t sequence) {
    return std::ranges::any_of(flying_, [=](const Flying& f) { return f.sequence == sequence; });
  };
  while (taken(sequence_)) ++sequence_;
  return sequence_++;
}

// Until the device has answered, every second repetition is tried in version 1: some old servers are silent
// on a header that they do not know.
smp::Version Exchange::version_for(const Flying& flying) const noexcept {
  if (version_) return *version_;
  return flying.attempts >= 2 && flying.attempts % 2 == 0 ? smp::Version::v1 : smp::Version::v2;
}

void Exchange::transmit(Flying& flying, Time now, Work& work) {
  const Request& request = flying.request;
  const smp::Header header{.operation = request.operation,
                           .version = version_for(flying),
                           .group = group_on_line(request.group, options_.pedigree_group),
                           .sequence = flying.sequence,
                           .command = request.command};
  std::vector<std::uint8_t> packet(smp::kHeaderSize + request.payload.size());
  Writer out(packet);
  smp::write_packet(header, request.payload, out);
  work.send.push_back(std::move(packet));
  if (flying.attempts == 0) flying.first = now;
  if (flying.attempts > 0) ++counters_.retransmitted;
  ++counters_.sent;
  ++flying.attempts;
  flying.last = now;
  flying.deadline = std::min(now + timeout(request) + airtime(), flying.first + options_.give_up);
}

void Exchange::repeat_late(Time now, Work& work) {
  std::array<bool, 2> backed_off{};
  for (std::size_t i = 0; i < flying_.size();) {
    Flying& flying = flying_[i];
    if (flying.deadline > now) {
      ++i;
      continue;
    }
    if (now - flying.first >= options_.give_up) {
      work.done.push_back({flying.id, failed(Side::device, ErrorCode::timeout)});
      flying_.erase(flying_.begin() + static_cast<std::ptrdiff_t>(i));
      continue;
    }
    // One loss event doubles the timeout once, however many requests it took.
    bool& done = backed_off[flying.request.slow ? 1 : 0];
    if (!done) {
      estimator(flying.request).back_off();
      window_ = std::max(1U, window_ / 2);
      done = true;
    }
    transmit(flying, now, work);
    ++i;
  }
}

Exchange::Work Exchange::poll(Time now) {
  Work work;
  work.done = std::exchange(done_, {});
  if (paused_) return work;
  repeat_late(now, work);
  while (!waiting_.empty() && flying_.size() < window_) {
    flying_.push_back({.id = waiting_.front().id,
                       .request = std::move(waiting_.front().request),
                       .sequence = next_sequence(),
                       .attempts = 0,
                       .first = now,
                       .last = now,
                       .deadline = now});
    waiting_.pop_front();
    transmit(flying_.back(), now, work);
  }
  for (const Flying& flying : flying_) {
    if (!work.wake || flying.deadline < *work.wake) work.wake = flying.deadline;
  }
  return work;
}

void Exchange::receive(Bytes packet, Time now) {
  const auto parsed = smp::parse_packet(packet);
  if (!parsed) {
    ++counters_.ignored;
    return;
  }
  const smp::Header& header = parsed->header;
  const auto answered = std::ranges::find_if(flying_, [&](const Flying& f) {
    return f.sequence == header.sequence &&
           group_on_line(f.request.group, options_.pedigree_group) == header.group &&
           f.request.command == header.command &&
           static_cast<unsigned>(f.request.operation) + 1 == static_cast<unsigned>(header.operation);
  });
  if (answered == flying_.end()) {
    ++counters_.ignored;
    return;
  }
  finish(answered, *parsed, now);
}

void Exchange::finish(std::vector<Flying>::iterator flying, const smp::Packet& packet, Time now) {
  const auto status = smp::read_status(packet.payload);
  const bool too_new =
      status && !status->from_group && static_cast<smp::Rc>(status->rc) == smp::Rc::version_too_new;
  if (too_new && version_ != smp::Version::v1) {
    version_ = smp::Version::v1;
    flying->deadline = now;
    return;
  }
  if (!version_) version_ = packet.header.version;
  if (flying->attempts == 1) {
    estimator(flying->request).sample(std::chrono::duration_cast<Duration>(now - flying->last));
  }
  window_ = std::min(window_ + 1, in_flight_limit_);
  Response response{packet.header, {packet.payload.begin(), packet.payload.end()}, options_.pedigree_group};
  response.header.group = flying->request.group;
  done_.push_back({flying->id, std::move(response)});
  flying_.erase(flying);
}

void Exchange::pause(Time now) noexcept {
  if (!paused_) paused_ = now;
}

void Exchange::resume(Time now) noexcept {
  if (!paused_) return;
  for (Flying& flying : flying_) {
    flying.first += now - *paused_;
    flying.deadline = now;
  }
  paused_.reset();
}

void Exchange::fail_all(const Failure& failure) {
  for (Flying& flying : flying_) done_.push_back({flying.id, std::unexpected(failure)});
  for (Waiting& waiting : waiting_) done_.push_back({waiting.id, std::unexpected(failure)});
  flying_.clear();
  waiting_.clear();
}

}  // namespace pedigree::station
