// SPDX-License-Identifier: Apache-2.0
// pedigree device: simulated devices on UDP ports and pseudo-terminals, or emulated ones; and a simulated one
// as a TLS client.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>

#include "cli/command.h"
#include "cli/emulated_devices.h"
#include "cli/factory_firmware.h"
#include "cli/files.h"
#include "cli/output.h"
#include "cli/ready_file.h"
#include "device/ports/sim/device.h"
#include "device/ports/sim/host.h"
#include "device/ports/sim/tls_client.h"
#include "pedigree/slot.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;

struct DeviceArguments {
  std::string state;
  std::uint32_t count = 1;
  std::string udp;
  bool terminal = false;
  bool emulated = false;
  std::string firmware;
  std::string firmware_root;
  std::string ready_file;
  std::string lifecycle;
  bool fsync = false;
  std::uint32_t buffer_size = 1024;
  std::uint32_t buffer_count = 4;
  std::uint16_t smp_group = smp::kPedigreeGroup;
  sim::ImpairmentOptions impairment;
  std::uint32_t delay_ms = 0;
  bool stock_iak = false;
  sim::AttestationOptions attestation;
};

struct ConnectArguments {
  std::string state;
  std::uint32_t slot = 0;
  std::string target;
  std::string ca;
  std::string send;
};

struct Address {
  std::string host;
  std::uint16_t port = 0;
};

/// HOST:PORT; an IPv6 address stands in brackets.
std::optional<Address> parse_address(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return std::nullopt;
  Address address;
  address.host = text.substr(0, colon);
  if (address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']') {
    address.host = address.host.substr(1, address.host.size() - 2);
  }
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + colon + 1, end, address.port);
  if (parsed.ec != std::errc{} || parsed.ptr != end || colon + 1 == text.size()) return std::nullopt;
  return address;
}

const std::vector<std::pair<std::string, enrol::Lifecycle>>& lifecycles() {
  static const std::vector<std::pair<std::string, enrol::Lifecycle>> names{
      {"assembly-and-test", enrol::Lifecycle::assembly_and_test},
      {"rot-provisioning", enrol::Lifecycle::rot_provisioning},
      {"secured", enrol::Lifecycle::secured},
      {"debug", enrol::Lifecycle::debug},
      {"decommissioned", enrol::Lifecycle::decommissioned}};
  return names;
}

std::optional<enrol::Lifecycle> lifecycle_of(const std::string& text) {
  for (const auto& [name, lifecycle] : lifecycles())
    if (name == text) return lifecycle;
  return std::nullopt;
}

std::string hex(Bytes octets) {
  std::string text;
  for (const std::uint8_t octet : octets) {
    text += "0123456789abcdef"[octet >> 4U];
    text += "0123456789abcdef"[octet & 0x0fU];
  }
  return text;
}

/// A simulated device and where it listens.
struct Running {
  std::string state;
  std::unique_ptr<sim::Device> device;
  std::string udp;
  std::string terminal;
};

json::value to_json(const std::vector<Running>& devices, std::uint16_t smp_group) {
  json::array list;
  for (const Running& running : devices) {
    json::object entry{{"id", hex(running.device->id())}, {"state", running.state}};
    if (!running.udp.empty()) entry["udp"] = running.udp;
    if (!running.terminal.empty()) entry["serial"] = running.terminal;
    if (smp_group != smp::kPedigreeGroup) entry["smp_group"] = smp_group;
    list.push_back(std::move(entry));
  }
  return json::object{{"devices", std::move(list)}};
}

/// A failure that ends the command.
struct Failure {
  ExitCode code;
  Problem problem;
};

[[noreturn]] void give_up(ExitCode code, std::string summary, std::string next = {}) {
  throw Failure{code, {.summary = std::move(summary), .details = {}, .next = std::move(next), .note = {}}};
}

