// SPDX-License-Identifier: Apache-2.0
#include "testing/support/support.h"

#include <gtest/gtest.h>

namespace pedigree::testing {
namespace {

TEST(Support, HexRoundTrip) {
  EXPECT_EQ(hex(unhex("00 ff\n0A")), "00ff0a");
  EXPECT_TRUE(unhex("").empty());
  EXPECT_THROW((void)unhex("0"), std::runtime_error);
  EXPECT_THROW((void)unhex("0g"), std::runtime_error);
}

TEST(Support, Base64ExamplesOfRfc4648) {
  EXPECT_EQ(base64(as_bytes("")), "");
  EXPECT_EQ(base64(as_bytes("f")), "Zg==");
  EXPECT_EQ(base64(as_bytes("fo")), "Zm8=");
  EXPECT_EQ(base64(as_bytes("foobar")), "Zm9vYmFy");
  EXPECT_EQ(as_text(unbase64("Zm9v\nYg==")), "foob");
  EXPECT_THROW((void)unbase64("Zm9-"), std::runtime_error);
}

TEST(Support, PemRoundTrip) {
  const Octets der(100, 0x5a);
  const std::string pem = "text before\n" + to_pem("CERTIFICATE", der) + to_pem("X509 CRL", unhex("3000"));
  ASSERT_EQ(pem_blocks(pem).size(), 2U);
  EXPECT_EQ(pem_blocks(pem)[1].label, "X509 CRL");
  EXPECT_EQ(pem_ders(pem), std::vector<Octets>{der});
  EXPECT_THROW((void)pem_blocks("-----BEGIN X-----\nMAA=\n"), std::runtime_error);
}

TEST(Support, FolderIsRemoved) {
  std::filesystem::path path;
  {
    const TempDir folder;
    path = folder.path();
    write_file(folder / "a", "content");
    EXPECT_EQ(read_text(folder / "a"), "content");
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_THROW((void)read_text(path / "a"), std::runtime_error);
}

TEST(Support, RunsPrograms) {
  EXPECT_EQ(run({"cat"}, "through").output, "through");
  EXPECT_EQ(run({"sh", "-c", "echo wrong >&2; exit 3"}).status, 3);
  EXPECT_EQ(run({"sh", "-c", "kill -9 $$"}).status, 137);
  EXPECT_EQ(run({"no-such-program-exists"}).status, 127);
}

}  // namespace
}  // namespace pedigree::testing
