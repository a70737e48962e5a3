// SPDX-License-Identifier: Apache-2.0
// pedigree authority enrol-token|identity: what clients of other protocols authenticate with.
#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <ctime>

#include "authority/text.h"
#include "cli/authority_command.h"
#include "cli/files.h"
#include "cli/passphrase.h"
#include "server/app/enrol_token.h"
#include "server/app/system_identity.h"

namespace pedigree::cli {
namespace {

struct TokenArguments {
  std::string directory;
  std::string device;
  std::string profile;
  std::uint32_t hours = 24;
};

struct IdentityArguments {
  std::string directory;
  std::string role;
  std::string name;
  std::string out;
  std::uint32_t days = 730;
  std::string passphrase_file;
};

const std::map<std::string, authority::TlsRole>& roles() {
  using enum authority::TlsRole;
  static const std::map<std::string, authority::TlsRole> names{{"station", station},
                                                               {"operator", operator_},
                                                               {"relying-party", relying_party},
                                                               {"bootstrap", bootstrap}};
  return names;
}

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

void run_identity(Context& context, const IdentityArguments& arguments) {
  const auto passphrase = read_passphrase(arguments.passphrase_file, false);
  if (!passphrase) return print_error(context, kExitUnreadable, passphrase.error());
  const app::IdentityOptions options{roles().at(arguments.role), arguments.name, arguments.out,
                                     arguments.days, std::time(nullptr)};
  const auto made = app::make_system_identity({arguments.directory}, options, *passphrase);
  if (!made) return report_refusal(context, "make the identity", made.error());
  const std::string certificate = arguments.out + ".cert.pem";
  const std::string key = arguments.out + ".key.pem";
  if (context.json) return print_json({{"certificate", certificate}, {"key", key}});
  print_line(arguments.role + "  " + printable(certificate) + "  " + printable(key));
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

void add_identity(CLI::App& authority, Context& context) {
  CLI::App* command = authority.add_subcommand(
      "identity",
      "Make a TLS identity for a station, an operator, a relying party, or bootstrapping devices");
  const auto arguments = std::make_shared<IdentityArguments>();
  command->add_option("--dir", arguments->directory, "The authority's directory")
      ->required()
      ->option_text("DIR");
  command->add_option("--role", arguments->role, "What it may do")
      ->required()
      ->check(CLI::IsMember(roles()))
      ->option_text("station|operator|relying-party|bootstrap");
  command->add_option("--name", arguments->name, "Its common name")->required()->option_text("NAME");
  command->add_option("--out", arguments->out, "Writes FILE.cert.pem and FILE.key.pem")
      ->required()
      ->option_text("FILE");
  command->add_option("--days", arguments->days, "How long it is valid")
      ->check(CLI::Range(1, 3650))
      ->option_text("N");
  command
      ->add_option("--passphrase-file", arguments->passphrase_file,
                   "File with the passphrase of the CA keys (else PEDIGREE_PASSPHRASE, else asked for)")
      ->option_text("FILE");
  command->callback([arguments, &context] { run_identity(context, *arguments); });
}

}  // namespace

void add_authority_protocols(CLI::App& authority, Context& context) {
  add_token(authority, context);
  add_identity(authority, context);
}

}  // namespace pedigree::cli