sim::DeviceOptions device_options(const Context& context, const DeviceArguments& arguments,
                                  const std::string& state) {
  sim::DeviceOptions options;
  options.lifecycle = lifecycle_of(arguments.lifecycle);
  options.durability = arguments.fsync ? sim::Durability::host : sim::Durability::process;
  options.buffer_size = arguments.buffer_size;
  options.buffer_count = arguments.buffer_count;
  options.smp_group = arguments.smp_group;
  options.stock_iak = arguments.stock_iak;
  options.attestation = arguments.attestation;
  auto firmware = read_factory_firmware(arguments.firmware, arguments.firmware_root);
  if (!firmware) throw Failure{kExitUnreadable, firmware.error()};
  options.firmware = *std::move(firmware);
  options.log = [&context, state](const std::string& text) { print_warning(context, state + ": " + text); };
  return options;
}

std::vector<Running> open_devices(const Context& context, const DeviceArguments& arguments) {
  std::vector<Running> devices;
  Progress progress(context, "devices", arguments.count);
  for (std::uint32_t i = 1; i <= arguments.count; ++i) {
    Running running;
    running.state = arguments.count == 1 ? arguments.state : arguments.state + "/" + std::to_string(i);
    auto device = sim::Device::open(running.state, device_options(context, arguments, running.state));
    if (!device) give_up(kExitUnreadable, device.error());
    running.device = std::move(*device);
    devices.push_back(std::move(running));
    progress.advance(i);
  }
  return devices;
}

void listen(sim::Host& host, const DeviceArguments& arguments, std::vector<Running>& devices) {
  const std::string wanted = arguments.udp.empty() && !arguments.terminal ? "127.0.0.1:1337" : arguments.udp;
  const std::optional<Address> address = wanted.empty() ? std::nullopt : parse_address(wanted);
  for (std::size_t i = 0; i < devices.size(); ++i) {
    if (address) {
      const auto port = static_cast<std::uint16_t>(address->port == 0 ? 0 : address->port + i);
      const auto bound = host.add_udp(*devices[i].device, address->host, port);
      if (!bound)
        give_up(kExitNoConnection, bound.error(), "give another --udp HOST:PORT; port 0 takes a free one");
      devices[i].udp = address->host + ":" + std::to_string(*bound);
    }
    if (arguments.terminal) {
      const auto path = host.add_terminal(*devices[i].device);
      if (!path) give_up(kExitNoConnection, path.error());
      devices[i].terminal = *path;
    }
  }
}

void announce(const Context& context, const std::vector<Running>& devices, std::uint16_t smp_group) {
  if (context.json) {
    print_json(to_json(devices, smp_group));
    return;
  }
  if (context.quiet) return;
  Table table({"device", "udp", "serial", "state"});
  for (const Running& running : devices) {
    table.add({shorten(hex(running.device->id())), running.udp.empty() ? "-" : running.udp,
               running.terminal.empty() ? "-" : running.terminal, running.state});
  }
  print(table.draw(context));
  print_line("Running until interrupted. Next: pedigree provision --help");
}

void run_devices(const Context& context, DeviceArguments& arguments) {
  arguments.impairment.delay = std::chrono::milliseconds(arguments.delay_ms);
  std::vector<Running> devices = open_devices(context, arguments);
  sim::Host host(arguments.impairment);
  listen(host, arguments, devices);
  if (!arguments.ready_file.empty() &&
      !write_ready_file(arguments.ready_file, to_json(devices, arguments.smp_group))) {
    give_up(kExitUnreadable, arguments.ready_file + ": cannot be written");
  }
  announce(context, devices, arguments.smp_group);
  host.run();
}

/// Whether a device was made in this folder: it then has storage assets there.
bool holds_device(const std::string& folder) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error))
    if (entry->path().filename().string().starts_with("asset-")) return true;
  return false;
}

/// The slot to connect with: the one asked for, or the first active one of purpose tls.
std::uint32_t tls_slot(psa_handle_t service, std::uint32_t wanted) {
  if (wanted != 0) return wanted;
  std::uint32_t slot = 0;
  if (pedigree_find_tls_slot(service, &slot) == 0) return slot;
  give_up(kExitDeviceRefused, "the device has no active key for TLS",
          "pedigree provision --profile tls-client");
}

