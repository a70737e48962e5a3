// SPDX-License-Identifier: Apache-2.0
// From a root that is elsewhere to Matter's chain of three, and what the linter says of it, through the real
// program.
#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <cstdlib>

#include "cli/command.h"
#include "testing/authority/authority.h"

namespace pedigree::cli {
namespace {

using testing::CommandResult;
using ::testing::HasSubstr;

class ProfilesCommand : public ::testing::Test {
 protected:
  ProfilesCommand() {
    testing::write_file(file("pass"), as_bytes(std::string(testing::kPassphrase) + "\n"));
    std::filesystem::permissions(file("pass"), std::filesystem::perms::owner_read);
  }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.scratch(name).string(); }
  static CommandResult run(std::vector<std::string> words) {
    words.insert(words.begin(), {std::getenv("PEDIGREE_PROGRAM"), "authority"});
    return testing::run(words);
  }
  static void ok(const std::vector<std::string>& words) {
    const CommandResult result = run(words);
    ASSERT_EQ(result.status, kExitOk) << words.front() << ": " << result.output;
  }
  /// Replaces a text of authority.toml everywhere.
  void edit(const std::string& from, const std::string& to) {
    std::string text = testing::read_text(folder_.layout().config());
    ASSERT_THAT(text, HasSubstr(from));
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
      text.replace(at, from.size(), to);
    }
    testing::write_file(folder_.layout().config(), std::string_view(text));
  }
  boost::json::array lint(const std::string& profile, int status) {
    const CommandResult result = run({"lint", profile, "--dir", folder_.path().string(), "--json"});
    EXPECT_EQ(result.status, status) << result.output;
    return boost::json::parse(result.output).at("samples").as_array();
  }

  testing::AuthorityFolder folder_;
};

TEST_F(ProfilesCommand, AVendorsMatterChainComesByRequest) {
  const app::Layout layout = folder_.layout();
  edit("matterVid=FFF1", "matterVid=FFF2");
  edit("[profile.matter-dac]\n", "[profile.matter-dac]\naccepted_by = [\"matter\", \"openssl\"]\n");
  ok({"csr", "pai", "--common-name", "Acme PAI", "--out", file("pai.csr.pem"), "--dir",
      folder_.path().string(), "--passphrase-file", file("pass")});
  ok({"sign-intermediate", "--request", file("pai.csr.pem"), "--issuer", layout.root_certificate().string(),
      "--issuer-key", layout.root_key().string(), "--passphrase-file", file("pass"), "--name", "Acme PAI",
      "--profile", "matter-pai", "--settings", layout.config().string(), "--out", file("pai.cert.pem")});
  ok({"import-certificate", "pai", "--certificate", file("pai.cert.pem"), "--profile", "matter-dac", "--dir",
      folder_.path().string(), "--passphrase-file", file("pass")});
  const auto samples = lint("matter-dac", kExitOk);
  ASSERT_EQ(samples.size(), 1U);
  EXPECT_EQ(samples[0].at("issuer").as_string(), "pai");
  EXPECT_EQ(samples[0].at("results").at("matter").at("verdict").as_string(), "warned")
      << "it outlives the PAI";
  const CommandResult shown =
      testing::run({"openssl", "x509", "-noout", "-subject", "-in", file("pai.cert.pem")});
  EXPECT_THAT(shown.output, HasSubstr("CN = Acme PAI, 1.3.6.1.4.1.37244.2.1 = FFF2"));
  // Another vendor's DAC below it is what the profile promised not to write.
  edit("\"matterVid=FFF2\", \"matterPid=8000\"", "\"matterVid=FFF3\", \"matterPid=8000\"");
  const auto broken = lint("matter-dac", kExitAuthorityRefused);
  EXPECT_EQ(broken[0].at("results").at("matter").at("verdict").as_string(), "refused");
}

TEST_F(ProfilesCommand, AChainInAFileIsLinted) {
  const CommandResult chain =
      run({"lint", "idevid", "--dir", folder_.path().string(), "--out", file("samples")});
  ASSERT_EQ(chain.status, kExitOk) << chain.output;
  EXPECT_THAT(chain.output, HasSubstr("no commonName"));
  const std::string sample = file("samples") + "/idevid-acme-P-256.pem";
  const CommandResult linted = run({"lint", "--certificate", sample, "--json"});
  ASSERT_EQ(linted.status, kExitOk) << linted.output;
  EXPECT_EQ(boost::json::parse(linted.output).at("results").at("azure-dps").at("verdict").as_string(),
            "refused");
  testing::write_file(file("rubbish"), std::string_view("rubbish"));
  EXPECT_EQ(run({"lint", "--certificate", file("rubbish")}).status, kExitUnreadable);
  EXPECT_EQ(run({"lint", "--certificate", folder_.layout().root_certificate().string()}).status,
            kExitAuthorityRefused)
      << "a root alone is no chain";
  EXPECT_EQ(run({"lint"}).status, kExitUsage);
  EXPECT_EQ(run({"lint", "nothing", "--dir", folder_.path().string()}).status, kExitAuthorityRefused);
}

}  // namespace
}  // namespace pedigree::cli
