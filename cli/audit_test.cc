// SPDX-License-Identifier: Apache-2.0
// `pedigree audit` through the real program, on an authority that has done some work.
#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <cstdlib>

#include "cli/command.h"
#include "testing/authority/authority.h"

namespace pedigree::cli {
namespace {

using testing::CommandResult;
using ::testing::HasSubstr;

class AuditCommand : public ::testing::Test {
 protected:
  AuditCommand() {
    testing::write_file(file("pass"), as_bytes(std::string(testing::kPassphrase) + "\n"));
    std::filesystem::permissions(file("pass"), std::filesystem::perms::owner_read);
    for (std::uint64_t unit = 1; unit <= 3; ++unit) {
      const auto answer = testing::enrol(*authority_.client("station"), testing::Unit(unit));
      serials_.emplace_back(answer.json().at("serial").as_string());
    }
  }
  [[nodiscard]] std::string file(const std::string& name) const { return authority_.scratch(name).string(); }
  [[nodiscard]] std::string directory() const { return authority_.path().string(); }
  static CommandResult run(std::vector<std::string> words) {
    words.insert(words.begin(), {std::getenv("PEDIGREE_PROGRAM"), "audit"});
    return testing::run(words);
  }
  [[nodiscard]] CommandResult checkpoint(const std::string& name) const {
    return run({"checkpoint", "--dir", directory(), "--passphrase-file", file("pass"), "--out", file(name)});
  }

  testing::ServedAuthority authority_;
  std::vector<std::string> serials_;
};

TEST_F(AuditCommand, TellsWhoIssuedWhatAndOnWhoseAuthority) {
  const CommandResult shown = run({"who", serials_[0], "--dir", directory()});
  ASSERT_EQ(shown.status, kExitOk) << shown.output;
  EXPECT_THAT(shown.output, HasSubstr("station 1"));
  EXPECT_THAT(shown.output, HasSubstr("127.0.0.1"));
  EXPECT_THAT(shown.output, HasSubstr(serials_[0]));
  const CommandResult json = run({"who", testing::Unit(1).id(), "--dir", directory(), "--json"});
  const auto events = boost::json::parse(json.output).at("events").as_array();
  const auto& issued = events.back().as_object();
  EXPECT_EQ(issued.at("what").as_string(), "issued");
  EXPECT_THAT(std::string(issued.at("authority").as_string()), HasSubstr(" < root"));
  EXPECT_EQ(run({"who", std::string(32, 'a'), "--dir", directory()}).status, kExitAuthorityRefused);
  EXPECT_THAT(run({"who", "nothing", "--dir", directory()}).output, HasSubstr("no device id"));
}

TEST_F(AuditCommand, VerifiesAndFindsAnEditedRow) {
  ASSERT_EQ(checkpoint("first").status, kExitOk);
  const CommandResult well = run({"verify", "--dir", directory(), "--checkpoint", file("first")});
  EXPECT_EQ(well.status, kExitOk) << well.output;
  EXPECT_THAT(well.output, HasSubstr("2 checkpoints hold"));
  ASSERT_EQ(authority_.sql("UPDATE event SET place = 'elsewhere' WHERE number = 2"), "");
  const CommandResult edited = run({"verify", "--dir", directory(), "--json"});
  EXPECT_EQ(edited.status, kExitNotTrusted);
  const auto findings = boost::json::parse(edited.output).at("findings").as_array();
  ASSERT_FALSE(findings.empty());
  EXPECT_THAT(std::string(findings[0].as_string()), HasSubstr("event 2 ("));
}

TEST_F(AuditCommand, KnowsWhoMadeASignerOfGrants) {
  const auto authority = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {std::getenv("PEDIGREE_PROGRAM"), "authority"});
    words.insert(words.end(), {"--dir", directory(), "--passphrase-file", file("pass")});
    const CommandResult result = testing::run(words);
    EXPECT_EQ(result.status, kExitOk) << result.output;
    return result.output;
  };
  const app::Layout layout = authority_.layout();
  authority({"grant-signer"});
  authority({"grant-signer", "--request", file("request")});
  const std::string signed_by = authority({"sign-grant-signer", "--request", file("request"), "--issuer",
                                           layout.root_certificate().string(), "--issuer-key",
                                           layout.root_key().string(), "--out", file("signer"), "--json"});
  authority({"grant-signer", "--certificate", file("signer")});
  authority({"grant-signer", "--certificate", file("signer")});
  boost::json::array events;
  for (const char* what : {"grant_signer_requested", "grant_signer_signed", "grant_signer_installed"}) {
    const CommandResult shown = run({"who", "--what", what, "--dir", directory(), "--json"});
    ASSERT_EQ(shown.status, kExitOk) << shown.output;
    const auto found = boost::json::parse(shown.output);
    for (const auto& one : found.at("events").as_array()) events.push_back(one);
  }
  ASSERT_EQ(events.size(), 4U) << "requested, signed, and installed twice";
  EXPECT_EQ(events[1].at("sha256"), boost::json::parse(signed_by).at("sha256"));
  EXPECT_EQ(events[3].at("sha256"), events[1].at("sha256"));
  EXPECT_NE(events[2].at("sha256"), events[3].at("sha256"));
  EXPECT_EQ(events[3].at("where").as_string(), "local");
  EXPECT_FALSE(events[3].at("who").as_string().empty());
  EXPECT_THAT(std::string(events[3].at("why").as_string()), HasSubstr(" until 20"));
  EXPECT_EQ(run({"verify", "--dir", directory()}).status, kExitOk);
  // As if another had been installed.
  ASSERT_EQ(authority_.sql("UPDATE event SET digest = zeroblob(32) WHERE number = " +
                           std::to_string(events[3].at("event").as_int64())),
            "");
  const CommandResult edited = run({"verify", "--dir", directory()});
  EXPECT_EQ(edited.status, kExitNotTrusted);
  EXPECT_THAT(edited.output, HasSubstr("event " + std::to_string(events[3].at("event").as_int64()) + " ("));
}