void run_connect(const Context& context, const ConnectArguments& arguments) {
  const Address address = parse_address(arguments.target).value_or(Address{});
  if (const auto ca = read_certificates(arguments.ca); !ca) throw Failure{kExitUnreadable, ca.error()};
  if (!holds_device(arguments.state)) {
    give_up(kExitUnreadable, arguments.state + " is not the state folder of a device",
            "pedigree device --state makes one");
  }
  auto device = sim::Device::open(arguments.state, sim::DeviceOptions{});
  if (!device) give_up(kExitUnreadable, device.error());
  const psa_handle_t service = (*device)->service_handle();
  const std::uint32_t slot = tls_slot(service, arguments.slot);
  const auto session =
      sim::tls_connect(service, slot, {address.host, std::to_string(address.port), arguments.ca},
                       arguments.send.empty() ? "" : arguments.send + "\n");
  if (!session) give_up(kExitNoConnection, session.error());
  if (context.json) {
    print_json(json::object{{"device", hex((*device)->id())},
                            {"slot", slot},
                            {"version", session->version},
                            {"cipher_suite", session->cipher_suite},
                            {"server", session->server_subject},
                            {"received", session->received}});
    return;
  }
  print_line(styled(context, Style::good, "connected") + " to " + printable(session->server_subject) +
             " with " + session->version + ", " + session->cipher_suite + ", by the key of slot " +
             std::to_string(slot));
  std::string_view received = session->received;
  if (received.ends_with('\n')) received.remove_suffix(1);
  if (!received.empty()) print_line(printable(received));
}

template <typename Action>
void guarded(Context& context, Action action) {
  try {
    action();
  } catch (const Failure& failure) {
    print_error(context, failure.code, failure.problem);
  }
}

CLI::Validator address_validator() {
  return {[](std::string& text) { return parse_address(text) ? std::string() : text + " is not HOST:PORT"; },
          "HOST:PORT"};
}

void add_attestation_options(CLI::App& command, DeviceArguments& arguments) {
  command.add_flag(
      "--stock-iak", arguments.stock_iak,
      "The attestation key signs nothing but tokens, as on stock TF-M: it asks by a token request");
  command
      .add_option(
          "--certification-reference", arguments.attestation.certification_reference,
          "What tokens say of the product's certification: 13 digits, a hyphen, 5 digits (default: nothing)")
      ->check([](const std::string& text) {
        const bool good = text.size() == 19 && text[13] == '-' &&
                          std::ranges::count_if(text, [](char c) { return c >= '0' && c <= '9'; }) == 18;
        return good ? std::string() : text + " is not of the form 1234567890123-12345";
      })
      ->option_text("TEXT");
  command
      .add_option("--verification-service", arguments.attestation.verification_service,
                  "Where tokens say that they can be verified (default: nothing)")
      ->option_text("URL");
}

void add_network_options(CLI::App& command, DeviceArguments& arguments) {
  command
      .add_option("--udp", arguments.udp,
                  "Listen on UDP (default 127.0.0.1:1337); port 0 takes free ones, others count up")
      ->check(address_validator())
      ->option_text("HOST:PORT");
  command.add_flag("--pty", arguments.terminal, "Listen on a pseudo-terminal with console framing");
  command
      .add_option("--ready-file", arguments.ready_file,
                  "Write where each device listens to this file, as JSON")
      ->option_text("FILE");
  command
      .add_option("--buffer-size", arguments.buffer_size, "Octets of the SMP buffer that a device reports")
      ->check(CLI::Range(256, 1400));
  command.add_option("--buffer-count", arguments.buffer_count, "SMP buffers that a device reports")
      ->check(CLI::Range(1, 16));
  command
      .add_option("--smp-group", arguments.smp_group,
                  "Number of Pedigree's SMP group (default 80); the file of --ready-file tells it")
      ->check(CLI::Range(64, 65535))
      ->option_text("NUMBER");
  command
      .add_option("--drop", arguments.impairment.drop, "Lose this part of all datagrams, 0 to 1, for tests")
      ->check(CLI::Range(0.0, 1.0));
  command
      .add_option("--duplicate", arguments.impairment.duplicate, "Deliver this part of all datagrams twice")
      ->check(CLI::Range(0.0, 1.0));
  command
      .add_option("--delay", arguments.delay_ms, "Deliver each datagram late by up to this many milliseconds")
      ->check(CLI::Range(0, 60000));
  command
      .add_option("--corrupt", arguments.impairment.corrupt,
                  "Damage this part of all octets on the line, 0 to 1; on UDP the datagram is then lost")
      ->check(CLI::Range(0.0, 1.0));
  command.add_option("--seed", arguments.impairment.seed,
                     "Which losses and delays; the same seed repeats them");
}

