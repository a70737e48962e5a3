// SPDX-License-Identifier: Apache-2.0
// A line to one device: requests go out, answers come back, over UDP or a serial port. Calls block; any
// number of links share the one thread of a Loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "station/link/capture.h"
#include "station/link/exchange.h"

namespace pedigree::station {

/// The thread on which all sockets and ports live.
class Loop {
 public:
  Loop();
  /// Stops the thread. Links and clients made on it must be gone by then.
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  struct Impl;
  [[nodiscard]] Impl& impl() noexcept { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

/// What the device takes.
struct Limits {
  std::size_t packet = 256;  ///< octets of a packet with its header, both ways
  unsigned in_flight = 1;    ///< requests that it buffers
  bool negotiated = false;   ///< by the OS group's parameters; otherwise assumed
};

class Link {
 public:
  virtual ~Link() = default;
  /// Sends the requests, several at a time where the device allows, and waits for every answer. The result
  /// has one entry for each, in order; a device's error is still a Response (see `payload_of`). Failures:
  /// timeout, connection_failed, frame_too_large.
  [[nodiscard]] virtual std::vector<Outcome<Response>> exchange(std::vector<Request> requests) = 0;
  [[nodiscard]] virtual Limits limits() const = 0;
  /// Takes the device's buffer sizes over; what the transport itself allows still holds.
  virtual void set_limits(const Limits& limits) = 0;
  /// "udp 127.0.0.1:1337" or "serial /dev/ttyACM0".
  [[nodiscard]] virtual std::string peer() const = 0;
  [[nodiscard]] virtual ExchangeCounters counters() const = 0;
};

/// The payload of a successful answer; the device's error otherwise, with its sentence.
[[nodiscard]] Outcome<std::vector<std::uint8_t>> payload_of(Outcome<Response> response);
/// One request and its payload.
[[nodiscard]] Outcome<std::vector<std::uint8_t>> call(Link& link, Request request);

/// Asks for buf_size and buf_count and sets the link's limits. A device that does not know the command is met
/// with the defaults of Limits. Failures: those of exchange.
[[nodiscard]] Outcome<Limits> negotiate(Link& link);
/// OS echo: the text comes back, or bad_value. Failures: those of exchange and the device's own.
[[nodiscard]] Outcome<void> echo(Link& link, std::string_view text);
/// OS reset: the device answers, then restarts.
[[nodiscard]] Outcome<void> reset(Link& link);

struct LinkOptions {
  ExchangeOptions exchange{};
  /// Octets of the largest datagram: the MTU without IP and UDP headers. Serial lines have no such limit.
  std::size_t datagram = 1472;
  unsigned in_flight = 8;  ///< requests in flight, if the device buffers as many
  std::uint32_t baud = 115200;
  std::chrono::milliseconds reconnect = std::chrono::seconds(60);  ///< how long a pulled cable is waited for
  CaptureFile* capture = nullptr;                                  ///< outlives the link
  /// Called on the loop's thread with a sentence when the line goes and when it is back.
  std::function<void(const std::string&)> notice{};
};

/// `address` is "host:port" or "[ipv6]:port"; the port may be left out (1337). Failures: bad_value,
/// connection_failed (unknown host). Nothing is sent yet.
[[nodiscard]] Outcome<std::unique_ptr<Link>> open_udp(Loop& loop, const std::string& address,
                                                      const LinkOptions& options);
/// `path` is a serial port or a pseudo-terminal. Failures: connection_failed (missing, no permission, in
/// use).
[[nodiscard]] Outcome<std::unique_ptr<Link>> open_serial(Loop& loop, const std::string& path,
                                                         const LinkOptions& options);

}  // namespace pedigree::station
