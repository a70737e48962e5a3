// SPDX-License-Identifier: Apache-2.0
#include "testing/support/process.h"

#include <gtest/gtest.h>

namespace pedigree::testing {
namespace {

TEST(Process, KeepsOutputAndErrorsApart) {
  Process process({"sh", "-c", "echo out; echo \"$WORD\" >&2; exit 3"}, {.environment = {{"WORD", "err"}}});
  EXPECT_EQ(process.wait(), 3);
  EXPECT_EQ(process.output(), "out\n");
  EXPECT_EQ(process.errors(), "err\n");
  EXPECT_FALSE(process.running());
  EXPECT_EQ(Process({"no-such-program-of-ours"}).wait(), 127);
}

TEST(Process, IsWatchedAndKilled) {
  Process process({"sh", "-c", "echo ready; exec sleep 600"});
  EXPECT_TRUE(process.wait_until([&] { return process.output() == "ready\n"; }));
  EXPECT_TRUE(process.running());
  process.kill();
  EXPECT_EQ(process.wait(), 128 + SIGKILL);
  EXPECT_FALSE(process.wait_until([] { return false; }));
}

TEST(Process, HasATerminal) {
  Process process({"sh", "-c", "test -t 0 && test -t 1 && test -t 2 && stty size"}, {.terminal = true});
  EXPECT_EQ(process.wait(), 0);
  EXPECT_EQ(process.output(), "24 100\r\n");
}

TEST(Process, FilesMayNotGrowBeyondTheLimit) {
  const TempDir folder;
  const std::string file = (folder / "x").string();
  const std::vector<std::string> command{"dd", "if=/dev/zero", "of=" + file, "bs=1000", "count=4"};
  EXPECT_EQ(Process(command, {.largest_file = 2500}).wait(), 128 + SIGXFSZ);
  EXPECT_EQ(std::filesystem::file_size(file), 2500U);
  EXPECT_EQ(Process(command, {.largest_file = 2500, .ignore_file_limit = true}).wait(), 1);
}

}  // namespace
}  // namespace pedigree::testing
