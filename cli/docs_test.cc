// SPDX-License-Identifier: Apache-2.0
// What the documents say of the command line exists, and their links lead somewhere.
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <regex>
#include <sstream>

#include "cli/app.h"
#include "cli/command_tree.h"
#include "testing/support/support.h"

namespace pedigree::cli {
namespace {

namespace fs = std::filesystem;

/// Every Markdown file of the source tree; tests run in its root.
std::vector<fs::path> documents() {
  std::vector<fs::path> found;
  for (auto entry = fs::recursive_directory_iterator("."); entry != fs::recursive_directory_iterator();
       ++entry) {
    const std::string name = entry->path().filename().string();
    if (entry->is_directory() && (name == "build" || name.starts_with('.')))
      entry.disable_recursion_pending();
    if (entry->is_regular_file() && entry->path().extension() == ".md") found.push_back(entry->path());
  }
  return found;
}

bool has_option(const CommandFacts& command, const std::string& name) {
  return std::any_of(command.options.begin(), command.options.end(), [&name](const OptionFacts& option) {
    return std::find(option.names.begin(), option.names.end(), name) != option.names.end();
  });
}

/// Checks one command line, "pedigree verify chain --root x"; returns what is wrong with it.
std::string check_line(const CommandFacts& root, const std::string& line) {
  std::istringstream words(line);
  std::string word;
  words >> word;
  const CommandFacts* command = &root;
  while (words >> word && word != "|" && word != "&&" && word != "·" && word != ">") {
    const auto below = std::find_if(command->commands.begin(), command->commands.end(),
                                    [&word](const CommandFacts& facts) { return facts.name == word; });
    if (below != command->commands.end()) {
      command = &*below;
      continue;
    }
    if (command == &root && !word.starts_with('-') &&
        std::isalpha(static_cast<unsigned char>(word[0])) != 0 &&
        std::islower(static_cast<unsigned char>(word[0])) != 0)
      return "there is no command " + word;
    const std::string option = std::regex_replace(word, std::regex("[=,;.:)'\"\\]].*$"), "");
    if (option.starts_with("--") && option.size() > 2 && !has_option(*command, option) &&
        !has_option(root, option))
      return command->path + " has no option " + option;
  }
  return {};
}

TEST(Docs, CommandLinesExist) {
  CLI::App app;
  Context context;
  build_app(app, context);
  const CommandFacts root = describe_commands(app);
  // In a code span, or a line of a code block, with a prompt or without.
  const std::regex in_span("`(pedigree [^`]+)`");
  const std::regex in_block("^(?:    |\\$ |    \\$ )\\s*(pedigree .*)$");
  std::size_t checked = 0;
  for (const fs::path& file : documents()) {
    std::istringstream lines(testing::read_text(file));
    for (std::string line; std::getline(lines, line);) {
      std::vector<std::string> commands;
      for (std::sregex_iterator match(line.begin(), line.end(), in_span), end; match != end; ++match)
        commands.push_back((*match)[1]);
      if (std::smatch match; std::regex_match(line, match, in_block)) commands.push_back(match[1]);
      for (const std::string& command : commands) {
        EXPECT_EQ(check_line(root, command), "") << file << ": " << command;
        ++checked;
      }
    }
  }
  EXPECT_GE(checked, 1U);
}

TEST(Docs, RelativeLinksLeadSomewhere) {
  const std::regex link("\\]\\(([^)#\\s]+)(#[^)]*)?\\)");
  std::size_t checked = 0;
  for (const fs::path& file : documents()) {
    const std::string text = testing::read_text(file);
    for (std::sregex_iterator match(text.begin(), text.end(), link), end; match != end; ++match) {
      const std::string target = (*match)[1];
      if (target.find("://") != std::string::npos || target.starts_with("mailto:")) continue;
      EXPECT_TRUE(fs::exists(file.parent_path() / target)) << file << " links to " << target;
      ++checked;
    }
  }
  EXPECT_GE(checked, 1U);
}

}  // namespace
}  // namespace pedigree::cli