TEST_F(AuditCommand, ProvesAnIssuanceToWhoeverHasTheKey) {
  EXPECT_THAT(run({"prove", serials_[1], "--dir", directory()}).output,
              HasSubstr("pedigree audit checkpoint"));
  ASSERT_EQ(checkpoint("checkpoint").status, kExitOk);
  ASSERT_EQ(run({"prove", serials_[1], "--dir", directory(), "--out", file("proof")}).status, kExitOk);
  const CommandResult key = run({"key", "--dir", directory()});
  testing::write_file(file("key"), as_bytes(key.output));
  const CommandResult held = run({"check", file("proof"), "--key", file("key")});
  EXPECT_EQ(held.status, kExitOk) << held.output;
  EXPECT_THAT(held.output, HasSubstr(testing::Unit(2).id()));
  std::string text = testing::read_text(file("proof"));
  text[text.find("index ") + 6] ^= 1;
  testing::write_file(file("forged"), as_bytes(text));
  EXPECT_EQ(run({"check", file("forged"), "--key", file("key")}).status, kExitNotTrusted);
  EXPECT_EQ(run({"check", file("key"), "--key", file("key")}).status, kExitNotTrusted);
  EXPECT_EQ(run({"check", file("proof"), "--key", "x+y+z"}).status, kExitUnreadable);
}

TEST_F(AuditCommand, ProvesThatTheLogHasOnlyGrown) {
  ASSERT_EQ(checkpoint("old").status, kExitOk);
  testing::enrol(*authority_.client("station"), testing::Unit(9));
  ASSERT_EQ(checkpoint("new").status, kExitOk);
  EXPECT_EQ(run({"consistency", file("old"), file("new"), "--dir", directory()}).status, kExitOk);
  EXPECT_EQ(run({"consistency", file("new"), file("old"), "--dir", directory()}).status, kExitNotTrusted);
}

}  // namespace
}  // namespace pedigree::cli
