// SPDX-License-Identifier: Apache-2.0
// A line to one device at its rawest: packets as they are, with nothing repeated, numbered or understood. A
// station's Link hides what a conformance test has to see.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "station/link/failure.h"

namespace pedigree::station::conformance {

using Octets = std::vector<std::uint8_t>;
using Clock = std::chrono::steady_clock;

class Line {
 public:
  virtual ~Line() = default;
  /// Sends one packet: a datagram, or console frames. Failures: connection_failed, frame_too_large.
  [[nodiscard]] virtual Outcome<void> send(Bytes packet) = 0;
  /// Sends octets without framing; on UDP a datagram.
  [[nodiscard]] virtual Outcome<void> send_octets(Bytes octets) = 0;
  /// The next packet, or nothing until `deadline`. A line that is gone is opened again meanwhile. Frames that
  /// are damaged count as nothing.
  [[nodiscard]] virtual std::optional<Octets> receive(Clock::time_point deadline) = 0;
  /// Octets of the largest packet that the line itself takes.
  [[nodiscard]] virtual std::size_t largest() const = 0;
  /// Whether packets travel as console frames.
  [[nodiscard]] virtual bool serial() const = 0;
  /// "udp 127.0.0.1:1337" or "serial /dev/ttyACM0".
  [[nodiscard]] virtual std::string peer() const = 0;
};

/// `address` as for station::open_udp. Failures: bad_value, connection_failed (unknown host).
[[nodiscard]] Outcome<std::unique_ptr<Line>> open_udp_line(const std::string& address);
/// Failures: connection_failed (missing, no permission, in use).
[[nodiscard]] Outcome<std::unique_ptr<Line>> open_serial_line(const std::string& path, std::uint32_t baud);

}  // namespace pedigree::station::conformance
