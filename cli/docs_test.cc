// SPDX-License-Identifier: Apache-2.0
// What the documents name exists: command lines with their options and values, scripts, presets, files,
// tests, links.
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <functional>
#include <regex>
#include <set>
#include <sstream>

#include "cli/app.h"
#include "cli/command_tree.h"
#include "testing/support/support.h"

namespace pedigree::cli {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

/// Calls `visit` for every file of the source tree that ends in `suffix`; tests run in its root.
void for_each_file(std::string_view suffix, const std::function<void(const fs::path&)>& visit) {
  for (auto entry = fs::recursive_directory_iterator("."); entry != fs::recursive_directory_iterator();
       ++entry) {
    const std::string name = entry->path().filename().string();
    if (entry->is_directory() && (name == "build" || name.starts_with('.')))
      entry.disable_recursion_pending();
    if (entry->is_regular_file() && name.ends_with(suffix)) visit(entry->path());
  }
}

/// A simple command of a document: its words without quotes.
struct Command {
  fs::path file;
  Words words;
  bool whole = false;  ///< from a line of a block, so that it should run as it stands
};

/// The words up to the end of the simple command at `at`, which is moved behind it. What a shell would put in
/// for $(...) is one word.
Words next_command(std::string_view text, std::size_t& at) {
  Words words;
  std::string word;
  char quote = 0;
  bool in_word = false;
  const auto end_word = [&] {
    if (in_word) words.push_back(word);
    word.clear();
    in_word = false;
  };
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (quote != 0) {
      if (c == quote)
        quote = 0;
      else
        word += c;
    } else if (c == '"' || c == '\'') {
      quote = c;
      in_word = true;
    } else if (text.substr(at, 2) == "$(") {
      in_word = true;
      word += "VALUE";
      at = std::min(text.find(')', at), text.size() - 1);
    } else if (c == ' ') {
      end_word();
    } else if (!in_word && c == '#') {
      at = text.size();
      break;
    } else if (c == '|' || c == '&' || c == ';') {
      ++at;
      break;
    } else {
      word += c;
      in_word = true;
    }
  }
  end_word();
  // Redirections belong to the shell.
  const auto redirection = std::ranges::find_if(
      words, [](const std::string& text_of) { return text_of == ">" || text_of == "<"; });
  words.erase(redirection, words.end());
  // So do settings of the environment.
  while (!words.empty() && std::regex_match(words[0], std::regex("[A-Z_]+=.*"))) words.erase(words.begin());
  return words;
}

void add_commands(const fs::path& file, std::string_view line, bool whole, std::vector<Command>& found) {
  for (std::size_t at = 0; at < line.size();) {
    Words words = next_command(line, at);
    if (!words.empty()) found.push_back({file, std::move(words), whole});
  }
}

/// All commands in code spans and in blocks; a line of a block that ends in a backslash goes on in the next.
std::vector<Command> commands() {
  const std::regex span("`([^`]+)`");
  std::vector<Command> found;
  for_each_file(".md", [&](const fs::path& file) {
    std::istringstream lines(testing::read_text(file));
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("    ")) {
        for (std::string more; line.ends_with('\\') && std::getline(lines, more);)
          line = line.substr(0, line.size() - 1) + more;
        const std::size_t start = line.find_first_not_of(" $");
        if (start != std::string::npos) add_commands(file, std::string_view(line).substr(start), true, found);
        continue;
      }
      for (std::sregex_iterator match(line.begin(), line.end(), span), end; match != end; ++match)
        add_commands(file, (*match)[1].str(), false, found);
    }
  });
  return found;
}

const OptionFacts* find_option(const CommandFacts& command, const std::string& name) {
  const auto option = std::ranges::find_if(command.options, [&name](const OptionFacts& facts) {
    return std::ranges::find(facts.names, name) != facts.names.end();
  });
  return option == command.options.end() ? nullptr : &*option;
}

/// A value that stands for others: FILE, 0134..., <name>.
bool is_placeholder(const std::string& value) {
  return value.find("...") != std::string::npos || value.find('<') != std::string::npos ||
         std::regex_match(value, std::regex("[A-Z0-9_:-]+"));
}

