// SPDX-License-Identifier: Apache-2.0
#include "device/ports/qemu/host.h"

#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>

#include "device/ports/qemu/unit.h"

namespace asio = boost::asio;
using boost::system::error_code;

namespace pedigree::qemu {
namespace {

/// A first boot takes a tenth of a second on an idle machine; this is for a busy one with many devices.
constexpr auto kPatience = std::chrono::seconds(120);
/// How often it is asked whether the boot stage has refused to start anything, which no answer follows.
constexpr auto kLook = std::chrono::milliseconds(250);

}  // namespace

struct Host::Impl {
  Impl(Firmware with, Prepare ready_made, std::function<void(const std::string&)> tell)
      : firmware(std::move(with)), prepare(std::move(ready_made)), notice(std::move(tell)) {
    signals.async_wait([this](const error_code& error, int) {
      if (error) return;
      stopped = true;
      io.stop();
    });
  }

  /// While starting a failure ends it; later the others go on.
  void failed(const std::string& reason) {
    if (!starting) return notice(reason);
    if (failure.empty()) failure = reason;
    io.stop();
  }

  void look() {
    timer.expires_after(kLook);
    timer.async_wait([this](const error_code& error) {
      if (error || !starting) return;
      for (const auto& unit : units) {
        if (unit->starts_nothing()) return failed("the firmware does not start: " + unit->last_words());
      }
      look();
    });
  }

  Firmware firmware;
  Prepare prepare;
  std::function<void(const std::string&)> notice;
  asio::io_context io{1};
  // Their descriptors need `io`; what its handlers still hold, the emulators among it, goes with it
  // afterwards.
  std::vector<std::unique_ptr<Unit>> units;
  asio::signal_set signals{io, SIGINT, SIGTERM};
  asio::steady_timer timer{io};
  std::size_t ready = 0;
  bool starting = true;
  bool stopped = false;
  std::string failure;
};

Host::Host(Firmware firmware, Prepare prepare, std::function<void(const std::string&)> notice)
    : impl_(std::make_unique<Impl>(std::move(firmware), std::move(prepare), std::move(notice))) {}
Host::~Host() = default;

std::expected<void, std::string> Host::add(const std::filesystem::path& folder) {
  auto state = State::open(folder);
  if (!state) return std::unexpected(state.error());
  auto secure = impl_->prepare(*state);
  if (!secure) return std::unexpected(secure.error());
  Firmware firmware = impl_->firmware;
  firmware.secure = *secure;
  auto terminal = ports::open_pseudo_terminal();
  if (!terminal) return std::unexpected(terminal.error());
  const auto failed = [impl = impl_.get()](const std::string& reason) { impl->failed(reason); };
  const auto ready = [impl = impl_.get()](Unit&) {
    if (++impl->ready == impl->units.size()) impl->io.stop();
  };
  impl_->units.push_back(std::make_unique<Unit>(impl_->io, std::move(firmware), std::move(*state),
                                                *std::move(terminal),
                                                Unit::Events{impl_->notice, ready, failed}));
  return {};
}

std::expected<std::vector<Running>, std::string> Host::start() {
  for (const auto& unit : impl_->units) unit->start();
  asio::steady_timer patience(impl_->io, kPatience);
  patience.async_wait([this](const error_code& error) {
    if (!error) impl_->failed("no answer from the firmware: " + impl_->units.front()->last_words());
  });
  impl_->look();
  impl_->io.run();
  impl_->timer.cancel();
  // Here and not in run(), which a stop() may come before.
  impl_->io.restart();
  impl_->starting = false;
  if (!impl_->failure.empty()) return std::unexpected(impl_->failure);
  if (impl_->stopped) return std::unexpected("interrupted");
  std::vector<Running> running;
  for (const auto& unit : impl_->units) running.push_back(unit->running());
  return running;
}

void Host::run() {
  impl_->io.run();
}

void Host::stop() {
  impl_->io.stop();
}

}  // namespace pedigree::qemu
