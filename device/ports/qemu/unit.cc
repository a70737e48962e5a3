// SPDX-License-Identifier: Apache-2.0
#include "device/ports/qemu/unit.h"

#include <boost/asio/write.hpp>
#include <fstream>
#include <iterator>

namespace asio = boost::asio;
using boost::system::error_code;

namespace pedigree::qemu {
namespace {

/// A device that ends this often without a word is not worth another try.
constexpr unsigned kSilentLives = 5;
/// What a terminal without a reader keeps; later octets are lost, as on a line that nobody listens to.
constexpr std::size_t kUnread = 64U << 10U;
constexpr std::size_t kLastWords = 400;

std::string tail_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  while (text.ends_with('\n')) text.pop_back();
  if (text.size() > kLastWords) text.erase(0, text.size() - kLastWords);
  for (char& letter : text)
    if (letter == '\n') letter = '|';
  return text;
}

}  // namespace

struct Unit::Life {
  Life(asio::io_context& io, Emulator started)
      : emulator(std::move(started)),
        line(io, asio::local::stream_protocol(), emulator.take_line()),
        watch(io, emulator.take_watch()) {}
  Emulator emulator;
  asio::local::stream_protocol::socket line;
  asio::posix::stream_descriptor watch;
  std::array<std::uint8_t, 4096> input{};
  bool spoke = false;
};

Unit::Unit(asio::io_context& io, Firmware firmware, State state, ports::PseudoTerminal terminal,
           Events events)
    : io_(io),
      firmware_(std::move(firmware)),
      state_(std::move(state)),
      path_(std::move(terminal.path)),
      terminal_(io, terminal.master),
      other_side_(io, terminal.other_side),
      events_(std::move(events)) {}

Running Unit::running() const {
  return {state_.folder(), state_.secure_log(), path_, probe_.answer().value(), boot_time_};
}

std::string Unit::last_words() const {
  std::string text = state_.folder().string();
  if (const std::string said = tail_of(state_.emulator_log()); !said.empty()) text += "; qemu: " + said;
  if (const std::string said = tail_of(state_.secure_log()); !said.empty()) text += "; secure world: " + said;
  return text;
}

bool Unit::starts_nothing() const {
  const std::string said = tail_of(state_.secure_log());
  return said.find("boot: nothing is started") != std::string::npos ||
         said.find("no non-secure image is started") != std::string::npos;
}

void Unit::start() {
  power_on();
}

void Unit::power_on() {
  if (life_ == nullptr) power_on_time_ = std::chrono::steady_clock::now();
  auto emulator = Emulator::start(firmware_, state_);
  if (!emulator) return events_.failed(emulator.error());
  life_ = std::make_shared<Life>(io_, std::move(*emulator));
  read_line(life_);
  if (known_) return read_terminal();
  auto request = std::make_shared<std::vector<std::uint8_t>>(Probe::request());
  asio::async_write(life_->line, asio::buffer(*request), [request](const error_code&, std::size_t) {});
}

void Unit::read_line(const Shared& life) {
  life->line.async_read_some(asio::buffer(life->input),
                             [this, life](const error_code& error, std::size_t size) {
                               if (error) return await_end(life);
                               heard(life, Bytes(life->input).first(size));
                               read_line(life);
                             });
}

/// The line ends with the emulator: all that it said has been heard by then.
void Unit::await_end(const Shared& life) {
  error_code ignored;
  static_cast<void>(life->line.close(ignored));
  life->watch.async_wait(asio::posix::stream_descriptor::wait_read, [this, life](const error_code& error) {
    if (!error) ended(life);
  });
}

void Unit::ended(const Shared& life) {
  const End end = life->emulator.wait();
  silent_lives_ = life->spoke || end.killed ? 0 : silent_lives_ + 1;
  if (silent_lives_ == kSilentLives || (silent_lives_ > 0 && !end.reset && !known_)) {
    return events_.failed("the emulator ended with " + end.how + ": " + last_words());
  }
  if (!end.reset) {
    events_.notice(state_.folder().string() + ": the emulator ended with " + end.how + "; power cycle");
  }
  power_on();
}

void Unit::heard(const Shared& life, Bytes octets) {
  life->spoke = true;
  if (known_) return write_terminal(octets);
  for (const std::uint8_t octet : octets) {
    if (probe_.feed(octet)) return identified();
  }
}

void Unit::identified() {
  boot_time_ = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() -
                                                                     power_on_time_);
  if (!probe_.answer()) {
    return events_.failed("the firmware does not serve: " + probe_.answer().error() + ": " + last_words());
  }
  known_ = true;
  events_.ready(*this);
  read_terminal();
}

/// Octets for a device that is off stay in the terminal until it is on.
void Unit::read_terminal() {
  if (reading_terminal_) return;
  reading_terminal_ = true;
  terminal_.async_read_some(asio::buffer(input_), [this](const error_code& error, std::size_t size) {
    if (!error) write_line(size);
  });
}

void Unit::write_line(std::size_t size) {
  const Shared life = life_;
  asio::async_write(life->line, asio::buffer(input_, size), [this, life](const error_code&, std::size_t) {
    // What a device did not take before it went off is lost.
    reading_terminal_ = false;
    if (life_->line.is_open()) read_terminal();
  });
}

void Unit::write_terminal(Bytes octets) {
  const bool idle = pending_.empty();
  if (pending_.size() + octets.size() > kUnread) return;
  pending_.insert(pending_.end(), octets.begin(), octets.end());
  if (idle) flush_terminal();
}

void Unit::flush_terminal() {
  sending_ = pending_;
  asio::async_write(terminal_, asio::buffer(sending_), [this](const error_code& error, std::size_t size) {
    if (error) return;
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(size));
    if (!pending_.empty()) flush_terminal();
  });
}

}  // namespace pedigree::qemu
