// SPDX-License-Identifier: Apache-2.0
// The demo, as ./demo runs it once the program is built: what it must show, and that it leaves nothing
// behind.
#include <gtest/gtest.h>

#include <cstdlib>
#include <regex>

#include "testing/support/process.h"

namespace pedigree::cli {
namespace {

using testing::CommandResult;

CommandResult demo(const testing::TempDir& folder) {
  return testing::run({"tools/demo.sh", (folder / "demo").string()});
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

/// How many programs have that folder as their working directory.
std::size_t programs_in(const std::string& folder) {
  std::size_t found = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::error_code error;  // of programs that end meanwhile
    if (std::filesystem::read_symlink(entry.path() / "cwd", error).string().starts_with(folder)) ++found;
  }
  return found;
}

std::string program() {
  return std::getenv("PEDIGREE_PROGRAM");
}

TEST(Demo, ProvesTheMainJobAndCanRunAgain) {
  const testing::TempDir folder;
  for (int round = 1; round <= 2; ++round) {
    const CommandResult result = demo(folder);
    ASSERT_EQ(result.status, 0) << result.output;
    EXPECT_EQ(count(result.output, "1 provisioned, 0 already, 0 refused, 0 failed"), 5U) << result.output;
    EXPECT_EQ(count(result.output, "  trusted  the chain is trusted"), 5U) << result.output;
    for (const char* chain : {"sim-1", "sim-2", "sim-3", "sim-3-tls", "board"})
      EXPECT_NE(result.output.find("openssl verify         ok  " + std::string(chain) + "\n"),
                std::string::npos)
          << result.output;
    EXPECT_TRUE(std::regex_search(
        result.output, std::regex("openssl s_server +ok +accepted serialNumber = 01[0-9a-f]{64}\n")))
        << result.output;
    EXPECT_NE(result.output.find("3-mis morf olleh"), std::string::npos) << result.output;
    EXPECT_TRUE(
        std::regex_search(result.output, std::regex("is revoked since [0-9TZ:-]+ \\(keyCompromise\\)\n")))
        << result.output;
    EXPECT_NE(result.output.find("refused                ok  exit status 5\n"), std::string::npos);
    EXPECT_NE(result.output.find("CRL: certificate revoked\n"), std::string::npos) << result.output;
    EXPECT_TRUE(std::regex_search(result.output, std::regex("\n  trusted  [0-9a-f.]+  lifecycle assembly")))
        << result.output;
    EXPECT_NE(result.output.find("sim-2 rejected: exit status 3\n"), std::string::npos) << result.output;
    EXPECT_EQ(result.output.find('\x1b'), std::string::npos) << result.output;
  }
}

TEST(Demo, WhatItSaysToTryNextWorks) {
  const testing::TempDir folder;
  const CommandResult result = demo(folder);
  ASSERT_EQ(result.status, 0) << result.output;
  const std::string suggestions = result.output.substr(result.output.find("Try next:"));
  const std::regex line(
      "\n  (\\S+/pedigree (inspect|verify token|verify chain|authority list|provision --help)[^\n]*)");
  std::size_t tried = 0;
  for (std::sregex_iterator match(suggestions.begin(), suggestions.end(), line), end; match != end; ++match) {
    const CommandResult next = testing::run({"bash", "-c", (*match)[1]});
    // The chain that was revoked is not trusted: that is what it shows.
    EXPECT_EQ(next.status, (*match)[2] == "verify chain" ? 3 : 0) << (*match)[1] << "\n" << next.output;
    ++tried;
  }
  EXPECT_EQ(tried, 5U) << suggestions;
}

TEST(Demo, LeavesNothingRunningWhereverItEnds) {
  const testing::TempDir folder;
  const std::string work = (folder / "demo").string();
  const auto alive = [&work] { return programs_in(work); };
  testing::Process running({"tools/demo.sh", work});
  ASSERT_TRUE(running.wait_until([&] { return std::filesystem::exists(folder / "demo/sim-1.json"); }))
      << running.output() << running.errors();
  running.kill(SIGTERM);
  EXPECT_EQ(running.wait(), 130);
  EXPECT_EQ(alive(), 0U);
  EXPECT_NE(running.errors().find("demo failed at \""), std::string::npos) << running.errors();
  ASSERT_EQ(demo(folder).status, 0);
  EXPECT_EQ(alive(), 0U);
}

TEST(Demo, OneAtATimeInAFolder) {
  const testing::TempDir folder;
  const std::string work = (folder / "demo").string();
  testing::Process running({"tools/demo.sh", work});
  ASSERT_TRUE(running.wait_until([&] { return std::filesystem::exists(folder / "demo/passphrase"); }));
  const CommandResult second = demo(folder);
  EXPECT_EQ(second.status, 1);
  EXPECT_NE(second.output.find("another demo is running"), std::string::npos) << second.output;
  EXPECT_EQ(running.wait(), 0) << running.output() << running.errors();
}

TEST(Demo, AFailingStepSaysWhereAndWhatToDo) {
  const testing::TempDir folder;
  const std::string broken = (folder / "pedigree").string();
  testing::write_file(
      broken, "#!/bin/sh\ncase \"$*\" in *\" verify \"*) echo 'error: broken' >&2; exit 1;; esac\nexec " +
                  program() + " \"$@\"\n");
  std::filesystem::permissions(broken, std::filesystem::perms::owner_all);
  testing::Process running({"tools/demo.sh", (folder / "demo").string()},
                           {.environment = {{"PEDIGREE_PROGRAM", broken}}});
  EXPECT_EQ(running.wait(), 1);
  EXPECT_NE(running.errors().find("error: broken\n"), std::string::npos) << running.errors();
  EXPECT_NE(running.errors().find(
                "demo failed at \"The chains, as pedigree verify chain judges them\"; logs are in " +
                (folder / "demo").string()),
            std::string::npos)
      << running.errors();
}

TEST(Demo, ColoursATerminalAndNoneUnderNoColor) {
  const testing::TempDir folder;
  const std::string work = (folder / "demo").string();
  testing::Process plain({"tools/demo.sh", work}, {.environment = {{"NO_COLOR", "1"}}, .terminal = true});
  EXPECT_EQ(plain.wait(), 0);
  EXPECT_EQ(plain.output().find("\x1b[3"), std::string::npos) << plain.output();
  testing::Process coloured({"tools/demo.sh", work}, {.environment = {{"NO_COLOR", ""}}, .terminal = true});
  EXPECT_EQ(coloured.wait(), 0);
  EXPECT_NE(coloured.output().find("\x1b[32mok"), std::string::npos) << coloured.output();
}

}  // namespace
}  // namespace pedigree::cli
