// SPDX-License-Identifier: Apache-2.0
// A Link for conformance tests: one request at a time on a Line, each repeated until it is answered, and
// under it the packets themselves.
#pragma once

#include <set>

#include "station/conformance/line.h"
#include "station/link/capture.h"
#include "station/link/link.h"

namespace pedigree::station::conformance {

struct WireOptions {
  Duration give_up = std::chrono::seconds(15);
  CaptureFile* capture = nullptr;                      ///< outlives the wire
  std::uint16_t pedigree_group = smp::kPedigreeGroup;  ///< its number on the line
};

class Wire final : public Link {
 public:
  Wire(std::unique_ptr<Line> line, const WireOptions& options) : line_(std::move(line)), options_(options) {}

  std::vector<Outcome<Response>> exchange(std::vector<Request> requests) override;
  [[nodiscard]] Limits limits() const override { return limits_; }
  void set_limits(const Limits& limits) override;
  [[nodiscard]] std::string peer() const override { return line_->peer(); }
  [[nodiscard]] ExchangeCounters counters() const override { return counters_; }

  /// One request in this version of SMP, as exchange does it.
  [[nodiscard]] Outcome<Response> ask(const Request& request, smp::Version version = smp::Version::v2);

  /// A packet under the next sequence number.
  [[nodiscard]] Octets packet(const Request& request, smp::Version version = smp::Version::v2);
  /// Sends a packet once, whatever it is.
  [[nodiscard]] Outcome<void> send(Bytes packet);
  /// Sends octets past the framing; see Line.
  [[nodiscard]] Outcome<void> send_octets(Bytes octets) { return line_->send_octets(octets); }
  /// The next packet that arrives, whatever it is; nothing after `wait`.
  [[nodiscard]] std::optional<Octets> next(Duration wait);
  /// Throws away what is still on its way: all that arrives until nothing came for a moment.
  void drain();
  /// Waits until the device answers an echo, four times as long as for an answer: it may boot. Failures:
  /// timeout.
  [[nodiscard]] Outcome<void> wait_until_back();

  [[nodiscard]] bool serial() const { return line_->serial(); }
  [[nodiscard]] std::size_t line_limit() const { return line_->largest(); }
  [[nodiscard]] std::uint16_t pedigree_group() const noexcept { return options_.pedigree_group; }
  [[nodiscard]] Duration give_up() const noexcept { return options_.give_up; }
  /// Errors of the one list that the device has answered so far.
  [[nodiscard]] const std::set<ErrorCode>& answered_errors() const noexcept { return errors_; }

 private:
  void note_error(const Response& response);

  std::unique_ptr<Line> line_;
  WireOptions options_;
  Limits limits_;
  ExchangeCounters counters_;
  std::set<ErrorCode> errors_;
  std::uint8_t sequence_ = 0;
};

}  // namespace pedigree::station::conformance
