// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "cli/text.h"

namespace pedigree::cli {
namespace {

TEST(Printable, KeepsTextAndEscapesWhatSteersATerminal) {
  EXPECT_EQ(printable("CN=Gerät, O=Ω"), "CN=Gerät, O=Ω");
  EXPECT_EQ(printable("a\x1b[2Jb\n\x7f"), "a\\1b[2Jb\\0a\\7f");
  EXPECT_EQ(printable("\xc2\x9b"
                      "1m"),
            "\\c2\\9b1m");
  EXPECT_EQ(printable("\xff\xc3"), "\\ff\\c3");
}

TEST(Utf8, RefusesOverlongSurrogateAndCutCharacters) {
  EXPECT_EQ(utf8_length("a"), 1U);
  EXPECT_EQ(utf8_length("\xc3\xa4"), 2U);
  EXPECT_EQ(utf8_length("\xe2\x94\x94"), 3U);
  EXPECT_EQ(utf8_length("\xf0\x9f\x98\x80"), 4U);
  for (const char* bad : {"\x80", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                          "\xf5\x80\x80\x80", "\xc3", "\xe2\x94"})
    EXPECT_EQ(utf8_length(bad), 0U) << printable(bad);
}

TEST(Nearest, FindsWhatWasMeantAndDoesNotGuess) {
  const std::vector<std::string> names{"authority", "device", "provision", "inspect", "verify"};
  EXPECT_EQ(nearest("provison", names), "provision");
  EXPECT_EQ(nearest("veirfy", names), "verify");
  EXPECT_EQ(nearest("divice", names), "device");
  EXPECT_EQ(nearest("banana", names), "");
}

TEST(Table, AlignsByWhatIsSeen) {
  Table table({"unit", "state"});
  table.add({"sim-1", {"ok", Style::good}});
  table.add({"Gerät-22", "no"});
  EXPECT_EQ(table.draw(Context{}), "  unit      state\n  sim-1     ok\n  Gerät-22  no\n");
  EXPECT_EQ(table.draw(Context{.colour = true}, 0),
            "\x1b[2munit\x1b[0m      \x1b[2mstate\x1b[0m\nsim-1     \x1b[32mok\x1b[0m\nGerät-22  no\n");
}

TEST(Tree, DrawsBranchesAndAlignsRemarks) {
  const TreeNode root{
      .label = "Root",
      .remark = "pinned",
      .facts = {"P-256"},
      .children = {{.label = "CA one",
                    .remark = "a",
                    .facts = {},
                    .children = {{.label = "leaf", .remark = "b", .facts = {"x"}, .children = {}}}},
                   {.label = "CA two", .remark = {}, .facts = {}, .children = {}}}};
  EXPECT_EQ(draw_tree(Context{}, root, 0),
            "Root         pinned\n"
            "│  P-256\n"
            "├─ CA one    a\n"
            "│  └─ leaf   b\n"
            "│        x\n"
            "└─ CA two\n");
}

TEST(Shorten, KeepsBothEnds) {
  EXPECT_EQ(shorten("3f9a11223344c2"), "3f9a..c2");
  EXPECT_EQ(shorten("3f9ac2"), "3f9ac2");
}

TEST(PrintError, SaysWhatWhyAndWhatNow) {
  Context context;
  testing::internal::CaptureStderr();
  print_error(
      context, kExitUnreadable,
      {.summary = "no file", .details = {{"file", "a\nb"}}, .next = "look again", .note = "nothing changed"});
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(context.exit_code, kExitUnreadable);
  EXPECT_EQ(text, "error: no file\n  file      a\\0ab\n  next      look again\n(nothing changed)\n");
}

TEST(PrintError, IsJsonOnStdoutWhenAsked) {
  Context context{.json = true};
  testing::internal::CaptureStdout();
  print_error(context, kExitUnreadable,
              {.summary = "no \"file\"", .details = {{"file", "a"}}, .next = {}, .note = {}});
  const boost::json::value value = boost::json::parse(testing::internal::GetCapturedStdout());
  EXPECT_EQ(value.at("error").at("summary").as_string(), "no \"file\"");
  EXPECT_EQ(value.at("error").at("details").at("file").as_string(), "a");
  EXPECT_EQ(value.at("error").at("exit_status").as_int64(), kExitUnreadable);
}

TEST(PrintJson, IsIndentedAndKeepsOrder) {
  testing::internal::CaptureStdout();
  print_json(boost::json::object{{"b", 1}, {"a", {1, "x"}}, {"e", boost::json::array{}}});
  EXPECT_EQ(testing::internal::GetCapturedStdout(),
            "{\n  \"b\": 1,\n  \"a\": [\n    1,\n    \"x\"\n  ],\n  \"e\": []\n}\n");
}

}  // namespace
}  // namespace pedigree::cli
