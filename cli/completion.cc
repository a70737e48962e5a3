// SPDX-License-Identifier: Apache-2.0
// Completion scripts. Each first follows the words to the command they lead to, then offers what it takes.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/command_tree.h"

namespace pedigree::cli {
namespace {

/// Inside single quotes of a shell; `escape` stands for a quote.
std::string quoted(std::string_view text, std::string_view escape) {
  std::string out;
  for (const char c : text) {
    if (c == '\'')
      out += escape;
    else
      out += c == '\n' ? ' ' : c;
  }
  return out;
}

/// What may follow a command: its commands, its options and the global ones.
std::vector<const OptionFacts*> options_of(const CommandFacts& command, const CommandFacts& root) {
  std::vector<const OptionFacts*> options;
  for (const OptionFacts& option : command.options) options.push_back(&option);
  if (&command == &root) return options;
  for (const OptionFacts& option : root.options)
    if (option.names.back() != "--help" && option.names.back() != "--version") options.push_back(&option);
  return options;
}

/// case labels of all paths below the root, for shells with the syntax of sh.
std::string path_labels(const CommandFacts& root) {
  std::string labels;
  for (const CommandFacts* command : all_commands(root))
    if (command != &root) labels += (labels.empty() ? "'" : " | '") + command->path + "'";
  return labels;
}

std::string words_of(const CommandFacts& command, const CommandFacts& root) {
  std::string words;
  for (const CommandFacts& below : command.commands) words += below.name + " ";
  for (const OptionFacts& positional : command.positionals)
    for (const std::string& choice : positional.choices) words += choice + " ";
  for (const OptionFacts* option : options_of(command, root))
    words += fmt::format("{} ", fmt::join(option->names, " "));
  words.pop_back();
  return words;
}

constexpr std::string_view kBash =
    R"(# bash completion for pedigree; load with: source <(pedigree completion bash)
_pedigree() {{
  local cur prev at word i words=''
  cur=${{COMP_WORDS[COMP_CWORD]}}
  prev=${{COMP_WORDS[COMP_CWORD - 1]}}
  at=pedigree
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${{COMP_WORDS[i]}}
    case "$at $word" in
      {}) at="$at $word" ;;
    esac
  done
  COMPREPLY=()
  case "$at $prev" in
{}  esac
  if [ -z "$words" ]; then
    case "$at" in
{}    esac
    # A word that is no option and no command is a file, which bash completes by itself.
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}}
complete -o default -o bashdefault -F _pedigree pedigree
)";

constexpr std::string_view kZsh = R"(#compdef pedigree
# zsh completion for pedigree; install as _pedigree in a folder of $fpath
_pedigree() {{
  local at=pedigree word
  local -a items
  for word in "${{(@)words[2,CURRENT-1]}}"; do
    case "$at $word" in
      ({}) at="$at $word" ;;
    esac
  done
  case "$at ${{words[CURRENT-1]}}" in
{}  esac
  case "$at" in
{}  esac
  _describe 'command or option' items
  _files
}}
if [ "${{funcstack[1]}}" = _pedigree ]; then
  _pedigree "$@"
else
  compdef _pedigree pedigree
fi
)";

constexpr std::string_view kFish =
    R"(# fish completion for pedigree; load with: pedigree completion fish | source
function __pedigree_at
    set -l at pedigree
    for word in (commandline -opc)[2..-1]
        switch "$at $word"
            case {}
                set at "$at $word"
        end
    end
    test "$at" = "$argv[1]"
end
complete -c pedigree -e
)";

}  // namespace

std::string bash_completion(const CommandFacts& root) {
  std::string values;
  std::string words;
  for (const CommandFacts* command : all_commands(root)) {
    for (const OptionFacts* option : options_of(*command, root)) {
      if (option->argument.empty()) continue;
      std::string labels;
      for (const std::string& name : option->names)
        labels += fmt::format("{}'{} {}'", labels.empty() ? "" : " | ", command->path, name);
      values += option->choices.empty()
                    ? fmt::format("    {}) return ;;\n", labels)
                    : fmt::format("    {}) words='{}' ;;\n", labels, fmt::join(option->choices, " "));
    }
    words += fmt::format("      '{}') words='{}' ;;\n", command->path, words_of(*command, root));
  }
  return fmt::format(kBash, path_labels(root), values, words);
}

std::string zsh_completion(const CommandFacts& root) {
  constexpr std::string_view kQuote = "'\\''";
  std::string values;
  std::string words;
  for (const CommandFacts* command : all_commands(root)) {
    std::string items;
    for (const CommandFacts& below : command->commands)
      items += fmt::format(" '{}:{}'", below.name, quoted(below.help, kQuote));
    for (const OptionFacts& positional : command->positionals)
      for (const std::string& choice : positional.choices) items += fmt::format(" '{}'", choice);
    for (const OptionFacts* option : options_of(*command, root)) {
      for (const std::string& name : option->names)
        items += fmt::format(" '{}:{}'", name, quoted(option->help, kQuote));
      if (option->argument.empty()) continue;
      for (const std::string& name : option->names)
        values += fmt::format("    ('{} {}') {}; return ;;\n", command->path, name,
                              option->choices.empty()
                                  ? "_files"
                                  : fmt::format("compadd -- {}", fmt::join(option->choices, " ")));
    }
    words += fmt::format("    ('{}') items=({} ) ;;\n", command->path, items);
  }
  return fmt::format(kZsh, path_labels(root), values, words);
}

std::string fish_completion(const CommandFacts& root) {
  std::string labels;
  std::string lines;
  const auto text = [](std::string_view help) { return quoted(help, "\\'"); };
  for (const CommandFacts* command : all_commands(root)) {
    if (command != &root) labels += fmt::format("{}'{}'", labels.empty() ? "" : " ", command->path);
    const std::string start = fmt::format("complete -c pedigree -n \"__pedigree_at '{}'\"", command->path);
    for (const CommandFacts& below : command->commands)
      lines += fmt::format("{} -f -a {} -d '{}'\n", start, below.name, text(below.help));
    for (const OptionFacts& positional : command->positionals)
      if (!positional.choices.empty())
        lines += fmt::format("{} -f -a '{}' -d '{}'\n", start, fmt::join(positional.choices, " "),
                             text(positional.help));
    for (const OptionFacts* option : options_of(*command, root)) {
      std::string names;
      for (const std::string& name : option->names)
        names += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      std::string argument;
      if (!option->choices.empty())
        argument = fmt::format(" -x -a '{}'", fmt::join(option->choices, " "));
      else if (!option->argument.empty())
        argument = " -r -F";
      lines += fmt::format("{}{}{} -d '{}'\n", start, names, argument, text(option->help));
    }
  }
  return fmt::format(kFish, labels) + lines;
}

}  // namespace pedigree::cli
