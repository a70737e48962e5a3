// SPDX-License-Identifier: Apache-2.0
#include "cli/device_lines.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>

#include "cli/files.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;
using station::Unit;

/// Adds where the devices of `pedigree device --ready-file` listen.
void read_devices(LineArguments& arguments) {
  const auto content = read_input(arguments.devices);
  if (!content) throw Stop{kExitUnreadable, content.error()};
  boost::system::error_code error;
  const json::value parsed = json::parse(as_text(*content), error);
  const json::value* list =
      !error && parsed.is_object() ? parsed.get_object().if_contains("devices") : nullptr;
  if (list == nullptr || !list->is_array()) {
    stop(kExitUnreadable, arguments.devices + " is not a list of devices",
         "pedigree device --ready-file writes such a file");
  }
  for (const json::value& entry : list->get_array()) {
    const json::object* device = entry.if_object();
    const json::value* udp = device != nullptr ? device->if_contains("udp") : nullptr;
    const json::value* serial = device != nullptr ? device->if_contains("serial") : nullptr;
    std::string peer;
    if (udp != nullptr && udp->is_string()) {
      peer = "udp " + arguments.udp.emplace_back(udp->get_string());
    } else if (serial != nullptr && serial->is_string()) {
      peer = "serial " + arguments.serial.emplace_back(serial->get_string());
    } else {
      stop(kExitUnreadable, arguments.devices + " has a device with neither udp nor serial");
    }
    if (const json::value* group = device->if_contains("smp_group")) {
      boost::system::error_code wrong;
      const auto number = group->to_number<std::uint16_t>(wrong);
      if (wrong || number < smp::kFirstUserGroup) {
        stop(kExitUnreadable, arguments.devices + " has a device whose smp_group is not 64 to 65535");
      }
      arguments.smp_groups[peer] = number;
    }
  }
}

std::vector<Unit> units_of(LineArguments& arguments, station::Loop& loop, station::LinkOptions options) {
  take_up_devices(arguments);
  std::vector<Unit> units;
  const auto named = [&units](const std::string& peer) {
    return std::ranges::find(units, peer, &Unit::peer) != units.end();
  };
  for (const std::string& address : arguments.udp) {
    if (named("udp " + address)) continue;
    options.exchange.pedigree_group = smp_group_of(arguments, "udp " + address);
    units.push_back(
        {"udp " + address, [&loop, address, options] { return station::open_udp(loop, address, options); }});
  }
  for (const std::string& path : arguments.serial) {
    if (named("serial " + path)) continue;
    options.exchange.pedigree_group = smp_group_of(arguments, "serial " + path);
    units.push_back(
        {"serial " + path, [&loop, path, options] { return station::open_serial(loop, path, options); }});
  }
  if (units.empty()) {
    stop(kExitUsage, "no device is named", "give --udp HOST:PORT, --serial PATH or --devices FILE");
  }
  return units;
}

}  // namespace

void stop(ExitCode code, std::string summary, std::string next) {
  throw Stop{code, {.summary = std::move(summary), .details = {}, .next = std::move(next), .note = {}}};
}

void guarded(Context& context, const std::function<void()>& action) {
  try {
    action();
  } catch (const Stop& reason) {
    print_error(context, reason.code, reason.problem);
  }
}

station::Duration seconds(double value) {
  return station::Duration(static_cast<std::int64_t>(value * 1e6));
}

std::function<void(const std::string&)> notices(const Lines& lines, const Context& context) {
  return [&lines, &context](const std::string& text) {
    if (ProvisionView* view = lines.view) {
      view->notice(text);
    } else {
      print_warning(context, text);
    }
  };
}

void take_up_devices(LineArguments& arguments) {
  if (!arguments.devices.empty()) read_devices(arguments);
}

std::uint16_t smp_group_of(const LineArguments& arguments, const std::string& peer) {
  const auto told = arguments.smp_groups.find(peer);
  return told != arguments.smp_groups.end() ? told->second : arguments.smp_group;
}

std::unique_ptr<station::CaptureFile> open_capture(const LineArguments& arguments) {
  if (arguments.capture.empty()) return nullptr;
  auto file = station::CaptureFile::create(arguments.capture);
  if (!file) stop(kExitUnreadable, arguments.capture + ": cannot be written", "give another --capture FILE");
  return *std::move(file);
}

/// Opens what the devices are reached by; nothing is sent yet.
void prepare(Lines& lines, const Context& context, LineArguments& arguments) {
  lines.capture = open_capture(arguments);
  station::LinkOptions options;
  options.exchange.give_up = seconds(arguments.timeout);
  options.baud = arguments.baud;
  options.capture = lines.capture.get();
  options.notice = notices(lines, context);
  lines.units = units_of(arguments, lines.loop, options);
}

void add_line_options(CLI::App& command, LineArguments& arguments) {
  command.add_option("--udp", arguments.udp, "Devices on UDP: HOST:PORT, several with commas")
      ->delimiter(',')
      ->option_text("HOST:PORT");
  command.add_option("--serial", arguments.serial, "Devices on serial ports or pseudo-terminals")
      ->option_text("PATH");
  command.add_option("--devices", arguments.devices, "Devices as `pedigree device --ready-file` lists them")
      ->option_text("FILE");
  command.add_option("--baud", arguments.baud, "Speed of the serial ports (default 115200)")
      ->check(CLI::Range(1200, 4000000));
  command
      .add_option("--smp-group", arguments.smp_group,
                  "Number of Pedigree's SMP group on the devices (default 80, or as --devices tells it)")
      ->check(CLI::Range(64, 65535))
      ->option_text("NUMBER");
  command
      .add_option("--timeout", arguments.timeout,
                  "Give a silent device up after this many seconds (default 15)")
      ->check(CLI::Range(0.1, 3600.0));
  command.add_option("--capture", arguments.capture, "Record the SMP traffic to this pcap file")
      ->option_text("FILE");
}

}  // namespace pedigree::cli