std::string check_value(const OptionFacts& option, const std::string& value) {
  if (option.choices.empty() || is_placeholder(value) ||
      std::ranges::find(option.choices, value) != option.choices.end())
    return {};
  return option.names.back() + " does not take " + value;
}

/// Walks `pedigree verify chain --root x`; returns what is wrong with it.
class LineCheck {
 public:
  explicit LineCheck(const CommandFacts& root) : root_(root), command_(&root) {}

  std::string check(const Command& line) {
    for (std::size_t i = 1; i < line.words.size(); ++i) {
      std::string fault = line.words[i].starts_with('-') && line.words[i].size() > 1
                              ? take_option(line.words, i)
                              : take_word(line.words[i]);
      if (!fault.empty()) return fault;
    }
    const bool asks_help = given_.contains("--help") || given_.contains("--version");
    return line.whole && !asks_help ? missing() : std::string();
  }

 private:
  std::string take_option(const Words& words, std::size_t& i) {
    const std::size_t equals = words[i].find('=');
    const std::string name = words[i].substr(0, equals);
    const OptionFacts* option = find_option(*command_, name);
    if (option == nullptr) option = find_option(root_, name);
    if (option == nullptr) return command_->path + " has no option " + name;
    given_.insert(option->names.back());
    if (option->argument.empty()) return {};
    if (equals != std::string::npos) return check_value(*option, words[i].substr(equals + 1));
    if (i + 1 == words.size()) return {};  // a span may name an option alone
    return check_value(*option, words[++i]);
  }

  std::string take_word(const std::string& word) {
    const auto below = std::ranges::find(command_->commands, word, &CommandFacts::name);
    if (below != command_->commands.end()) {
      command_ = &*below;
      return {};
    }
    const auto& positionals = command_->positionals;
    if (positionals.empty())
      return is_placeholder(word) ? std::string() : command_->path + " has no command or argument " + word;
    if (positionals_ == positionals.size() && !positionals.back().repeatable)
      return command_->path + " takes no further argument " + word;
    const std::size_t position = std::min(positionals_, positionals.size() - 1);
    positionals_ = std::min(positionals_ + 1, positionals.size());
    return check_value(positionals[position], word);
  }

  [[nodiscard]] std::string missing() const {
    for (const OptionFacts& option : command_->options)
      if (option.required && !given_.contains(option.names.back()))
        return command_->path + " requires " + option.names.back();
    for (std::size_t i = positionals_; i < command_->positionals.size(); ++i)
      if (command_->positionals[i].required)
        return command_->path + " requires " + command_->positionals[i].names.back();
    return {};
  }

  const CommandFacts& root_;
  const CommandFacts* command_;
  std::set<std::string> given_;
  std::size_t positionals_ = 0;
};

CommandFacts command_line() {
  CLI::App app;
  Context context;
  build_app(app, context);
  return describe_commands(app);
}

Command command_of(const std::string& line, bool whole) {
  std::size_t at = 0;
  return {"", next_command(line, at), whole};
}

TEST(Docs, TheCheckItselfFindsFaults) {
  const CommandFacts root = command_line();
  const auto check = [&root](const std::string& line) {
    return LineCheck(root).check(command_of("pedigree " + line, true));
  };
  EXPECT_EQ(check("verify chain FILE --root FILE # a remark"), "");
  EXPECT_EQ(check("--json verify chain a b --root=x --crl $(ls *.crl) | head"), "");
  EXPECT_EQ(check("chains"), "pedigree has no command or argument chains");
  EXPECT_EQ(check("verify chain x --roots y"), "pedigree verify chain has no option --roots");
  EXPECT_EQ(check("verify chain --root y"), "pedigree verify chain requires FILE");
  EXPECT_EQ(check("device connect --state x --to y"), "pedigree device connect requires --ca");
  EXPECT_EQ(check("--color sometimes man"), "--color does not take sometimes");
  EXPECT_EQ(check("completion tcsh"), "SHELL does not take tcsh");
  EXPECT_EQ(check("completion bash zsh"), "pedigree completion takes no further argument zsh");
}

TEST(Docs, CommandLinesExist) {
  const CommandFacts root = command_line();
  std::size_t checked = 0;
  for (const Command& command : commands()) {
    if (fs::path(command.words[0]).filename() != "pedigree") continue;
    EXPECT_EQ(LineCheck(root).check(command), "") << command.file;
    ++checked;
  }
  EXPECT_GE(checked, 15U);
}

