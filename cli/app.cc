// SPDX-License-Identifier: Apache-2.0
#include "cli/app.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdlib>
#include <memory>

#include "cli/command_tree.h"
#include "cli/output.h"
#include "cli/text.h"

namespace pedigree::cli {
namespace {

/// Names what an option takes without CLI11's types.
class HelpFormatter final : public CLI::Formatter {
 public:
  /// With the whole path of the command, as it is typed.
  std::string make_usage(const CLI::App* app, std::string name) const override {
    std::string path;
    for (const CLI::App* above = app->get_parent(); above != nullptr; above = above->get_parent())
      path = above->get_name() + " " + path;
    return CLI::Formatter::make_usage(app, path + (path.empty() ? name : app->get_name()));
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    std::string text = argument_text(*option);
    if (!option->nonpositional()) text = option->get_items_expected_max() > 1 ? "..." : "";
    if (!text.empty()) text.insert(0, " ");
    return option->get_required() && option->nonpositional() ? text + " (required)" : text;
  }
};

void add_global_options(CLI::App& app, Context& context) {
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.set_version_flag("--version", PEDIGREE_VERSION, "Print the version and exit");
  app.add_flag("--json", context.json, "Print JSON instead of text");
  app.add_flag("--quiet", context.quiet, "Print only errors and what was asked for");
  const auto colour = std::make_shared<std::string>("auto");
  app.add_option("--color", *colour, "Colour: auto (on a terminal, unless NO_COLOR is set), always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}, CLI::ignore_case))
      ->option_text("auto|always|never");
  app.parse_complete_callback([colour, &context] {
    const char* no_colour = std::getenv("NO_COLOR");
    const bool wanted = (no_colour == nullptr || *no_colour == '\0') && isatty(STDOUT_FILENO) != 0;
    context.colour = !context.json && (*colour == "always" || (*colour == "auto" && wanted));
    context.progress = isatty(STDERR_FILENO) != 0 && !context.quiet && !context.json;
  });
}

/// The command that the words so far lead to.
const CLI::App& selected(const CLI::App& app) {
  const CLI::App* current = &app;
  while (!current->get_subcommands().empty()) current = current->get_subcommands().front();
  return *current;
}

std::string path_of(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name() : path_of(*app.get_parent()) + " " + app.get_name();
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  return names;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* level = &app; level != nullptr; level = level->get_parent())
    for (const CLI::Option* option : level->get_options())
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

}  // namespace

void build_app(CLI::App& app, Context& context) {
  app.name("pedigree");
  app.description("Certificate chains for Arm TF-M devices: makes, carries, stores and checks them.");
  app.footer("pedigree COMMAND --help tells more about a command.");
  app.formatter(std::make_shared<HelpFormatter>());
  app.get_formatter()->column_width(36);
  app.fallthrough();
  app.require_subcommand(1);
  add_global_options(app, context);
  add_authority_command(app, context);
  add_audit_command(app, context);
  add_device_command(app, context);
  add_provision_command(app, context);
  add_rma_command(app, context);
  add_decommission_command(app, context);
  add_repin_command(app, context);
  add_grant_command(app, context);
  add_attest_command(app, context);
  add_device_test_command(app, context);
  add_image_command(app, context);
  add_export_command(app, context);
  add_inspect_command(app, context);
  add_verify_command(app, context);
  add_completion_command(app, context);
  add_man_command(app, context);
  add_version_command(app, context);
}

void print_help(const CLI::App& app) {
  if (app["--json"]->count() == 0) return print(app.help());
  const std::string path = path_of(selected(app));
  const CommandFacts root = describe_commands(app);
  for (const CommandFacts* command : all_commands(root))
    if (command->path == path) print_json(to_json(*command));
}

void print_version(const CLI::App& app) {
  if (app["--json"]->count() > 0) return print_json(boost::json::object{{"version", PEDIGREE_VERSION}});
  print_line("pedigree " PEDIGREE_VERSION);
}

void report_usage(const CLI::App& app, const CLI::ParseError& error, Context& context) {
  context.json = app["--json"]->count() > 0;
  const CLI::App& command = selected(app);
  const std::string path = path_of(command);
  const std::vector<std::string> unknown = app.remaining(true);
  Problem problem;
  problem.next = path + " --help";
  const bool lacks_command = command.get_subcommands().size() < command.get_require_subcommand_min();
  if (unknown.empty() && lacks_command && dynamic_cast<const CLI::RequiredError*>(&error) != nullptr &&
      !context.json) {
    print(command.help());
    context.exit_code = kExitUsage;
    return;
  }
  problem.summary = error.what();
  if (!unknown.empty()) {
    const std::string& word = unknown.front();
    const bool option = word.starts_with('-');
    const bool no_command = !option && !command_names(command).empty();
    problem.summary = option       ? fmt::format("{} has no option {}", path, word.substr(0, word.find('=')))
                      : no_command ? fmt::format("{} has no command '{}'", path, word)
                                   : fmt::format("{} takes no further argument '{}'", path, word);
    const std::string meant = option       ? nearest(word.substr(0, word.find('=')), option_names(command))
                              : no_command ? nearest(word, command_names(command))
                                           : std::string();
    if (!meant.empty()) problem.details.emplace_back("meant", no_command ? path + " " + meant : meant);
  }
  print_error(context, kExitUsage, problem);
}

}  // namespace pedigree::cli
