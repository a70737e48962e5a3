// SPDX-License-Identifier: Apache-2.0
// `pedigree export trust-bundle` through the real program; what it wrote is read as a relying party reads it.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <ctime>

#include "cli/command.h"
#include "cli/files.h"
#include "crypto/openssl/openssl_crypto.h"
#include "testing/support/support.h"
#include "verifier/status/bundle.h"

namespace pedigree::cli {
namespace {

using testing::CommandResult;

class Export : public ::testing::Test {
 protected:
  Export() {
    testing::write_file(folder_ / "pass", std::string_view("for tests only\n"));
    std::filesystem::permissions(folder_ / "pass", std::filesystem::perms::owner_read);
    const CommandResult made =
        run({"--json", "authority", "init", "--dir", file("ca"), "--passphrase-file", file("pass")});
    EXPECT_EQ(made.status, 0) << made.output;
    const auto pin = from_hex(boost::json::parse(made.output).at("root").at("spki_sha256").as_string());
    std::copy(pin->begin(), pin->end(), pin_.begin());
  }
  std::string file(const std::string& name) const { return (folder_ / name).string(); }
  static CommandResult run(std::vector<std::string> words) {
    words.insert(words.begin(), std::getenv("PEDIGREE_PROGRAM"));
    return testing::run(words);
  }
  CommandResult bundle(std::vector<std::string> more = {}) const {
    std::vector<std::string> words{"--json", "export",       "trust-bundle",      "--dir",     file("ca"),
                                   "--out",  file("bundle"), "--passphrase-file", file("pass")};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  }
  std::expected<std::unique_ptr<verifier::BundleStatus>, verifier::BundleError> opened(
      const Sha256& pin) const {
    return verifier::BundleStatus::open(crypto_, file("bundle"), {.roots = {pin}, .signer = {}},
                                        std::time(nullptr));
  }

  testing::TempDir folder_;
  crypto::OpenSslCrypto crypto_;
  Sha256 pin_{};
};

TEST_F(Export, WritesABundleThatThePinnedRootOpens) {
  const CommandResult made = bundle({"--valid", "3", "--reference", "fuzz/corpus/reference_json/full",
                                     "--reference", "fuzz/corpus/corim/draft_example"});
  ASSERT_EQ(made.status, 0) << made.output;
  const auto answer = boost::json::parse(made.output);
  const auto status = opened(pin_);
  ASSERT_TRUE(status) << status.error().what;
  const verifier::BundleFacts facts = (*status)->facts();
  EXPECT_EQ(facts.number, answer.at("number").to_number<std::uint64_t>());
  EXPECT_EQ(facts.expires_at, answer.at("expires_at").as_int64());
  EXPECT_EQ(facts.expires_at - facts.issued_at, 3 * 86400);
  EXPECT_TRUE(facts.devices_complete);
  EXPECT_EQ((*status)->reference_values().size(), 2U);
  Sha256 other = pin_;
  other[0] ^= 1;
  EXPECT_EQ(opened(other).error().code, ErrorCode::untrusted_root);
}

TEST_F(Export, RefusesWhatAVerifierWouldRefuse) {
  const CommandResult reference = bundle({"--reference", "fuzz/corpus/corim/instance"});
  EXPECT_EQ(reference.status, kExitUnreadable);
  EXPECT_NE(reference.output.find("no bundle was made"), std::string::npos) << reference.output;
  EXPECT_FALSE(std::filesystem::exists(file("bundle")));
  EXPECT_EQ(bundle({"--reference", file("nothing")}).status, kExitUnreadable);
  EXPECT_EQ(bundle({"--signer", "nobody"}).status, kExitAuthorityRefused);
  EXPECT_EQ(bundle({"--valid", "0"}).status, kExitUsage);
  EXPECT_EQ(bundle({"--valid", "99999"}).status, kExitUsage);
}

TEST_F(Export, IsSignedByRsaToo) {
  const CommandResult made = run({"--json", "authority", "init", "--dir", file("rsa"), "--key", "RSA-3072",
                                  "--passphrase-file", file("pass")});
  ASSERT_EQ(made.status, 0) << made.output;
  const CommandResult exported = run({"export", "trust-bundle", "--dir", file("rsa"), "--out", file("bundle"),
                                      "--passphrase-file", file("pass")});
  ASSERT_EQ(exported.status, 0) << exported.output;
  EXPECT_EQ(opened(pin_).error().code, ErrorCode::untrusted_root);
  const auto pin = from_hex(boost::json::parse(made.output).at("root").at("spki_sha256").as_string());
  std::copy(pin->begin(), pin->end(), pin_.begin());
  const auto status = opened(pin_);
  EXPECT_TRUE(status) << status.error().what;
}

}  // namespace
}  // namespace pedigree::cli
