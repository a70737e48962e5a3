// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <termios.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/serial_port.hpp>
#include <deque>
#include <thread>

#include "core/smp/console.h"
#include "station/conformance/line.h"

namespace pedigree::station::conformance {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kLargestPacket = 65533;
/// How long a write may wait for the line.
constexpr int kWriteMilliseconds = 10000;

class SerialLine final : public Line {
 public:
  SerialLine(std::string path, std::uint32_t baud)
      : path_(std::move(path)), baud_(baud), port_(io_), buffer_(kLargestPacket + 4), deframer_(buffer_) {}

  [[nodiscard]] error_code open() {
    error_code error;
    port_.open(path_, error);
    if (!error && ::flock(port_.native_handle(), LOCK_EX | LOCK_NB) != 0) {
      error.assign(EBUSY, boost::system::system_category());
    }
    if (!error) port_.set_option(asio::serial_port::baud_rate(baud_), error);
    if (error) {
      close();
      return error;
    }
    ::tcflush(port_.native_handle(), TCIOFLUSH);
    deframer_.reset();
    // Ends whatever line the device has half of.
    static_cast<void>(write(as_bytes("\n")));
    return {};
  }

  Outcome<void> send(Bytes packet) override {
    if (packet.size() > kLargestPacket) return failed(Side::station, ErrorCode::frame_too_large);
    Octets frame(smp::frame_size(packet.size()));
    Writer out(frame);
    smp::write_frame(packet, out);
    return send_octets(frame);
  }

  /// What does not leave because the line is gone is lost, as on any line.
  Outcome<void> send_octets(Bytes octets) override {
    if (!port_.is_open() && open()) return {};
    if (!write(octets)) close();
    return {};
  }

  std::optional<Octets> receive(Clock::time_point deadline) override {
    while (packets_.empty()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
      if (left.count() <= 0) return std::nullopt;
      if (!port_.is_open() && open()) {
        std::this_thread::sleep_for(std::min(left, std::chrono::milliseconds(20)));
        continue;
      }
      pollfd ready{port_.native_handle(), POLLIN, 0};
      if (::poll(&ready, 1, static_cast<int>(left.count())) > 0) read();
    }
    Octets packet = std::move(packets_.front());
    packets_.pop_front();
    return packet;
  }
  std::size_t largest() const override { return kLargestPacket; }
  bool serial() const override { return true; }
  std::string peer() const override { return "serial " + path_; }

 private:
  void close() {
    error_code ignored;
    port_.close(ignored);
  }

  [[nodiscard]] bool write(Bytes octets) {
    while (!octets.empty()) {
      const ssize_t size = ::write(port_.native_handle(), octets.data(), octets.size());
      if (size > 0) {
        octets = octets.subspan(static_cast<std::size_t>(size));
        continue;
      }
      if (size < 0 && errno != EAGAIN && errno != EINTR) return false;
      pollfd ready{port_.native_handle(), POLLOUT, 0};
      if (::poll(&ready, 1, kWriteMilliseconds) <= 0) return false;
    }
    return true;
  }

  void read() {
    std::array<std::uint8_t, 4096> octets{};
    const ssize_t size = ::read(port_.native_handle(), octets.data(), octets.size());
    if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) return close();
    for (ssize_t i = 0; i < size; ++i) {
      const auto packet = deframer_.feed(octets[static_cast<std::size_t>(i)]);
      if (packet && !packet->empty()) packets_.emplace_back(packet->begin(), packet->end());
    }
  }

  const std::string path_;
  const std::uint32_t baud_;
  asio::io_context io_{1};
  asio::serial_port port_;
  Octets buffer_;
  smp::Deframer deframer_;
  std::deque<Octets> packets_;
};

}  // namespace

Outcome<std::unique_ptr<Line>> open_serial_line(const std::string& path, std::uint32_t baud) {
  auto line = std::make_unique<SerialLine>(path, baud);
  if (const error_code error = line->open()) {
    const std::string reason =
        error.value() == EBUSY ? "another program uses it; end that first" : error.message();
    return failed_with(Side::station, ErrorCode::connection_failed, fmt::format("{}: {}", path, reason));
  }
  return line;
}

}  // namespace pedigree::station::conformance
