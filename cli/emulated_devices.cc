// SPDX-License-Identifier: Apache-2.0
#include "cli/emulated_devices.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "cli/files.h"
#include "cli/output.h"
#include "cli/ready_file.h"
#include "device/factory/prepare.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;

double milliseconds(const qemu::Running& device) {
  return std::chrono::duration<double, std::milli>(device.boot_time).count();
}

json::value to_json(const std::vector<qemu::Running>& devices) {
  json::array list;
  for (const qemu::Running& device : devices) {
    list.push_back(json::object{{"id", device.identity.id},
                                {"state", device.state.string()},
                                {"serial", device.terminal},
                                {"world", device.identity.world},
                                {"secure_log", device.secure_log.string()},
                                {"boot_ms", milliseconds(device)},
                                {"development_root", factory::has_development_root(device.state)}});
  }
  return json::object{{"devices", std::move(list)}};
}

void announce(const Context& context, const std::vector<qemu::Running>& devices) {
  if (context.json) {
    print_json(to_json(devices));
    return;
  }
  if (context.quiet) return;
  Table table({"device", "serial", "secure world", "boot", "secure world's log"});
  for (const qemu::Running& device : devices) {
    table.add({shorten(device.identity.id), device.terminal, device.identity.world,
               fmt::format("{:.0f} ms", milliseconds(device)), device.secure_log.string()});
  }
  print(table.draw(context));
  for (const qemu::Running& device : devices) {
    if (!factory::has_development_root(device.state)) continue;
    print_line("Firmware verified up to a development firmware root of this device's own: " +
               factory::development_folder(device.state).string());
  }
  print_line("Running until interrupted. Next: pedigree provision --help");
}

}  // namespace

void run_emulated_devices(Context& context, const EmulatedArguments& arguments) {
  const auto give_up = [&context](ExitCode code, const std::string& summary, const std::string& next = {}) {
    print_error(context, code, {.summary = summary, .details = {}, .next = next, .note = {}});
  };
  factory::Preparation preparation{.root = {}, .lifecycle = arguments.lifecycle};
  if (!arguments.firmware_root.empty()) {
    auto roots = read_certificates(arguments.firmware_root);
    if (!roots) return print_error(context, kExitUnreadable, roots.error());
    if (roots->size() != 1) {
      return give_up(kExitUnreadable,
                     arguments.firmware_root + ": one certificate is needed, the firmware root");
    }
    preparation.root = std::move(roots->front());
  }
  const auto firmware = preparation.root.empty() ? qemu::find_firmware(arguments.firmware)
                                                 : qemu::find_signed_firmware(arguments.firmware);
  if (!firmware) return give_up(kExitUnreadable, firmware.error().what, firmware.error().next);
  const auto prepare = [&](const qemu::State& state) {
    return factory::prepare(state, *firmware, preparation);
  };
  qemu::Host host(*firmware, prepare, [&context](const std::string& text) { print_warning(context, text); });
  for (std::uint32_t i = 1; i <= arguments.count; ++i) {
    const std::string state =
        arguments.count == 1 ? arguments.state : arguments.state + "/" + std::to_string(i);
    if (const auto added = host.add(state); !added) return give_up(kExitUnreadable, added.error());
  }
  const auto devices = host.start();
  if (!devices) return give_up(kExitNoConnection, devices.error());
  if (!arguments.ready_file.empty() && !write_ready_file(arguments.ready_file, to_json(*devices))) {
    return give_up(kExitUnreadable, arguments.ready_file + ": cannot be written");
  }
  announce(context, *devices);
  host.run();
}

}  // namespace pedigree::cli
