// SPDX-License-Identifier: Apache-2.0
// pedigree authority token-init: a token in software, to try keys in tokens with.
#include <boost/json.hpp>

#include "cli/authority_command.h"
#include "server/app/token.h"

namespace pedigree::cli {
namespace {

struct TokenArguments {
  std::string directory;
  std::string label = "pedigree";
  std::string module = app::TrialToken().module_path;
};

void run_token_init(Context& context, const TokenArguments& arguments) {
  const app::TrialToken wanted{std::filesystem::absolute(arguments.directory), arguments.label,
                               arguments.module};
  const auto uri = app::make_trial_token(wanted);
  if (!uri) return report_refusal(context, "make the token", uri.error());
  if (context.json) {
    return print_json({{"uri", *uri},
                       {"environment", {{"SOFTHSM2_CONF", wanted.config().string()}}},
                       {"pin_file", wanted.pin().string()},
                       {"so_pin_file", wanted.officer_pin().string()}});
  }
  Table table;
  table.add({"token", {printable(arguments.label), Style::strong}, printable(*uri)});
  table.add({"PIN", printable(wanted.pin().string()), "the URI names this file"});
  table.add({"officer's PIN", printable(wanted.officer_pin().string()), "only to set another PIN"});
  print(table.draw(context));
  if (context.quiet) return;
  print_line();
  print_line("Next: export SOFTHSM2_CONF=" + printable(wanted.config().string()));
  print_line("      pedigree authority init --dir DIR --token '" + printable(*uri) + "'");
}

}  // namespace

void add_authority_token(CLI::App& authority, Context& context) {
  CLI::App* command =
      authority.add_subcommand("token-init", "Make a PKCS#11 token in software (SoftHSM), to try one");
  const auto arguments = std::make_shared<TokenArguments>();
  command->add_option("--dir", arguments->directory, "Directory to make: the token, its PINs, its settings")
      ->required()
      ->option_text("DIR");
  command->add_option("--label", arguments->label, "The token's name")->option_text("NAME");
  command->add_option("--module", arguments->module, "SoftHSM's library")->option_text("FILE");
  command->callback([arguments, &context] { run_token_init(context, *arguments); });
}

}  // namespace pedigree::cli
