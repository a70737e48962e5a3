// SPDX-License-Identifier: Apache-2.0
// How devices are named on the command line and reached, the same for every command that talks to them.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/output.h"
#include "cli/provision_view.h"
#include "station/flow/provision.h"
#include "station/link/capture.h"

namespace pedigree::cli {

/// A failure that ends a command before anything is done; thrown, and caught by guarded().
struct Stop {
  ExitCode code;
  Problem problem;
};

[[noreturn]] void stop(ExitCode code, std::string summary, std::string next = {});

/// The value, or stop() with the failure's own exit code and message.
template <typename T>
T need(station::Outcome<T> outcome, std::string next = {}) {
  if (!outcome) stop(exit_code_of(outcome.error()), outcome.error().message, std::move(next));
  return *std::move(outcome);
}

/// Runs a command; prints what a Stop says.
void guarded(Context& context, const std::function<void()>& action);

struct LineArguments {
  std::vector<std::string> udp;
  std::vector<std::string> serial;
  std::string devices;
  std::uint32_t baud = 115200;
  std::uint16_t smp_group = smp::kPedigreeGroup;
  std::map<std::string, std::uint16_t> smp_groups;  ///< by peer, as --devices tells them
  double timeout = 15;
  std::string capture;
};
/// --udp, --serial, --devices, --baud, --smp-group, --timeout, --capture.
void add_line_options(CLI::App& command, LineArguments& arguments);

/// What devices are reached by. It outlives their links.
struct Lines {
  std::atomic<ProvisionView*> view = nullptr;  ///< while there is one, notices go through it
  std::unique_ptr<station::CaptureFile> capture;
  station::Loop loop;
  std::vector<station::Unit> units;
};

/// Adds the devices that --devices lists to --udp and --serial. Throws Stop.
void take_up_devices(LineArguments& arguments);
/// The number of Pedigree's group on the device at `peer` ("udp HOST:PORT", "serial PATH").
[[nodiscard]] std::uint16_t smp_group_of(const LineArguments& arguments, const std::string& peer);
/// The file of --capture, if one is wanted. Throws Stop.
[[nodiscard]] std::unique_ptr<station::CaptureFile> open_capture(const LineArguments& arguments);

/// Opens what the named devices are reached by; nothing is sent yet. Throws Stop. `arguments` take up the
/// devices of --devices.
void prepare(Lines& lines, const Context& context, LineArguments& arguments);
/// Where notices go: to the view, or as warnings.
[[nodiscard]] std::function<void(const std::string&)> notices(const Lines& lines, const Context& context);
[[nodiscard]] station::Duration seconds(double value);

}  // namespace pedigree::cli
