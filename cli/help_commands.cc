// SPDX-License-Identifier: Apache-2.0
// `pedigree completion` and `pedigree man`: the command line described for shells and for man.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "cli/command.h"
#include "cli/command_tree.h"
#include "cli/files.h"

namespace pedigree::cli {
namespace {

void write_manual_pages(const CommandFacts& root, const std::string& folder, Context& context) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  for (const CommandFacts* command : all_commands(root)) {
    const std::string page = manual_page(*command, root);
    const std::string file = (std::filesystem::path(folder) / manual_file(*command)).string();
    if (const auto written = write_output(file, as_bytes(page)); !written)
      return print_error(context, kExitUnreadable, written.error());
  }
}

void show_manual_page(const CommandFacts& root, const std::vector<std::string>& words, Context& context) {
  const std::string path =
      words.empty() ? root.path : fmt::format("{} {}", root.path, CLI::detail::join(words, " "));
  for (const CommandFacts* command : all_commands(root))
    if (command->path == path) return print(manual_page(*command, root));
  print_error(context, kExitUsage,
              {.summary = fmt::format("there is no command '{}'", path),
               .details = {},
               .next = "pedigree --help",
               .note = {}});
}

}  // namespace

void add_completion_command(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("completion", "Print a completion script for a shell");
  command->footer("For this shell only:  source <(pedigree completion bash)");
  const auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "The shell: bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->option_text("bash|zsh|fish");
  command->callback([shell, &app, &context] {
    (void)context;
    const CommandFacts root = describe_commands(app);
    print(*shell == "bash"  ? bash_completion(root)
          : *shell == "zsh" ? zsh_completion(root)
                            : fish_completion(root));
  });
}

void add_man_command(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("man", "Print the manual page of a command");
  command->footer("To read one:  pedigree man verify chain | man -l -");
  struct Options {
    std::vector<std::string> words;
    std::string folder;
  };
  const auto options = std::make_shared<Options>();
  command
      ->add_option("COMMAND", options->words, "The command, such as: verify chain; none: the program itself")
      ->option_text("[COMMAND] ...");
  command->add_option("--all", options->folder, "Write the pages of all commands into this folder instead")
      ->option_text("FOLDER");
  command->callback([options, &app, &context] {
    const CommandFacts root = describe_commands(app);
    if (options->folder.empty())
      show_manual_page(root, options->words, context);
    else
      write_manual_pages(root, options->folder, context);
  });
}

}  // namespace pedigree::cli
