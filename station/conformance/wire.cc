// SPDX-License-Identifier: Apache-2.0
#include "station/conformance/wire.h"

#include <fmt/format.h>

namespace pedigree::station::conformance {
namespace {

using std::chrono::milliseconds;

/// Before a request is repeated: a quick one, and one on which the device computes. Both double each time.
constexpr milliseconds kQuick{1000};
constexpr milliseconds kSlow{3000};
constexpr milliseconds kLongest{6000};
/// A line on which nothing arrives for this long has nothing more of what was asked before.
constexpr milliseconds kQuiet{50};
constexpr unsigned kBootPatience = 4;

bool answers(const smp::Header& answer, const smp::Header& request) {
  const auto response = static_cast<std::uint8_t>(request.operation) + 1U;
  return static_cast<std::uint8_t>(answer.operation) == response && answer.group == request.group &&
         answer.command == request.command && answer.sequence == request.sequence;
}

std::uint64_t now() {
  return static_cast<std::uint64_t>(Clock::now().time_since_epoch().count());
}

}  // namespace

void Wire::set_limits(const Limits& limits) {
  limits_ = limits;
  limits_.packet = std::min(limits.packet, line_->largest());
}

Octets Wire::packet(const Request& request, smp::Version version) {
  smp::Header header;
  header.operation = request.operation;
  header.version = version;
  header.group = group_on_line(request.group, options_.pedigree_group);
  header.command = request.command;
  header.sequence = sequence_++;
  Octets octets(smp::kHeaderSize + request.payload.size());
  Writer out(octets);
  smp::write_packet(header, request.payload, out);
  return octets;
}

Outcome<void> Wire::send(Bytes packet) {
  if (options_.capture != nullptr && packet.size() <= kMaxCapturedPacket) {
    options_.capture->record(peer(), true, packet);
  }
  ++counters_.sent;
  return line_->send(packet);
}

std::optional<Octets> Wire::next(Duration wait) {
  auto packet = line_->receive(Clock::now() + wait);
  if (packet && options_.capture != nullptr && packet->size() <= kMaxCapturedPacket) {
    options_.capture->record(peer(), false, *packet);
  }
  return packet;
}

void Wire::drain() {
  while (next(kQuiet)) ++counters_.ignored;
}

void Wire::note_error(const Response& response) {
  const auto status = status_of(response);
  if (!status || status->ok()) return;
  if (status->from_group && status->group == smp::kPedigreeGroup) {
    errors_.insert(static_cast<ErrorCode>(status->rc));
  }
  if (status->why != 0) errors_.insert(static_cast<ErrorCode>(status->why));
}

Outcome<Response> Wire::ask(const Request& request, smp::Version version) {
  const Octets sent = packet(request, version);
  const smp::Header header = smp::parse_packet(sent)->header;
  const auto until = Clock::now() + options_.give_up;
  milliseconds patience = request.slow ? kSlow : kQuick;
  for (bool first = true; Clock::now() < until; first = false) {
    if (!first) ++counters_.retransmitted;
    STATION_TRY(send(sent));
    const auto repeat = std::min(until, Clock::now() + patience);
    while (Clock::now() < repeat) {
      const auto left = std::chrono::duration_cast<Duration>(repeat - Clock::now());
      const auto received = next(left);
      if (!received) break;
      const auto answer = smp::parse_packet(*received);
      if (!answer || !answers(answer->header, header)) {
        ++counters_.ignored;
        continue;
      }
      Response response{answer->header, Octets(answer->payload.begin(), answer->payload.end()),
                        options_.pedigree_group};
      response.header.group = request.group;
      note_error(response);
      return response;
    }
    patience = std::min(patience * 2, kLongest);
  }
  const auto seconds = std::chrono::duration<double>(options_.give_up).count();
  return failed_with(Side::device, ErrorCode::timeout,
                     fmt::format("no answer from {} in {:.3g} s; check the line and that the device is "
                                 "powered",
                                 peer(), seconds));
}

std::vector<Outcome<Response>> Wire::exchange(std::vector<Request> requests) {
  std::vector<Outcome<Response>> all;
  all.reserve(requests.size());
  for (const Request& request : requests) all.push_back(ask(request));
  return all;
}

Outcome<void> Wire::wait_until_back() {
  drain();
  const std::string token = fmt::format("back? {}", now() % 1000000);
  Outcome<void> answer = echo(*this, token);
  for (unsigned i = 1; !answer && answer.error().code == ErrorCode::timeout && i < kBootPatience; ++i) {
    answer = echo(*this, token);
  }
  return answer;
}

}  // namespace pedigree::station::conformance