/// What an emulated device has of its own; nothing that is the simulator's goes with it.
void add_emulator_options(CLI::App& command, DeviceArguments& arguments) {
  CLI::Option* const emulated = command.add_flag(
      "--qemu", arguments.emulated, "Run the TrustZone firmware in QEMU, each device on a pseudo-terminal");
  for (const char* option :
       {"--udp", "--pty", "--fsync", "--stock-iak", "--certification-reference", "--verification-service",
        "--buffer-size", "--buffer-count", "--smp-group", "--drop", "--duplicate", "--delay", "--seed"}) {
    emulated->excludes(command.get_option(option));
  }
  CLI::Option* const firmware =
      command
          .add_option(
              "--firmware", arguments.firmware,
              "Folder of boot.elf, secure.bin and nonsecure.bin (default: where they were built), or with "
              "--firmware-root of the signed images")
          ->check(CLI::ExistingDirectory);
  command
      .add_option(
          "--firmware-root", arguments.firmware_root,
          "Certificate of the root below which the images of --firmware are signed, secure.img and "
          "nonsecure.img; a new device keeps it for good (default: emulated, a development root of its "
          "own; simulated, no update)")
      ->needs(firmware)
      ->check(CLI::ExistingFile);
}

void add_connect_command(CLI::App& device, Context& context) {
  auto arguments = std::make_shared<ConnectArguments>();
  CLI::App* command = device.add_subcommand(
      "connect",
      "Open a mutual TLS connection with a device's own key; the signature is made in its service");
  command->add_option("--state", arguments->state, "The device's state folder; its daemon must not run")
      ->required()
      ->option_text("DIR");
  command->add_option("--to", arguments->target, "The server; its certificate must be for this name")
      ->required()
      ->check(address_validator())
      ->option_text("HOST:PORT");
  command->add_option("--ca", arguments->ca, "PEM file that the server's chain must end at")
      ->required()
      ->option_text("FILE");
  command->add_option("--slot", arguments->slot, "Key slot; default: the first active one of purpose tls")
      ->check(CLI::Range(1, 8));
  command->add_option("--send", arguments->send, "Send this line, and print the answer")->option_text("TEXT");
  command->callback([arguments, &context] { guarded(context, [&] { run_connect(context, *arguments); }); });
}

}  // namespace

void add_device_command(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<DeviceArguments>();
  CLI::App* command = app.add_subcommand("device", "Run simulated or emulated devices");
  command->require_subcommand(0, 1);
  command->add_option("--state", arguments->state, "Folder of the device's keys and storage; made if missing")
      ->option_text("DIR");
  command
      ->add_option("--count", arguments->count, "Run this many devices, in folders 1, 2, ... below --state")
      ->check(CLI::Range(1, 100000));
  std::vector<std::string> names;
  for (const auto& entry : lifecycles()) names.push_back(entry.first);
  command
      ->add_option("--lifecycle", arguments->lifecycle,
                   "Lifecycle of new devices (default assembly-and-test); existing ones move on to it")
      ->check(CLI::IsMember(names));
  command->add_flag("--fsync", arguments->fsync,
                    "Make each write survive a power cut of this computer, not only of the device");
  add_attestation_options(*command, *arguments);
  add_network_options(*command, *arguments);
  add_emulator_options(*command, *arguments);
  add_connect_command(*command, context);
  command->callback([command, arguments, &context] {
    if (!command->get_subcommands().empty()) return;
    if (arguments->state.empty()) throw CLI::RequiredError("--state");
    const bool alone = !arguments->firmware.empty() && arguments->firmware_root.empty();
    if (alone && !arguments->emulated) throw CLI::RequiredError("--qemu or --firmware-root");
    if (arguments->emulated) {
      return run_emulated_devices(
          context, {arguments->state, arguments->count, arguments->firmware, arguments->firmware_root,
                    arguments->ready_file, lifecycle_of(arguments->lifecycle)});
    }
    guarded(context, [&] { run_devices(context, *arguments); });
  });
}

}  // namespace pedigree::cli
