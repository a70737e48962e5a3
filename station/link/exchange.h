// SPDX-License-Identifier: Apache-2.0
// The client half of SMP as a state machine without sockets and clock: sequence numbers, several requests in
// flight, retransmission, and the fall back to version 1. A link feeds it packets and the time, and sends
// what it asks for.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "station/link/failure.h"
#include "station/link/rtt.h"

namespace pedigree::station {

struct Request {
  smp::Operation operation = smp::Operation::read;  ///< read or write
  std::uint16_t group = smp::kPedigreeGroup;        ///< kPedigreeGroup whatever number it has on the line
  std::uint8_t command = 0;
  std::vector<std::uint8_t> payload;  ///< one CBOR map
  bool slow = false;                  ///< the device computes on it: waited for longer, timed separately
};

struct Response {
  smp::Header header;                                  ///< its group is the request's
  std::vector<std::uint8_t> payload;                   ///< as it came
  std::uint16_t pedigree_group = smp::kPedigreeGroup;  ///< number of Pedigree's group on the line
};
/// smp::read_status of a response, in which Pedigree's group is kPedigreeGroup. Errors: those of read_status.
[[nodiscard]] Result<smp::Status> status_of(const Response& response) noexcept;

/// The number that a group has on a line on which Pedigree's own is `pedigree_group`.
[[nodiscard]] constexpr std::uint16_t group_on_line(std::uint16_t group,
                                                    std::uint16_t pedigree_group) noexcept {
  return group == smp::kPedigreeGroup ? pedigree_group : group;
}

struct ExchangeOptions {
  Duration initial_timeout = std::chrono::seconds(1);  ///< before the first round trip is known
  Duration minimum_timeout = std::chrono::milliseconds(200);
  Duration maximum_timeout = std::chrono::seconds(3);
  /// Of slow requests before one's round trip is known; four times what they are given at least.
  Duration slow_timeout = std::chrono::seconds(3);
  /// After the first transmission of a request. No wait is longer than a sixth of it (or slow_timeout), so
  /// that a line which loses half of all packets is no silent device.
  Duration give_up = std::chrono::seconds(15);
  std::uint32_t octets_per_second = 0;  ///< of a serial line; 0: not worth counting
  /// Number that Pedigree's group has on the device, from smp::kFirstUserGroup.
  std::uint16_t pedigree_group = smp::kPedigreeGroup;
};

struct ExchangeCounters {
  std::uint64_t sent = 0;
  std::uint64_t retransmitted = 0;
  std::uint64_t ignored = 0;  ///< answers that belong to no request in flight: late, repeated or malformed
};

class Exchange {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit Exchange(const ExchangeOptions& options);

  /// Largest number of requests in flight (the device's buf_count), at least 1, and largest answer to expect
  /// in octets, which only serial lines care about.
  void set_limits(unsigned in_flight, std::size_t largest_packet) noexcept;

  /// Queues a request; `id` is the caller's and comes back with the answer.
  void submit(std::uint64_t id, Request request);
  /// Takes a packet from the line.
  void receive(Bytes packet, Time now);

  struct Done {
    std::uint64_t id = 0;
    Outcome<Response> outcome;
  };
  struct Work {
    std::vector<std::vector<std::uint8_t>> send;
    std::vector<Done> done;
    std::optional<Time> wake;  ///< call poll() again then, at the latest
  };
  /// What is to be done now. Call after submit, receive, resume and at `wake`.
  [[nodiscard]] Work poll(Time now);

  /// The line is gone: nothing is sent and no time runs until resume(), which repeats what is in flight.
  void pause(Time now) noexcept;
  void resume(Time now) noexcept;
  /// Ends every request in flight and queued with `failure`.
  void fail_all(const Failure& failure);

  [[nodiscard]] bool idle() const noexcept { return waiting_.empty() && flying_.empty(); }
  /// The version the device speaks; nothing before its first answer.
  [[nodiscard]] std::optional<smp::Version> version() const noexcept { return version_; }
  [[nodiscard]] const ExchangeCounters& counters() const noexcept { return counters_; }

 private:
  struct Waiting {
    std::uint64_t id = 0;
    Request request;
  };
  struct Flying {
    std::uint64_t id = 0;
    Request request;
    std::uint8_t sequence = 0;
    unsigned attempts = 0;
    Time first;
    Time last;
    Time deadline;
  };
  [[nodiscard]] RttEstimator& estimator(const Request& request) noexcept {
    return rtt_[request.slow ? 1 : 0];
  }
  [[nodiscard]] Duration timeout(const Request& request) noexcept;
  [[nodiscard]] Duration airtime() const noexcept;
  [[nodiscard]] std::uint8_t next_sequence() noexcept;
  [[nodiscard]] smp::Version version_for(const Flying& flying) const noexcept;
  void transmit(Flying& flying, Time now, Work& work);
  void repeat_late(Time now, Work& work);
  void finish(std::vector<Flying>::iterator flying, const smp::Packet& packet, Time now);

  ExchangeOptions options_;
  std::array<RttEstimator, 2> rtt_;
  std::deque<Waiting> waiting_;
  std::vector<Flying> flying_;
  std::vector<Done> done_;
  std::optional<smp::Version> version_;
  std::optional<Time> paused_;
  unsigned in_flight_limit_ = 1;
  unsigned window_ = 1;  // grows with each answer, halves with each loss
  std::size_t largest_packet_ = 512;
  std::uint8_t sequence_ = 0;
  ExchangeCounters counters_;
};

}  // namespace pedigree::station
