// SPDX-License-Identifier: Apache-2.0
// pedigree authority enrol-token: what clients of other protocols authenticate with.
#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <ctime>

#include "authority/text.h"
#include "cli/authority_command.h"
#include "cli/files.h"
#include "cli/passphrase.h"
#include "server/app/enrol_token.h"

namespace pedigree::cli {
namespace {

struct TokenArguments {
  std::string directory;
  std::string device;
  std::string profile;
  std::uint32_t hours = 24;
};

std::string whoami() {
  return fmt::format("uid {}", ::getuid());
}

void run_token(Context& context, const TokenArguments& arguments) {
  app::EnrolTokenOptions options;
  if (!arguments.device.empty()) {
    const auto device = registry::parse_device_name(arguments.device);
    if (!device) {
      return print_error(context, kExitUsage,
                         {.summary = "--device takes a device id of 66 hex digits or a UUID",
                          .details = {{"given", arguments.device}},
                          .next = {},
                          .note = "no token was made"});
    }
    options.device = *device;
  }
  options.profile = arguments.profile;
  options.now = std::time(nullptr);
  options.seconds = der::UnixTime{arguments.hours} * 3600;
  options.who = whoami();
  const auto authority = app::LocalAuthority::open(arguments.directory);
  if (!authority) return report_refusal(context, "read the authority", authority.error());
  const auto token = app::make_enrol_token(**authority, options);
  if (!token) return report_refusal(context, "make a token", token.error());
  const std::string until = authority::iso_time(options.now + options.seconds);
  if (context.json) {
    return print_json({{"token", token->text()},
                       {"expires", options.now + options.seconds},
                       {"device", options.device ? registry::hex(*options.device) : std::string()},
                       {"profile", options.profile}});
  }
  print_line(token->text());
  if (context.quiet) return;
  print_line("for one certificate by EST, until " + until + "; it is shown this once");
}

void add_token(CLI::App& authority, Context& context) {
  CLI::App* command = authority.add_subcommand(
      "enrol-token", "Make a one-time token, the password with which one certificate is had by EST");
  const auto arguments = std::make_shared<TokenArguments>();
  command->add_option("--dir", arguments->directory, "The authority's directory")
      ->required()
      ->option_text("DIR");
  command
      ->add_option("--device", arguments->device, "The device that it is for, by id or UUID (else any one)")
      ->option_text("ID");
  command->add_option("--profile", arguments->profile, "The profile that it is for (else any one)")
      ->option_text("NAME");
  command->add_option("--hours", arguments->hours, "How long it is good")
      ->check(CLI::Range(1, 8760))
      ->option_text("N");
  command->callback([arguments, &context] { run_token(context, *arguments); });
}

}  // namespace

void add_authority_protocols(CLI::App& authority, Context& context) {
  add_token(authority, context);
}

}  // namespace pedigree::cli
