// SPDX-License-Identifier: Apache-2.0
#include "cli/command_tree.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <sstream>

namespace pedigree::cli {
namespace {

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, at);) parts.push_back(part);
  return parts;
}

OptionFacts describe_option(const CLI::Option& option) {
  OptionFacts facts;
  for (const std::string& name : option.get_snames()) facts.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) facts.names.push_back("--" + name);
  if (!option.nonpositional()) facts.names.push_back(option.get_name(true));
  facts.help = option.get_description();
  facts.required = option.get_required();
  facts.repeatable = option.get_items_expected_max() > 1;
  if (option.get_items_expected_max() == 0) return facts;
  facts.argument = argument_text(option);
  if (facts.argument.find('|') != std::string::npos) facts.choices = split(facts.argument, '|');
  return facts;
}

CommandFacts describe(const CLI::App& app, const std::string& parent) {
  CommandFacts facts;
  facts.name = app.get_name();
  facts.path = parent.empty() ? facts.name : parent + " " + facts.name;
  facts.help = app.get_description();
  facts.footer = app.get_footer();
  for (const CLI::Option* option : app.get_options())
    (option->nonpositional() ? facts.options : facts.positionals).push_back(describe_option(*option));
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    facts.commands.push_back(describe(*command, facts.path));
  return facts;
}

}  // namespace

std::string argument_text(const CLI::Option& option) {
  if (!option.get_option_text().empty()) return option.get_option_text();
  if (option.get_items_expected_max() == 0) return {};
  // CLI11 writes "TEXT:FILE", "UINT:INT in [1 - 8]", "TEXT:{a,b}": the type, and after it what a validator
  // says.
  const std::string text = option.get_type_name();
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) return text == "UINT" || text == "INT" || text == "FLOAT" ? "NUMBER" : text;
  std::string said = text.substr(colon + 1);
  const std::size_t range = said.find(" in [");
  if (range != std::string::npos) return "NUMBER";
  if (!said.starts_with('{')) return said;
  said = said.substr(1, said.find('}') - 1);
  std::replace(said.begin(), said.end(), ',', '|');
  return said;
}

CommandFacts describe_commands(const CLI::App& app) {
  return describe(app, "");
}

boost::json::object to_json(const CommandFacts& command) {
  namespace json = boost::json;
  const auto describe_all = [](const std::vector<OptionFacts>& options) {
    json::array list;
    for (const OptionFacts& option : options)
      list.push_back(json::object{{"names", json::array(option.names.begin(), option.names.end())},
                                  {"help", option.help},
                                  {"argument", option.argument},
                                  {"choices", json::array(option.choices.begin(), option.choices.end())},
                                  {"required", option.required},
                                  {"repeatable", option.repeatable}});
    return list;
  };
  json::array commands;
  for (const CommandFacts& below : command.commands) commands.push_back(to_json(below));
  return {{"command", command.path},
          {"help", command.help},
          {"footer", command.footer},
          {"options", describe_all(command.options)},
          {"arguments", describe_all(command.positionals)},
          {"commands", std::move(commands)}};
}

std::vector<const CommandFacts*> all_commands(const CommandFacts& root) {
  std::vector<const CommandFacts*> found{&root};
  for (const CommandFacts& command : root.commands) {
    const auto below = all_commands(command);
    found.insert(found.end(), below.begin(), below.end());
  }
  return found;
}

}  // namespace pedigree::cli
