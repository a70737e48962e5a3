// SPDX-License-Identifier: Apache-2.0
// `pedigree completion` and `pedigree man`: the command line described for shells and for man; and `pedigree
// version`.
#include <fmt/format.h>
#include <mbedtls/version.h>
#include <openssl/crypto.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <boost/version.hpp>
#include <filesystem>
#include <memory>

#include "cli/command.h"
#include "cli/command_tree.h"
#include "cli/files.h"

namespace pedigree::cli {
namespace {

/// The text itself, or as the one member of an object.
void print_text(const Context& context, std::string_view member, const std::string& text) {
  if (!context.json) return print(text);
  print_json(boost::json::object{{member, text}});
}

void write_manual_pages(const CommandFacts& root, const std::string& folder, Context& context) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  boost::json::array files;
  for (const CommandFacts* command : all_commands(root)) {
    const std::string page = manual_page(*command, root);
    const std::string file = (std::filesystem::path(folder) / manual_file(*command)).string();
    if (const auto written = write_output(file, as_bytes(page)); !written)
      return print_error(context, kExitUnreadable, written.error());
    files.emplace_back(file);
  }
  if (context.json) print_json(boost::json::object{{"files", std::move(files)}});
}

std::string mbedtls_version() {
  std::array<char, 32> text{};
  mbedtls_version_get_string(text.data());
  return text.data();
}

/// What a report of a fault should say; libraries as they are loaded, not as they were when this was built.
void show_version(const Context& context) {
  const std::pair<const char*, std::string> facts[] = {
      {"pedigree", PEDIGREE_VERSION},
      {"OpenSSL", OpenSSL_version(OPENSSL_VERSION_STRING)},
      {"Mbed TLS", mbedtls_version()},
      {"Boost",
       fmt::format("{}.{}.{}", BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100)},
      {"compiler", __VERSION__}};
  if (context.json) {
    boost::json::object object;
    for (const auto& [name, version] : facts) object[name] = version;
    object["version"] = PEDIGREE_VERSION;
    return print_json(object);
  }
  Table table;
  for (const auto& [name, version] : facts) table.add({name, version});
  print(table.draw(context, 0));
}

void show_manual_page(const CommandFacts& root, const std::vector<std::string>& words, Context& context) {
  const std::string path =
      words.empty() ? root.path : fmt::format("{} {}", root.path, CLI::detail::join(words, " "));
  for (const CommandFacts* command : all_commands(root))
    if (command->path == path) return print_text(context, "page", manual_page(*command, root));
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
    const CommandFacts root = describe_commands(app);
    print_text(context, "script",
               *shell == "bash"  ? bash_completion(root)
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

void add_version_command(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("version", "Print the version, and those of the libraries in use");
  command->callback([&context] { show_version(context); });
}

}  // namespace pedigree::cli
