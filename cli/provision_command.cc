// SPDX-License-Identifier: Apache-2.0
// pedigree provision: carries devices through the provisioning flow; what a device is, and what a journal
// holds.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <filesystem>
#include <memory>

#include "cli/authority_options.h"
#include "cli/command.h"
#include "cli/device_lines.h"
#include "cli/output.h"
#include "cli/provision_view.h"
#include "crypto/openssl/openssl_crypto.h"
#include "station/flow/provision.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;
using station::Outcome;
using station::Unit;

/// Whose certificate it takes.
constexpr const char* kRole = "station";

struct ProvisionArguments {
  LineArguments lines;
  std::string journal;
  bool info = false;
  AuthorityArguments authority;
  station::ProvisionOptions flow;
};

json::object info_json(const std::string& peer, const station::DeviceInfo& info,
                       const std::vector<station::Slot>& slots) {
  json::array list;
  for (const station::Slot& slot : slots) {
    list.push_back(json::object{{"slot", slot.slot},
                                {"purpose", enrol::name(slot.purpose)},
                                {"algorithm", crypto::name(slot.type)},
                                {"state", enrol::name(slot.state)},
                                {"origin", enrol::name(slot.origin)},
                                {"key", slot.key},
                                {"chain_size", slot.chain_size},
                                {"chain_sha256", slot.chain_sha256}});
  }
  return {{"line", peer},
          {"device", info.id},
          {"version", info.version},
          {"world", info.world},
          {"lifecycle", enrol::name(info.lifecycle)},
          {"pinned_root", info.pinned_root},
          {"test_key", info.dummy_key},
          {"entropy", enrol::name(info.entropy)},
          {"slots_total", info.slots_total},
          {"largest_chain", info.max_chain},
          {"slots", std::move(list)}};
}

void print_info(const Context& context, const std::string& peer, const station::DeviceInfo& info,
                const std::vector<station::Slot>& slots) {
  print_line(styled(context, Style::strong, printable(info.id)));
  print_line(fmt::format("  line       {}", printable(peer)));
  print_line(
      fmt::format("  service    {}, secure world: {}", printable(info.version), printable(info.world)));
  print_line(fmt::format("  lifecycle  {}", enrol::name(info.lifecycle)));
  print_line(fmt::format("  entropy    {}", enrol::name(info.entropy)));
  print_line(fmt::format("  root       {}", info.pinned_root.empty() ? "none pinned" : info.pinned_root));
  if (info.dummy_key)
    print_warning(context, "the device uses a published test key: anybody can speak in its name");
  if (info.entropy == enrol::Entropy::fixed)
    print_warning(context, "the device makes its keys from a fixed seed: anybody can make the same ones");
  Table table({"slot", "purpose", "algorithm", "state", "origin", "key", "chain"});
  for (const station::Slot& slot : slots) {
    table.add({std::to_string(slot.slot), std::string(enrol::name(slot.purpose)),
               std::string(crypto::name(slot.type)), std::string(enrol::name(slot.state)),
               std::string(enrol::name(slot.origin)), shorten(slot.key),
               slot.chain_size > 0 ? fmt::format("{} octets", slot.chain_size) : "-"});
  }
  print(table.draw(context));
}

/// What a device says of itself.
struct Introduction {
  station::DeviceInfo info;
  std::vector<station::Slot> slots;
};

Outcome<Introduction> meet(const Unit& unit) {
  STATION_ASSIGN(const auto link, unit.open());
  STATION_TRY(station::negotiate(*link));
  station::Device device(*link);
  STATION_ASSIGN(auto info, device.info());
  // Which is all that it answers when it is decommissioned.
  if (info.lifecycle == enrol::Lifecycle::decommissioned) return Introduction{std::move(info), {}};
  STATION_ASSIGN(auto slots, device.slots());
  return Introduction{std::move(info), std::move(slots)};
}

void run_info(Context& context, ProvisionArguments& arguments) {
  Lines lines;
  prepare(lines, context, arguments.lines);
  json::array list;
  for (const Unit& unit : lines.units) {
    const auto met = meet(unit);
    if (!met) {
      const ExitCode code = exit_code_of(met.error());
      const std::string& message = met.error().message;
      list.push_back(json::object{{"line", unit.peer}, {"error", message}});
      if (!context.json) print_error(context, code, {message, {{"line", unit.peer}}, {}, {}});
      context.exit_code = code;
    } else if (context.json) {
      list.push_back(info_json(unit.peer, met->info, met->slots));
    } else {
      print_info(context, unit.peer, met->info, met->slots);
    }
  }
  if (context.json) print_json(json::object{{"devices", std::move(list)}});
}

void summarise(Context& context, const std::vector<station::UnitResult>& results,
               const std::string& authority) {
  std::array<std::size_t, 4> counts{};
  json::array units;
  for (const auto& result : results) {
    ++counts[static_cast<std::size_t>(result.state)];
    if (context.json) units.push_back(to_json(result));
  }
  if (context.json) {
    print_json(json::object{{"units", std::move(units)},
                            {"provisioned", counts[0]},
                            {"already", counts[1]},
                            {"refused", counts[2]},
                            {"failed", counts[3]}});
  } else if (!context.quiet) {
    print_line(fmt::format("{} provisioned, {} already, {} refused, {} failed", counts[0], counts[1],
                           counts[2], counts[3]));
  }
  print_failures(context, results, authority);
}