TEST(Docs, ScriptsTheirOptionsAndPresetsExist) {
  const std::string presets = testing::read_text("CMakePresets.json");
  std::size_t checked = 0;
  for (const Command& command : commands()) {
    const std::string& program = command.words[0];
    const bool script = program.starts_with("./") || program.starts_with("tools/");
    if (script && !is_placeholder(program)) {
      ASSERT_TRUE(fs::is_regular_file(program)) << command.file << " names " << program;
      const std::string text = testing::read_text(program);
      for (const std::string& word : command.words) {
        // Scripts take lists such as --quick | --long, and strip the hyphens of some.
        if (!word.starts_with("--")) continue;
        EXPECT_NE(text.find(word), std::string::npos) << command.file << ": " << program << " " << word;
      }
      ++checked;
    }
    const auto preset = std::ranges::find(command.words, "--preset");
    if (preset == command.words.end() || preset + 1 == command.words.end()) continue;
    EXPECT_NE(presets.find("\"name\": \"" + *(preset + 1) + "\""), std::string::npos)
        << command.file << ": " << *(preset + 1);
    ++checked;
  }
  EXPECT_GE(checked, 15U);
}

TEST(Docs, FilesExist) {
  const std::regex span("`([A-Za-z0-9_./-]+(\\.(h|cc|py|sh|md|cmake)|/))`");
  std::vector<std::string> known;
  for_each_file("", [&](const fs::path& file) { known.push_back(file.string()); });
  std::size_t checked = 0;
  for_each_file(".md", [&](const fs::path& file) {
    const std::string text = testing::read_text(file);
    for (std::sregex_iterator match(text.begin(), text.end(), span), end; match != end; ++match) {
      const std::string name = (*match)[1];
      // x.h stands for any; build/ comes later.
      if (name.starts_with("x.") || name.starts_with("x_") || name.starts_with("build/") ||
          name.starts_with("/"))
        continue;
      // A name may begin where its reader already is: below the document, or below an include folder.
      const bool ends_one =
          std::ranges::any_of(known, [&name](const std::string& path) { return path.ends_with("/" + name); });
      EXPECT_TRUE(ends_one || fs::exists(name) || fs::exists(file.parent_path() / name))
          << file << " names " << name;
      ++checked;
    }
  });
  EXPECT_GE(checked, 30U);
}

TEST(Docs, TestsExist) {
  const std::regex test("\\bTEST(?:_F|_P)?\\((\\w+),\\s*(\\w+)\\)");
  std::set<std::string> known;
  for_each_file("_test.cc", [&](const fs::path& file) {
    const std::string text = testing::read_text(file);
    for (std::sregex_iterator match(text.begin(), text.end(), test), end; match != end; ++match)
      known.insert((*match)[1].str() + "." + (*match)[2].str());
  });
  const std::regex span("`([A-Z]\\w+\\.[A-Z]\\w+)`");
  std::size_t checked = 0;
  for_each_file(".md", [&](const fs::path& file) {
    const std::string text = testing::read_text(file);
    for (std::sregex_iterator match(text.begin(), text.end(), span), end; match != end; ++match) {
      EXPECT_TRUE(known.contains((*match)[1])) << file << " names the test " << (*match)[1];
      ++checked;
    }
  });
  EXPECT_GE(checked, 20U);
}

TEST(Docs, RelativeLinksLeadSomewhere) {
  const std::regex link("\\]\\(([^)#\\s]+)(#[^)]*)?\\)");
  std::size_t checked = 0;
  for_each_file(".md", [&](const fs::path& file) {
    const std::string text = testing::read_text(file);
    for (std::sregex_iterator match(text.begin(), text.end(), link), end; match != end; ++match) {
      const std::string target = (*match)[1];
      if (target.find("://") != std::string::npos || target.starts_with("mailto:")) continue;
      EXPECT_TRUE(fs::exists(file.parent_path() / target)) << file << " links to " << target;
      ++checked;
    }
  });
  EXPECT_GE(checked, 1U);
}

}  // namespace
}  // namespace pedigree::cli
