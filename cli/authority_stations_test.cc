// SPDX-License-Identifier: Apache-2.0
// `pedigree authority station` and `policy` through the real program.
#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <cstdlib>

#include "cli/command.h"
#include "testing/authority/authority.h"

namespace pedigree::cli {
namespace {

using testing::CommandResult;
using ::testing::HasSubstr;
using ::testing::Not;

class StationCommand : public ::testing::Test {
 protected:
  CommandResult run(std::vector<std::string> words) const {
    words.insert(words.begin(), {std::getenv("PEDIGREE_PROGRAM"), "authority"});
    words.insert(words.end(), {"--dir", folder_.path().string()});
    return testing::run(words);
  }
  CommandResult station(std::vector<std::string> words) const {
    words.insert(words.begin(), "station");
    return run(words);
  }
  /// "allowed", or why not.
  std::string ask(const std::string& name, const std::string& profile) const {
    const CommandResult answer =
        run({"policy", "--station", name, "--device", testing::Unit(1).id(), "--profile", profile, "--json"});
    const auto json = boost::json::parse(answer.output).as_object();
    EXPECT_EQ(answer.status, json.at("allowed").as_bool() ? kExitOk : kExitAuthorityRefused);
    return json.at("allowed").as_bool() ? "allowed" : std::string(json.at("detail").as_string());
  }
  void write_policy(std::string_view text) const { testing::write_file(folder_.layout().policy(), text); }

  testing::AuthorityFolder folder_;
};

TEST_F(StationCommand, RegistersDisablesAndLists) {
  EXPECT_THAT(station({"list"}).output, HasSubstr("No station is registered"));
  const std::string certificate = folder_.layout().tls_certificate("station").string();
  const CommandResult made =
      station({"register", "line 1", "--certificate", certificate, "--why", "bought in spring"});
  ASSERT_EQ(made.status, kExitOk) << made.output;
  EXPECT_THAT(made.output, HasSubstr("station line 1 is enabled"));
  ASSERT_EQ(station({"disable", "line 1", "--why", "stolen"}).status, kExitOk);
  ASSERT_EQ(station({"disable", "line 2", "--why", "never seen, never wanted"}).status, kExitOk);
  const auto list = boost::json::parse(station({"list", "--json"}).output).at("stations").as_array();
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].at("name").as_string(), "line 1");
  EXPECT_FALSE(list[0].at("enabled").as_bool());
  EXPECT_EQ(list[0].at("certificate_sha256").as_string().size(), 64U) << "disabling keeps it";
  EXPECT_TRUE(list[1].at("certificate_sha256").is_null());
  ASSERT_EQ(station({"enable", "line 1", "--why", "found again"}).status, kExitOk);
  EXPECT_THAT(station({"list"}).output, HasSubstr("enabled"));
  EXPECT_EQ(folder_.sql("SELECT count(*) FROM event WHERE what = 'station' AND who LIKE 'local %'"), "4");
  EXPECT_THAT(folder_.sql("SELECT why FROM event WHERE number = 2"), HasSubstr("stolen"));
}

TEST_F(StationCommand, RefusesWhatIsNoStation) {
  EXPECT_EQ(station({"register", "a:b"}).status, kExitAuthorityRefused);
  EXPECT_EQ(station({"register", std::string(65, 'a')}).status, kExitAuthorityRefused);
  const CommandResult hostile = station({"register", "a\x1b[2J"});
  EXPECT_EQ(hostile.status, kExitAuthorityRefused);
  EXPECT_THAT(hostile.output, Not(HasSubstr("\x1b")));
  EXPECT_EQ(station({"register", "a", "--certificate", "/nowhere"}).status, kExitUnreadable);
  EXPECT_EQ(station({"disable", "a"}).status, kExitUsage) << "without a reason";
  EXPECT_EQ(folder_.sql("SELECT count(*) FROM station"), "0");
}

TEST_F(StationCommand, TellsWhatThePolicyLetsAStationDo) {
  EXPECT_EQ(ask("anybody", "iak"), "allowed");
  write_policy("[policy]\nstations = \"registered\"\n[[station]]\nname = \"line *\"\nprofiles = [\"iak\"]\n");
  EXPECT_THAT(ask("line 1", "iak"), HasSubstr("is not registered"));
  ASSERT_EQ(station({"register", "line 1"}).status, kExitOk);
  EXPECT_EQ(ask("line 1", "iak"), "allowed");
  EXPECT_THAT(ask("line 1", "data"), HasSubstr("enrol profile data"));
  EXPECT_THAT(ask("line 1", "nothing"), HasSubstr("nothing"));
  EXPECT_THAT(ask("lab", "iak"), HasSubstr("no rule"));
  ASSERT_EQ(station({"disable", "line 1", "--why", "a test"}).status, kExitOk);
  EXPECT_THAT(ask("line 1", "iak"), HasSubstr("is disabled"));
  EXPECT_THAT(run({"policy"}).output, HasSubstr("Stations must be registered"));
  const auto rules = boost::json::parse(run({"policy", "--json"}).output).as_object();
  EXPECT_EQ(rules.at("rules").as_array().front().at("profiles").as_array().size(), 1U);
  EXPECT_EQ(run({"policy", "--station", "line 1"}).status, kExitUsage);
}

TEST_F(StationCommand, WritesAPolicyWhereThereIsNone) {
  const CommandResult there = run({"policy", "--init"});
  EXPECT_EQ(there.status, kExitUnreadable) << "one that is there is not overwritten";
  std::filesystem::remove(folder_.layout().policy());
  EXPECT_THAT(run({"policy"}).output, HasSubstr("policy --init"));
  ASSERT_EQ(run({"policy", "--init"}).status, kExitOk);
  EXPECT_EQ(ask("anybody", "iak"), "allowed");
}

}  // namespace
}  // namespace pedigree::cli
