// SPDX-License-Identifier: Apache-2.0
// `pedigree verify token --ear` through the real program; what an EAR says is tested in verifier/ear.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>

#include "cli/command.h"
#include "cli/files.h"
#include "core/cose/cose.h"
#include "testing/verifier/fleet.h"

namespace pedigree::cli {
namespace {

using testing::CommandResult;
using testing::kFleetNow;

class EarCommand : public ::testing::Test {
 protected:
  EarCommand() {
    testing::write_file(folder_ / "root.der", fleet_.root().certificate);
    testing::write_file(folder_ / "token", fleet_.device(1).token());
    write_secret("key.pem", key_.to_pem("").value());
    write_secret("locked.pem", key_.to_pem("for tests only").value());
    write_secret("pass", "for tests only\n");
  }
  void write_secret(const std::string& name, std::string_view content) const {
    testing::write_file(folder_ / name, content);
    std::filesystem::permissions(folder_ / name, std::filesystem::perms::owner_read);
  }
  std::string file(const std::string& name) const { return (folder_ / name).string(); }
  CommandResult verify(std::vector<std::string> more, const std::string& nonce = std::string(64, '4')) const {
    std::string hex_nonce;
    for (std::size_t i = 0; i < 32; ++i) hex_nonce += "4e";
    std::vector<std::string> words{std::getenv("PEDIGREE_PROGRAM"),
                                   "verify",
                                   "token",
                                   file("token"),
                                   "--root",
                                   file("root.der"),
                                   "--nonce",
                                   nonce == "good" ? hex_nonce : nonce,
                                   "--time",
                                   "@" + std::to_string(kFleetNow)};
    words.insert(words.end(), more.begin(), more.end());
    return testing::run(words);
  }

  testing::Fleet fleet_;
  testing::TempDir folder_;
  crypto::OpenSslKey key_ = crypto::OpenSslKey::generate(crypto::KeyType::p256).value();
};

TEST_F(EarCommand, StandsInPlaceOfTheReport) {
  const CommandResult jwt = verify({"--ear", "jwt", "--ear-key", file("key.pem")}, "good");
  EXPECT_EQ(jwt.status, kExitOk) << jwt.output;
  EXPECT_EQ(std::ranges::count(jwt.output, '.'), 2) << jwt.output;
  EXPECT_EQ(std::ranges::count(jwt.output, '\n'), 1) << jwt.output;
  const CommandResult refused = verify({"--ear", "jwt", "--ear-key", file("key.pem")});
  EXPECT_EQ(refused.status, kExitNotTrusted) << "a rejection is a result too";
  EXPECT_EQ(std::ranges::count(refused.output, '.'), 2) << refused.output;
  const CommandResult json = verify({"--ear", "cwt", "--ear-key", file("key.pem"), "--json"}, "good");
  const auto ear = from_base64(boost::json::parse(json.output).at("ear").as_string());
  ASSERT_TRUE(ear);
  EXPECT_TRUE(cose::Sign1::parse(*ear));
}

TEST_F(EarCommand, StandsBesideTheReportInAFile) {
  const CommandResult result =
      verify({"--ear", "cwt", "--ear-key", file("key.pem"), "--ear-out", file("ear"), "--ear-lifetime", "60"},
             "good");
  EXPECT_EQ(result.status, kExitOk);
  EXPECT_NE(result.output.find("signature"), std::string::npos) << result.output;
  EXPECT_TRUE(cose::Sign1::parse(testing::read_file(file("ear"))));
}

TEST_F(EarCommand, TakesKeysThatAreSecret) {
  EXPECT_EQ(
      verify({"--ear", "jwt", "--ear-key", file("locked.pem"), "--ear-passphrase-file", file("pass")}, "good")
          .status,
      kExitOk);
  std::filesystem::permissions(file("key.pem"), std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  const CommandResult open = verify({"--ear", "jwt", "--ear-key", file("key.pem")}, "good");
  EXPECT_EQ(open.status, kExitUnreadable);
  EXPECT_NE(open.output.find("others may read it"), std::string::npos) << open.output;
  const auto other = crypto::OpenSslKey::generate(crypto::KeyType::p384).value();
  write_secret("p384.pem", other.to_pem("").value());
  const CommandResult curve = verify({"--ear", "jwt", "--ear-key", file("p384.pem")}, "good");
  EXPECT_EQ(curve.status, kExitUnreadable);
  EXPECT_NE(curve.output.find("P-256"), std::string::npos) << curve.output;
  EXPECT_EQ(verify({"--ear", "jwt"}, "good").status, kExitUsage);
  EXPECT_EQ(verify({"--ear", "xml", "--ear-key", file("key.pem")}, "good").status, kExitUsage);
}

}  // namespace
}  // namespace pedigree::cli