void check_arguments(ProvisionArguments& arguments) {
  const bool bare =
      arguments.lines.udp.empty() && arguments.lines.serial.empty() && arguments.lines.devices.empty();
  if (bare && arguments.authority.options.url.empty()) throw CLI::RequiredError("--authority");
  const auto require = [](bool given, const std::string& what, const std::string& next) {
    if (!given) stop(kExitUsage, what + " is missing", next);
  };
  require(!arguments.authority.options.url.empty(), "--authority",
          "give --authority https://HOST:PORT, or --info to look only");
  require(!arguments.journal.empty(), "--journal",
          "give --journal FOLDER: by it a run goes on after a crash; it is made if missing");
  require(complete_authority(arguments.authority, kRole), "--tls", kTlsNext);
}

void run_provision(Context& context, ProvisionArguments& arguments) {
  check_arguments(arguments);
  Lines lines;
  prepare(lines, context, arguments.lines);
  const auto authority = open_authority(lines, context, arguments.authority,
                                        "--authority takes https://HOST:PORT, and --tls the folder tls that "
                                        "`pedigree authority init` made, or a copy of it");
  const auto journal = need(station::Journal::open(arguments.journal), "give another --journal FOLDER");
  std::error_code error;
  if (!arguments.flow.out.empty()) std::filesystem::create_directories(arguments.flow.out, error);
  if (error) stop(kExitUnreadable, fmt::format("{}: {}", arguments.flow.out, error.message()));

  const crypto::OpenSslCrypto crypto;
  const station::Line line{*authority, *journal, crypto};
  std::vector<std::string> peers;
  for (const Unit& unit : lines.units) peers.push_back(unit.peer);
  ProvisionView view(context, peers);
  lines.view = &view;
  arguments.flow.progress = [&view](const station::Event& event) { view.update(event); };
  station::deliver_receipts(line);
  const auto results = station::provision_all(lines.units, line, arguments.flow);
  lines.view = nullptr;
  view.finish();
  summarise(context, results, arguments.authority.options.url);
  if (lines.capture != nullptr && !lines.capture->finish())
    print_warning(context, "the capture is not complete");
}

std::string_view state_of(const station::UnitRecord& unit) {
  if (unit.done) return "done";
  if (!unit.receipt.empty()) return "receipt not handed in";
  if (!unit.chain.empty()) return "issued, not stored";
  return unit.message.empty() ? "key made" : "refused";
}

void run_status(Context& context, const std::string& folder) {
  const auto units = need(station::read_units(folder));
  json::array list;
  Table table({"device", "profile", "slot", "state", "serial", "reason"});
  for (const auto& unit : units) {
    list.push_back(json::object{{"device", unit.device},
                                {"profile", unit.profile},
                                {"slot", unit.slot},
                                {"state", state_of(unit)},
                                {"serial", unit.serial},
                                {"reason", unit.message}});
    table.add({shorten(unit.device), unit.profile, std::to_string(unit.slot), std::string(state_of(unit)),
               unit.serial.empty() ? "-" : shorten(unit.serial), unit.message});
  }
  if (context.json) {
    print_json(json::object{{"units", std::move(list)}});
  } else {
    print(table.draw(context));
  }
}

void add_flow_options(CLI::App& command, ProvisionArguments& arguments) {
  command.add_option("--profile", arguments.flow.profile, "What to certify (default iak)")
      ->check(CLI::IsMember({"iak", "idevid", "tls-client", "data"}));
  command
      .add_option_function<std::string>(
          "--origin",
          [&arguments](const std::string& name) {
            arguments.flow.origin = name == "builtin" ? enrol::Origin::builtin : enrol::Origin::generate;
          },
          "Where a new key comes from (default: builtin for iak, generate for the others)")
      ->check(CLI::IsMember({"builtin", "generate"}));
  command
      .add_option("--issuer", arguments.flow.issuer,
                  "Name of the intermediate; default: the authority's choice")
      ->option_text("NAME");
  command
      .add_option("--journal", arguments.journal,
                  "Folder of the journal, by which a run goes on after a crash")
      ->option_text("DIR");
  command
      .add_option(
          "--grant", arguments.flow.grant_why,
          "Have new keys of secured devices granted, for this reason (policy.toml must let the station)")
      ->option_text("WHY");
  command.add_flag("--replace", arguments.flow.replace,
                   "Make a new key in place of one whose certificate was superseded; it serves until then");
  command.add_option("--out", arguments.flow.out, "Folder to write each chain to, as PEM")
      ->option_text("DIR");
  command.add_option("--jobs", arguments.flow.jobs, "Devices at a time (default 64)")
      ->check(CLI::Range(1, 1024));
  command.add_flag("--reset", arguments.flow.reset, "Restart each device at the end");
}

}  // namespace

void add_provision_command(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<ProvisionArguments>();
  CLI::App* command = app.add_subcommand("provision", "Give devices their keys and certificate chains");
  command->require_subcommand(0, 1);
  add_line_options(*command, arguments->lines);
  command->add_flag("--info", arguments->info, "Show what the devices say of themselves, and change nothing");
  add_authority_options(*command, arguments->authority, kRole);
  add_flow_options(*command, *arguments);
  CLI::App* status = command->add_subcommand("status", "Show what a journal knows of its devices");
  auto folder = std::make_shared<std::string>();
  status->add_option("--journal", *folder, "Folder of the journal")->required()->option_text("DIR");
  status->callback([folder, &context] { guarded(context, [&] { run_status(context, *folder); }); });
  command->callback([command, arguments, &context] {
    if (!command->get_subcommands().empty()) return;
    guarded(context,
            [&] { arguments->info ? run_info(context, *arguments) : run_provision(context, *arguments); });
  });
}

}  // namespace pedigree::cli
