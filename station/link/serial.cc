// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <sys/file.h>
#include <termios.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/serial_port.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "core/smp/console.h"
#include "station/link/session.h"

namespace pedigree::station {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kLargestPacket = 65535;

class SerialSession final : public Session {
 public:
  SerialSession(asio::io_context& io, const std::string& path, const LinkOptions& options)
      : Session(io, "serial " + path, with_line_rate(options), kLargestPacket),
        path_(path),
        port_(io),
        pause_(io),
        buffer_(kLargestPacket + 4),
        deframer_(buffer_) {}

  /// Before listen(), on any thread; afterwards by the loop.
  [[nodiscard]] error_code open() {
    error_code error;
    port_.open(path_, error);
    if (!error && ::flock(port_.native_handle(), LOCK_EX | LOCK_NB) != 0) {
      error.assign(EBUSY, boost::system::system_category());
    }
    if (!error) port_.set_option(asio::serial_port::baud_rate(options_.baud), error);
    if (error) {
      error_code ignored;
      port_.close(ignored);
      return error;
    }
    ::tcflush(port_.native_handle(), TCIOFLUSH);
    deframer_.reset();
    // Ends whatever line the device has half of, from us in an earlier life or from the line's noise.
    output_ = {'\n'};
    return {};
  }

  void listen() {
    auto self = std::static_pointer_cast<SerialSession>(shared_from_this());
    asio::co_spawn(io_, run(self), asio::detached);
  }

 protected:
  void send(const std::vector<std::uint8_t>& packet) override {
    if (!port_.is_open()) return;
    std::vector<std::uint8_t> frame(smp::frame_size(packet.size()));
    Writer out(frame);
    smp::write_frame(packet, out);
    output_.insert(output_.end(), frame.begin(), frame.end());
    write();
  }

  void shut() override {
    error_code ignored;
    port_.close(ignored);
    pause_.cancel();
  }

  Failure unanswered() const override {
    const auto seconds = std::chrono::duration<double>(options_.exchange.give_up).count();
    return {Side::device, ErrorCode::timeout,
            fmt::format(
                "no answer on {} in {:.3g} s; check the cable, the speed of {} baud and that the device is "
                "powered",
                path_, seconds, options_.baud)};
  }

 private:
  // 8N1: ten bits an octet.
  static LinkOptions with_line_rate(LinkOptions options) {
    options.exchange.octets_per_second = std::max(options.baud / 10, 1U);
    return options;
  }

  static asio::awaitable<void> run(std::shared_ptr<SerialSession> self) {
    self->write();
    while (!self->closed()) {
      co_await self->read_until_gone();
      if (self->closed()) break;
      self->gone();
      const bool back = co_await self->reopened();
      self->back_or_over(back);
    }
  }

  void gone() {
    notify(fmt::format("{} is gone; waiting for it", path_));
    line_down();
  }

  void back_or_over(bool back) {
    if (closed()) return;
    if (back) {
      notify(fmt::format("{} is back", path_));
      line_up();
    } else {
      give_up({Side::device, ErrorCode::connection_failed,
               fmt::format("{} is gone; plug the cable in and start again", path_)});
    }
  }

  asio::awaitable<void> read_until_gone() {
    std::array<std::uint8_t, 4096> octets{};
    for (;;) {
      const auto [error, size] = co_await port_.async_read_some(asio::buffer(octets), kAwait);
      if (error || size == 0) break;
      for (std::size_t i = 0; i < size; ++i) {
        // A damaged frame is as good as a lost one: the request is repeated.
        if (const auto packet = deframer_.feed(octets[i]); packet && !packet->empty()) received(*packet);
      }
    }
    error_code ignored;
    port_.close(ignored);
  }

  // Tries until the port opens again, the time is over or the session closes.
  asio::awaitable<bool> reopened() {
    const auto until = std::chrono::steady_clock::now() + options_.reconnect;
    auto delay = std::chrono::milliseconds(50);
    while (!closed() && std::chrono::steady_clock::now() < until) {
      pause_.expires_after(delay);
      co_await pause_.async_wait(kAwait);
      if (closed()) break;
      if (!open()) {
        write();
        co_return true;
      }
      delay = std::min(delay * 2, std::chrono::milliseconds(1000));
    }
    co_return false;
  }

  void write() {
    if (writing_ || output_.empty()) return;
    writing_ = true;
    asio::co_spawn(io_, writer(std::static_pointer_cast<SerialSession>(shared_from_this())), asio::detached);
  }

  static asio::awaitable<void> writer(std::shared_ptr<SerialSession> self) {
    while (!self->output_.empty() && self->port_.is_open()) {
      const std::vector<std::uint8_t> octets = std::exchange(self->output_, {});
      const auto [error, size] = co_await asio::async_write(self->port_, asio::buffer(octets), kAwait);
      // The reader sees the same fault and reopens the port.
      if (error) break;
    }
    self->writing_ = false;
  }

  const std::string path_;
  asio::serial_port port_;
  asio::steady_timer pause_;
  std::vector<std::uint8_t> buffer_;
  smp::Deframer deframer_;
  std::vector<std::uint8_t> output_;
  bool writing_ = false;
};

}  // namespace

Outcome<std::unique_ptr<Link>> open_serial(Loop& loop, const std::string& path, const LinkOptions& options) {
  auto session = std::make_shared<SerialSession>(loop.impl().io, path, options);
  if (const error_code error = session->open()) {
    const std::string reason =
        error.value() == EBUSY ? "another program uses it; end that first" : error.message();
    return failed_with(Side::station, ErrorCode::connection_failed, fmt::format("{}: {}", path, reason));
  }
  session->listen();
  return std::make_unique<SessionLink>(std::move(session));
}

}  // namespace pedigree::station
