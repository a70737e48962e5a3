// SPDX-License-Identifier: Apache-2.0
#include "verifier/policy.h"

#include <gtest/gtest.h>

#include "testing/verifier/fleet.h"

namespace pedigree::verifier {
namespace {

using testing::Fleet;

const Fleet& fleet() {
  static const Fleet made;
  return made;
}

std::string fault(std::string_view toml, const std::filesystem::path& folder = "/nowhere") {
  const auto policy = parse_policy(toml, folder);
  return policy ? "accepted" : policy.error().what;
}

TEST(Policy, NothingSaidErrsOnTheSideOfRefusal) {
  const auto policy = parse_policy("", "/nowhere");
  ASSERT_TRUE(policy);
  EXPECT_TRUE(policy->roots.empty() && policy->raw_keys.empty() && policy->root_spki_sha256.empty());
  EXPECT_TRUE(policy->nonce_required);
  EXPECT_EQ(policy->other_lifecycle, Level::reject);
  EXPECT_EQ(policy->test_keys, Level::reject);
  EXPECT_EQ(policy->unknown_device, Level::reject);
  EXPECT_EQ(policy->reference_mismatch, Level::reject);
  EXPECT_EQ(policy->unknown_image, Level::ignore);
  EXPECT_EQ(policy->purpose_not_stated, Level::reject);
}

TEST(Policy, ReadsEveryKey) {
  const testing::TempDir folder;
  testing::write_file(folder / "root.pem", testing::to_pem("CERTIFICATE", fleet().root().certificate) +
                                               testing::to_pem("CERTIFICATE", fleet().oem().certificate));
  testing::write_file(folder / "root.der", Bytes(fleet().root().certificate));
  testing::write_file(folder / "key.pem", testing::to_pem("PUBLIC KEY", fleet().oem().spki));
  testing::write_file(folder / "policy.toml", std::string_view(R"(
name = "acme"
roots = ["root.pem", "root.der"]
root_keys = ["000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"]
keys = ["key.pem"]
nonce = "optional"
profiles = ["tfm", "psa-iot-1"]
lifecycles = ["secured", "non-psa-rot-debug"]
other_lifecycle = "warn"
test_keys = "ignore"
purpose_not_stated = "warn"
unknown_revocation = "reject"
unknown_device = "warn"
no_reference = "warn"
reference_mismatch = "warn"
unknown_image = "reject"
reference = []
)"));
  const auto policy = load_policy(folder / "policy.toml");
  ASSERT_TRUE(policy) << policy.error().what;
  EXPECT_EQ(policy->name, "acme");
  ASSERT_EQ(policy->roots.size(), 3U);
  EXPECT_EQ(policy->roots[2], fleet().root().certificate);
  ASSERT_EQ(policy->root_spki_sha256.size(), 1U);
  EXPECT_EQ(policy->root_spki_sha256[0][31], 0x1f);
  ASSERT_EQ(policy->raw_keys.size(), 1U);
  EXPECT_EQ(policy->raw_keys[0], fleet().oem().spki);
  EXPECT_FALSE(policy->nonce_required);
  EXPECT_EQ(policy->profiles, (std::vector{psa_token::Profile::tfm, psa_token::Profile::psa_iot_1}));
  EXPECT_EQ(policy->lifecycles,
            (std::vector{psa_token::Lifecycle::secured, psa_token::Lifecycle::non_psa_rot_debug}));
  EXPECT_EQ(policy->other_lifecycle, Level::warn);
  EXPECT_EQ(policy->test_keys, Level::ignore);
  EXPECT_EQ(policy->purpose_not_stated, Level::warn);
  EXPECT_EQ(policy->unknown_revocation, Level::reject);
  EXPECT_EQ(policy->unknown_device, Level::warn);
  EXPECT_EQ(policy->no_reference, Level::warn);
  EXPECT_EQ(policy->reference_mismatch, Level::warn);
}

TEST(Policy, NamesLineAndColumnOfWhatIsWrong) {
  EXPECT_EQ(fault("name = \"a\"\n  rootz = []"), "line 2, column 3: rootz is not a known key");
  EXPECT_EQ(fault("test_keys = true"),
            "line 1, column 13: test_keys must be one of \"ignore\", \"warn\", \"reject\"");
  EXPECT_EQ(fault("nonce = \"never\""), "line 1, column 9: nonce must be one of \"required\", \"optional\"");
  EXPECT_EQ(fault("roots = \"root.pem\""), "line 1, column 9: roots must be a list of texts");
  EXPECT_EQ(fault("roots = [\n 1]"), "line 2, column 2: roots must be a list of texts");
  EXPECT_EQ(fault("roots = [\"a.pem\"]"), "line 1, column 10: roots: a.pem is not a file that can be read");
  EXPECT_EQ(fault("root_keys = [\"00\"]"),
            "line 1, column 14: root_keys: \"00\" is not the 64 hex digits of a SHA-256");
  EXPECT_TRUE(fault("lifecycles = [\"debug\"]")
                  .starts_with("line 1, column 15: lifecycles: \"debug\" is none of \"unknown\", "));
  EXPECT_TRUE(fault("name = ").starts_with("line 1, column ")) << fault("name = ");
  EXPECT_TRUE(fault("name = \"a\"\nname = \"b\"").starts_with("line 2, column ")) << "a key twice";
  EXPECT_EQ(fault("[table]"), "line 1, column 2: table is not a known key");
}

TEST(Policy, RefusesFilesThatHoldSomethingElse) {
  const testing::TempDir folder;
  testing::write_file(folder / "key.pem", testing::to_pem("PUBLIC KEY", fleet().oem().spki));
  testing::write_file(folder / "cut.pem", std::string_view("-----BEGIN CERTIFICATE-----\nMIIB"));
  testing::write_file(folder / "empty", std::string_view());
  testing::write_file(folder / "bad.json", std::string_view("{"));
  const auto of = [&](std::string_view toml) { return fault(toml, folder.path()); };
  EXPECT_EQ(of("roots = [\"key.pem\"]"), "line 1, column 10: roots: key.pem holds no CERTIFICATE");
  EXPECT_EQ(of("roots = [\"cut.pem\"]"), "line 1, column 10: roots: cut.pem has a damaged block CERTIFICATE");
  EXPECT_EQ(of("roots = [\"empty\"]"), "line 1, column 10: roots: empty is empty");
  EXPECT_EQ(of("roots = [\".\"]"), "line 1, column 10: roots: . is not a file that can be read");
  EXPECT_TRUE(of("reference = [\"bad.json\"]")
                  .starts_with("line 1, column 14: reference: bad.json cannot be used: "));
  EXPECT_TRUE(of("keys = [\"bad.json\"]").starts_with("line 1, column 9: keys: bad.json cannot be used: "));
}

}  // namespace
}  // namespace pedigree::verifier
