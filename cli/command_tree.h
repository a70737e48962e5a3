// SPDX-License-Identifier: Apache-2.0
// The command line as plain data, from which completion and manual pages are written.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace pedigree::cli {

struct OptionFacts {
  std::vector<std::string> names;  ///< "-h", "--help"; one bare name for a positional
  std::string help;
  std::string argument;              ///< "FILE"; empty for a flag
  std::vector<std::string> choices;  ///< of an argument "auto|always|never"
  bool required = false;
  bool repeatable = false;
};

struct CommandFacts {
  std::string path;  ///< "pedigree verify chain"
  std::string name;  ///< "chain"
  std::string help;
  std::string footer;
  std::vector<OptionFacts> options;
  std::vector<OptionFacts> positionals;
  std::vector<CommandFacts> commands;
};

/// What an option takes, in a word or its choices: "FILE", "auto|always|never"; empty for a flag.
[[nodiscard]] std::string argument_text(const CLI::Option& option);
/// All commands below `app`, and itself, as they are now.
[[nodiscard]] CommandFacts describe_commands(const CLI::App& app);
/// The command and all below it, parents first. Borrows from `root`.
[[nodiscard]] std::vector<const CommandFacts*> all_commands(const CommandFacts& root);

/// The facts under their own names, with `commands` below.
[[nodiscard]] boost::json::object to_json(const CommandFacts& command);

/// Completion scripts for the shells.
[[nodiscard]] std::string bash_completion(const CommandFacts& root);
[[nodiscard]] std::string zsh_completion(const CommandFacts& root);
[[nodiscard]] std::string fish_completion(const CommandFacts& root);

/// A manual page in roff (man macros) of one command; `root` lends the global options.
[[nodiscard]] std::string manual_page(const CommandFacts& command, const CommandFacts& root);
/// "pedigree-verify-chain.1"
[[nodiscard]] std::string manual_file(const CommandFacts& command);

}  // namespace pedigree::cli
