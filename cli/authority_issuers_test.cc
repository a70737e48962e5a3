// SPDX-License-Identifier: Apache-2.0
// An intermediate follows another, and one root another, through the real program and openssl.
#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <cstdlib>

#include "cli/command.h"
#include "testing/authority/authority.h"

namespace pedigree::cli {
namespace {

using testing::CommandResult;
using ::testing::HasSubstr;

class IssuerCommand : public ::testing::Test {
 protected:
  IssuerCommand() {
    testing::write_file(file("pass"), as_bytes(std::string(testing::kPassphrase) + "\n"));
    std::filesystem::permissions(file("pass"), std::filesystem::perms::owner_read);
  }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.scratch(name).string(); }
  [[nodiscard]] std::string directory() const { return folder_.path().string(); }
  static CommandResult run(std::vector<std::string> words) {
    words.insert(words.begin(), {std::getenv("PEDIGREE_PROGRAM"), "authority"});
    return testing::run(words);
  }
  static std::string ok(const std::vector<std::string>& words) {
    const CommandResult result = run(words);
    EXPECT_EQ(result.status, kExitOk) << words.front() << ": " << result.output;
    return result.output;
  }
  std::string state_of(const std::string& name) {
    const auto json = boost::json::parse(ok({"issuer", "list", "--dir", directory(), "--json"}));
    for (const auto& one : json.at("issuers").as_array()) {
      if (one.at("name").as_string() == name) return std::string(one.at("state").as_string());
    }
    return {};
  }

  testing::AuthorityFolder folder_;
};

TEST_F(IssuerCommand, AnIntermediateFollowsAnother) {
  const app::Layout layout = folder_.layout();
  ok({"csr", "vendor-2", "--common-name", "Vendor Devices CA 2", "--out", file("2.csr"), "--dir", directory(),
      "--passphrase-file", file("pass")});
  ok({"sign-intermediate", "--request", file("2.csr"), "--issuer", layout.root_certificate().string(),
      "--issuer-key", layout.root_key().string(), "--passphrase-file", file("pass"), "--name",
      "Vendor Devices CA 2", "--out", file("2.pem")});
  const std::string imported = ok({"import-certificate", "vendor-2", "--standby", "--certificate",
                                   file("2.pem"), "--dir", directory(), "--passphrase-file", file("pass")});
  EXPECT_THAT(imported, HasSubstr("issuer rotate OLD vendor-2"));
  EXPECT_EQ(state_of("vendor-2"), "standby");
  EXPECT_EQ(folder_.sql("SELECT why FROM event WHERE what = 'issuer_installed'"), "vendor-2 below root");
  const std::string said =
      ok({"issuer", "rotate", "vendor", "vendor-2", "--why", "it is two years old", "--dir", directory()});
  EXPECT_THAT(said, HasSubstr("intermediate vendor-2 is active, and vendor is retired"));
  EXPECT_EQ(state_of("vendor-2"), "active");
  EXPECT_EQ(state_of("vendor"), "retired");
  EXPECT_THAT(ok({"issuer", "list", "--dir", directory()}), HasSubstr("Vendor Devices CA 2"));
  ok({"issuer", "activate", "vendor", "--why", "too early", "--dir", directory()});
  EXPECT_EQ(state_of("vendor"), "active");
  const CommandResult unknown = run({"issuer", "retire", "nobody", "--why", "a test", "--dir", directory()});
  EXPECT_EQ(unknown.status, kExitAuthorityRefused);
  EXPECT_THAT(unknown.output, HasSubstr("there is no intermediate \"nobody\""));
}

TEST_F(IssuerCommand, WhoTrustsTheOldRootFollowsChainsOfTheNewOne) {
  testing::ServedAuthority next;
  const testing::Answer issued = testing::enrol(*next.client("station"), testing::Unit(1));
  ASSERT_EQ(issued.status, 200U) << issued.body;
  const auto chain = testing::chain_of(issued);
  testing::write_file(file("leaf.pem"), testing::to_pem("CERTIFICATE", chain.at(0)));
  const std::string old_root = folder_.layout().root_certificate().string();
  const std::vector<std::string> sign = {
      "cross-sign",        "--issuer",  old_root, "--issuer-key", folder_.layout().root_key().string(),
      "--passphrase-file", file("pass")};
  const auto with = [&](std::vector<std::string> more) {
    std::vector<std::string> words = sign;
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  const std::string new_root = next.layout().root_certificate().string();
  ok(with({"--certificate", new_root, "--days", "400", "--out", file("cross.pem")}));
  const std::string text =
      testing::run({"openssl", "x509", "-in", file("cross.pem"), "-noout", "-text"}).output;
  EXPECT_THAT(text, HasSubstr("CA:TRUE"));
  testing::write_file(file("between.pem"),
                      testing::to_pem("CERTIFICATE", chain.at(1)) + testing::read_text(file("cross.pem")));
  const std::vector<std::string> verify = {"openssl", "verify",     "-x509_strict",      "-CAfile",
                                           old_root,  "-untrusted", file("between.pem"), file("leaf.pem")};
  const CommandResult verified = testing::run(verify);
  EXPECT_THAT(verified.output, HasSubstr("leaf.pem: OK"));
  // Ours follows it too, and not without it.
  testing::write_file(file("chain.pem"),
                      testing::read_text(file("leaf.pem")) + testing::read_text(file("between.pem")));
  const std::string program = std::getenv("PEDIGREE_PROGRAM");
  const CommandResult ours =
      testing::run({program, "verify", "chain", file("chain.pem"), "--root", old_root});
  EXPECT_EQ(ours.status, kExitOk) << ours.output;
  testing::write_file(file("short.pem"),
                      testing::read_text(file("leaf.pem")) + testing::to_pem("CERTIFICATE", chain.at(1)));
  EXPECT_NE(testing::run({program, "verify", "chain", file("short.pem"), "--root", old_root}).status,
            kExitOk);

  const std::string vendor = next.layout().issuer_certificate("vendor").string();
  const CommandResult intermediate = run(with({"--certificate", vendor, "--out", file("no.pem")}));
  EXPECT_EQ(intermediate.status, kExitAuthorityRefused);
  EXPECT_THAT(intermediate.output, HasSubstr("is not self-signed"));
  const CommandResult leaf = run(with({"--certificate", file("leaf.pem"), "--out", file("no.pem")}));
  EXPECT_THAT(leaf.output, HasSubstr("is no CA's"));
  EXPECT_FALSE(std::filesystem::exists(file("no.pem")));
}

}  // namespace
}  // namespace pedigree::cli
