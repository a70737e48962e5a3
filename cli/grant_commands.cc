// SPDX-License-Identifier: Apache-2.0
// pedigree rma|decommission|grant: what secured devices do with grants of their authority; repin has a file
// of its own.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>

#include "cli/authority_options.h"
#include "cli/command.h"
#include "cli/files.h"
#include "cli/grant_devices.h"
#include "station/flow/grant.h"
#include "station/link/text.h"

namespace pedigree::cli {
namespace {

namespace json = boost::json;
using station::Outcome;

struct GrantArguments {
  LineArguments lines;
  AuthorityArguments authority;
  std::string why;
  std::string file;
};

std::string slots_text(const std::vector<std::uint32_t>& slots) {
  if (slots.empty()) return "no slot was in use";
  std::string text = slots.size() == 1 ? "destroyed slot" : "destroyed slots";
  for (const std::uint32_t slot : slots) text += fmt::format(" {}", slot);
  return text;
}

using Flow = Outcome<station::Emptied> (*)(station::Device&, station::AuthorityClient&, const std::string&,
                                           const station::Steps&);

/// What is said of a device whose flow went to its end.
std::string ending(const station::Emptied& emptied, bool ends) {
  std::string what;
  if (ends) {
    what = emptied.already ? "was decommissioned before" : "is decommissioned";
  } else {
    what = slots_text(emptied.slots);
  }
  return fmt::format("{}, {} certificate{} revoked", what, emptied.revoked.size(),
                     emptied.revoked.size() == 1 ? "" : "s");
}

void run_flow(Context& context, GrantArguments& arguments, Flow flow, bool ends) {
  if (!complete_authority(arguments.authority, kGrantRole)) stop(kExitUsage, "--tls is missing", kTlsNext);
  Lines lines;
  const auto authority = prepare_for_grants(lines, context, arguments.lines, arguments.authority);
  json::array list;
  each_device(context, lines, list, [&](station::Device& device) -> Outcome<json::object> {
    STATION_ASSIGN(const auto info, device.info());
    Progress progress(context, ends ? "decommission" : "rma", info.slots_used + 1);
    const station::Steps steps = [&](std::size_t done, std::size_t total) {
      progress.advance((info.slots_used + 1) * done / total);
    };
    auto outcome = flow(device, *authority, arguments.why, steps);
    progress.finish();
    STATION_ASSIGN(const auto emptied, std::move(outcome));
    json::array slots(emptied.slots.begin(), emptied.slots.end());
    json::array revoked;
    for (const std::string& serial : emptied.revoked) revoked.push_back(json::string(serial));
    if (!context.json && !context.quiet) {
      print_line(fmt::format("{}  {}", styled(context, Style::strong, shorten(printable(info.id))),
                             ending(emptied, ends)));
    }
    return json::object{{"device", info.id},
                        {"already", emptied.already},
                        {"destroyed", std::move(slots)},
                        {"revoked", std::move(revoked)}};
  });
  finish_devices(context, lines, std::move(list));
}

void run_challenge(Context& context, GrantArguments& arguments) {
  Lines lines;
  prepare(lines, context, arguments.lines);
  json::array list;
  each_device(context, lines, list, [&](station::Device& device) -> Outcome<json::object> {
    STATION_ASSIGN(const auto info, device.info());
    STATION_ASSIGN(const auto challenge, device.challenge());
    const std::string nonce = station::hex(challenge.nonce);
    if (!context.json) {
      print_line(fmt::format("--device {} --nonce {}", printable(info.id), nonce));
    }
    return json::object{{"device", info.id}, {"nonce", nonce}, {"largest", challenge.max_size}};
  });
  finish_devices(context, lines, std::move(list));
}

/// Gives the grant to the device. A key is destroyed by a call of its own, which an earlier run may not have
/// come to.
Outcome<void> carry_out(station::Device& device, const std::string& id, Bytes message,
                        const grant::Grant& content) {
  const bool destroys = content.operation == grant::Operation::destroy;
  if (destroys && id == station::hex(content.device_id)) {
    auto destroyed = device.destroy(content.slot);
    if (destroyed || destroyed.error().code != ErrorCode::grant_required) return destroyed;
  }
  STATION_TRY(device.send_grant(message));
  return destroys ? device.destroy(content.slot) : Outcome<void>();
}

std::string done_text(grant::Operation operation, std::uint32_t slot) {
  switch (operation) {
    case grant::Operation::begin:
    case grant::Operation::replace:
      return fmt::format("{} of slot {} is permitted until the device restarts", grant::name(operation),
                         slot);
    case grant::Operation::destroy:
      return fmt::format("the key of slot {} is destroyed", slot);
    case grant::Operation::repin:
      return "takes another root now, with its next chain";
    case grant::Operation::decommission:
      break;
  }
  return "is decommissioned";
}

void run_send(Context& context, GrantArguments& arguments) {
  const auto message = read_input(arguments.file, grant::kMaxSize);
  if (!message) return print_error(context, kExitUnreadable, message.error());
  const auto read = grant::read(*message);
  if (!read) {
    stop(kExitUnreadable, arguments.file + ": " + std::string(sentence(read.error().code)),
         "pedigree authority grant writes such a file");
  }
  Lines lines;
  prepare(lines, context, arguments.lines);
  if (lines.units.size() != 1) {
    stop(kExitUsage, "a grant is for one device, and more are named", "name the one");
  }
  const grant::Grant& content = read->grant;
  json::array list;
  each_device(context, lines, list, [&](station::Device& device) -> Outcome<json::object> {
    STATION_ASSIGN(const auto info, device.info());
    STATION_TRY(carry_out(device, info.id, *message, content));
    if (!context.json && !context.quiet) {
      print_line(fmt::format("{}  {}", styled(context, Style::strong, shorten(printable(info.id))),
                             done_text(content.operation, content.slot)));
    }
    return json::object{{"device", info.id}, {"operation", grant::name(content.operation)}};
  });
  finish_devices(context, lines, std::move(list));
}

void add_flow(CLI::App& app, Context& context, const char* name, const char* help, const char* footer,
              Flow flow, bool ends) {
  auto arguments = std::make_shared<GrantArguments>();
  CLI::App* command = app.add_subcommand(name, help);
  command->footer(footer);
  add_line_options(*command, arguments->lines);
  add_authority_options(*command, arguments->authority, kGrantRole)->required();
  command->add_option("--why", arguments->why, "A sentence for the history")->required()->option_text("TEXT");
  command->callback([arguments, &context, flow, ends] {
    guarded(context, [&] { run_flow(context, *arguments, flow, ends); });
  });
}

}  // namespace

void add_rma_command(CLI::App& app, Context& context) {
  add_flow(app, context, "rma", "Empty devices that come back, so that they can be provisioned again",
           "Destroys the key of every slot, by a grant each where the device is secured, and revokes the "
           "device's\n"
           "certificates as superseded. Run again, it goes on where it stopped.",
           station::return_device, false);
}

void add_decommission_command(CLI::App& app, Context& context) {
  add_flow(app, context, "decommission",
           "End devices for good: they wipe themselves and serve nothing any more",
           "Revokes the device's certificates, retires it in the registry, and has it wipe every slot by a "
           "grant.\n"
           "There is no way back. Run again, it goes on where it stopped.",
           station::decommission_device, true);
}

void add_grant_command(CLI::App& app, Context& context) {
  CLI::App* command =
      app.add_subcommand("grant", "Carry grants by hand, where the authority is out of reach");
  command->require_subcommand(1);
  auto asked = std::make_shared<GrantArguments>();
  CLI::App* challenge =
      command->add_subcommand("challenge", "Show what pedigree authority grant needs to know of a device");
  challenge->footer("The nonce is good for one try, and until the device restarts.");
  add_line_options(*challenge, asked->lines);
  challenge->callback([asked, &context] { guarded(context, [&] { run_challenge(context, *asked); }); });
  auto sent = std::make_shared<GrantArguments>();
  CLI::App* send = command->add_subcommand("send", "Give a device its grant, and do what it permits");
  send->footer(
      "A key that may be made or replaced is made by pedigree provision afterwards, before the device "
      "restarts.");
  add_line_options(*send, sent->lines);
  send->add_option("grant", sent->file, "File with the grant")->required()->option_text("FILE");
  send->callback([sent, &context] { guarded(context, [&] { run_send(context, *sent); }); });
}

}  // namespace pedigree::cli
