// SPDX-License-Identifier: Apache-2.0
// `pedigree authority import` through the real program: killed and run again, lists with mistakes, and
// searches after it.
#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <csignal>
#include <cstdlib>

#include "cli/command.h"
#include "testing/authority/authority.h"
#include "testing/support/process.h"

namespace pedigree::cli {
namespace {

using testing::CommandResult;
using ::testing::HasSubstr;
using ::testing::Not;

class RegistryCommand : public ::testing::Test {
 protected:
  static std::string program() { return std::getenv("PEDIGREE_PROGRAM"); }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.scratch(name).string(); }
  CommandResult run(std::vector<std::string> words, const std::string& group = "authority") const {
    words.insert(words.begin(), {program(), group});
    words.insert(words.end(), {"--dir", folder_.path().string()});
    return testing::run(words);
  }
  /// A list of `count` devices of a batch.
  std::string list(const std::string& name, std::size_t count) const {
    std::string text = "device,label\n";
    for (std::size_t i = 0; i < count; ++i) {
      const std::string number = std::to_string(i);
      text += "01" + std::string(64 - number.size(), '0') + number + ",unit " + number + "\n";
    }
    testing::write_file(file(name), std::string_view(text));
    return file(name);
  }
  [[nodiscard]] std::size_t devices() const { return std::stoul(folder_.sql("SELECT count(*) FROM device")); }

  testing::AuthorityFolder folder_;
};

TEST_F(RegistryCommand, AnImportThatWasKilledGoesOnWhereItWas) {
  constexpr std::size_t kLines = 60000;
  const std::string lines = list("list.csv", kLines);
  {
    testing::Process import(
        {program(), "authority", "import", lines, "--batch", "week 1", "--dir", folder_.path().string()});
    // The database may be locked for a moment: sqlite3 then prints no number.
    EXPECT_TRUE(import.wait_until([&] { return folder_.sql("SELECT count(*) > 0 FROM device") == "1"; }))
        << import.errors();
    import.kill(SIGKILL);
    EXPECT_EQ(import.wait(), 128 + SIGKILL) << "it was through before it was killed";
  }
  const std::size_t before = devices();
  EXPECT_GT(before, 0U);
  const auto again =
      boost::json::parse(run({"import", lines, "--batch", "week 1", "--json"}).output).as_object();
  EXPECT_EQ(again.at("known").to_number<std::size_t>(), before);
  EXPECT_EQ(again.at("added").to_number<std::size_t>(), kLines - before);
  EXPECT_EQ(again.at("different").to_number<std::size_t>(), 0U);
  EXPECT_EQ(devices(), kLines);
  const CommandResult verified = run({"verify"}, "audit");
  EXPECT_EQ(verified.status, kExitOk) << verified.output;
  const auto batch = boost::json::parse(run({"batches", "week 1", "--json"}).output).as_object();
  EXPECT_EQ(batch.at("imported").to_number<std::size_t>(), kLines);
}

TEST_F(RegistryCommand, AListWithAMistakeIsNotHalfImported) {
  const std::string id = "01" + std::string(64, 'a');
  testing::write_file(file("bad.csv"), "device,profiles\n" + id + ",iak\n" + id + ",iak\n02,iak\n01" +
                                           std::string(64, 'b') + ",nothing\n");
  const CommandResult bad = run({"import", file("bad.csv")});
  EXPECT_EQ(bad.status, kExitUnreadable);
  EXPECT_THAT(bad.output, HasSubstr("3 mistakes"));
  EXPECT_THAT(bad.output, HasSubstr("nothing was imported"));
  EXPECT_EQ(devices(), 0U);
}

TEST_F(RegistryCommand, ListsAndTheLogAreSearched) {
  ASSERT_EQ(run({"import", list("a.csv", 3), "--batch", "a"}).status, kExitOk);
  ASSERT_EQ(run({"import", file("a.csv"), "--batch", "a"}).status, kExitOk);
  EXPECT_THAT(run({"list", "--label", "unit 2"}).output, HasSubstr("1 device\n"));
  EXPECT_THAT(run({"list", "--batch", "a", "--since", "2020-01-01"}).output, HasSubstr("3 devices"));
  EXPECT_THAT(run({"list", "--batch", "b"}).output, HasSubstr("0 devices"));
  EXPECT_THAT(run({"list", "--id-prefix", "01" + std::string(63, '0') + "1"}).output,
              HasSubstr("1 device\n"));
  EXPECT_EQ(run({"list", "--since", "yesterday"}).status, kExitUsage);
  const CommandResult log = run({"who", "--batch", "a"}, "audit");
  ASSERT_EQ(log.status, kExitOk) << log.output;
  EXPECT_THAT(log.output, HasSubstr("imported"));
  EXPECT_THAT(run({"who", "--by", "nobody", "--json"}, "audit").output, HasSubstr("\"events\": []"));
  EXPECT_EQ(run({"who", "--since", "never"}, "audit").status, kExitUsage);
  EXPECT_EQ(run({"who", "01" + std::string(64, '0'), "--by", "x"}, "audit").status, kExitUsage);
}

}  // namespace
}  // namespace pedigree::cli
