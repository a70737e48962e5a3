// SPDX-License-Identifier: Apache-2.0
// Help, completion and manual pages: complete, and understood by the programs that read them.
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <sstream>

#include "cli/app.h"
#include "cli/command_tree.h"
#include "testing/support/support.h"

namespace pedigree::cli {
namespace {

using testing::CommandResult;

std::string program() {
  return std::getenv("PEDIGREE_PROGRAM");
}

/// Runs a bash script with the program as $1 and `argument` as $2.
CommandResult bash(const std::string& script, const std::string& argument = {}) {
  return testing::run({"bash", "-c", script, "bash", program(), argument});
}

class Help : public ::testing::Test {
 protected:
  Help() { build_app(app_, context_), root_ = describe_commands(app_); }
  Context context_;
  CLI::App app_;
  CommandFacts root_;
};

TEST_F(Help, EveryCommandAndOptionHasAText) {
  for (const CommandFacts* command : all_commands(root_)) {
    EXPECT_FALSE(command->help.empty()) << command->path;
    for (const auto* options : {&command->options, &command->positionals})
      for (const OptionFacts& option : *options) {
        EXPECT_FALSE(option.help.empty()) << command->path << " " << option.names.back();
        EXPECT_FALSE(option.help.ends_with('.')) << command->path << " " << option.names.back();
      }
  }
}

TEST_F(Help, IsPrintedForEveryCommand) {
  for (const CommandFacts* command : all_commands(root_)) {
    std::vector<std::string> words{program()};
    std::istringstream path(command->path.substr(std::string("pedigree").size()));
    for (std::string word; path >> word;) words.push_back(word);
    words.emplace_back("--help");
    const CommandResult help = testing::run(words);
    EXPECT_EQ(help.status, 0) << command->path;
    EXPECT_NE(help.output.find(command->help), std::string::npos) << help.output;
  }
}

TEST_F(Help, UnknownWordsAreMetWithWhatWasMeant) {
  const CommandResult command = testing::run({program(), "verfy"});
  EXPECT_EQ(command.status, kExitUsage);
  EXPECT_EQ(
      command.output,
      "error: pedigree has no command 'verfy'\n  meant     pedigree verify\n  next      pedigree --help\n");
  const CommandResult option = testing::run({program(), "verify", "chain", "x", "--rooot", "y"});
  EXPECT_EQ(option.status, kExitUsage);
  EXPECT_NE(option.output.find("meant     --root\n"), std::string::npos) << option.output;
}

TEST_F(Help, BashCompletes) {
  const std::string script = R"(
source <("$1" completion bash)
try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _pedigree; echo "${COMPREPLY[*]}"; }
try pedigree verif
try pedigree verify ''  | cut -d' ' -f1
try pedigree verify chain --root-
try pedigree --color al
try pedigree verify chain --color n
try pedigree verify chain --root x
try pedigree completion z
)";
  const CommandResult result = bash(script);
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.output, "verify\ntoken\n--root-spki\nalways\nnever\n\nzsh\n");
}

TEST_F(Help, ZshAndFishComplete) {
  const testing::TempDir folder;
  // In place of zsh's own functions, some that print what they are given.
  const std::string script = R"(
compdef() { : }
_files() { echo files }
_describe() { print -r -- ${items%%:*} }
compadd() { shift; print -r -- $@ }
source <($1 completion zsh)
try() { words=(pedigree "$@" ''); CURRENT=${#words}; _pedigree }
try verify
try verify chain --color
try authority export
try authority init --dir
try provision --profile
)";
  const CommandResult completed = testing::run({"zsh", "-f", "-c", script, "zsh", program()});
  EXPECT_EQ(completed.status, 0) << completed.output;
  EXPECT_TRUE(completed.output.starts_with("token data policy chain -h --help")) << completed.output;
  EXPECT_NE(completed.output.find("\nauto always never\n"), std::string::npos) << completed.output;
  EXPECT_NE(completed.output.find("\nroot chain certificate crl "), std::string::npos) << completed.output;
  EXPECT_TRUE(completed.output.ends_with("\nfiles\niak idevid tls-client data\n")) << completed.output;
  const std::string zsh_file = (folder / "_pedigree").string();
  const CommandResult zsh_check = bash("set -e; \"$1\" completion zsh > \"$2\"; zsh -n \"$2\"", zsh_file);
  EXPECT_EQ(zsh_check.status, 0) << zsh_check.output;
  const CommandResult fish_check = bash(
      "set -e; \"$1\" completion fish > \"$2\"; fish -n \"$2\"; "
      "fish -c \"source $2; complete -C 'pedigree verify ch'\"",
      (folder / "p.fish").string());
  EXPECT_EQ(fish_check.status, 0) << fish_check.output;
  EXPECT_EQ(fish_check.output.rfind("chain\t", 0), 0U) << fish_check.output;
  const CommandResult values = bash(
      "fish -c \"source $2; complete -C 'pedigree verify chain --color al'; "
      "complete -C 'pedigree provision --profile i'\"",
      (folder / "p.fish").string());
  EXPECT_NE(values.output.find("always"), std::string::npos) << values.output;
  EXPECT_NE(values.output.find("idevid"), std::string::npos) << values.output;
}

TEST_F(Help, ManualPagesAreCleanForMandocAndMan) {
  const testing::TempDir folder;
  const std::string path = folder.path().string();
  ASSERT_EQ(testing::run({program(), "man", "--all", path}).status, 0);
  std::size_t pages = 0;
  for (const CommandFacts* command : all_commands(root_)) {
    const std::string file = (folder / manual_file(*command)).string();
    const CommandResult lint = testing::run({"mandoc", "-Tlint", "-Wwarning", file});
    EXPECT_EQ(lint.status, 0) << lint.output;
    const CommandResult shown = bash("MANWIDTH=100 man --warnings -l \"$2\" 2>&1", file);
    EXPECT_EQ(shown.status, 0) << shown.output;
    EXPECT_NE(shown.output.find("EXIT STATUS"), std::string::npos) << shown.output;
    EXPECT_EQ(shown.output.find("warning"), std::string::npos) << shown.output;
    ++pages;
  }
  EXPECT_GE(pages, 5U);
}

}  // namespace
}  // namespace pedigree::cli
