// SPDX-License-Identifier: Apache-2.0
// A root's ceremony: enough shares open its key, fewer do not, a wrong one is named, and the record holds.
#include "server/app/ceremony.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>

#include "testing/support/support.h"

namespace pedigree::testing {
namespace {

using ::testing::HasSubstr;

class CeremonyTest : public ::testing::Test {
 protected:
  static app::CeremonyOptions options(const std::filesystem::path& directory) {
    app::CeremonyOptions wish;
    wish.directory = directory;
    wish.root_name = "Offline Root";
    wish.threshold = 2;
    for (const char* name : {"Ada", "Brian", "Cleo"}) {
      wish.custodians.push_back({name, app::SecretText(std::string(name) + "'s passphrase")});
    }
    wish.who = "Dora";
    wish.tool = "a test";
    wish.now = std::time(nullptr);
    return wish;
  }
  static void SetUpTestSuite() {
    folder_ = new TempDir();
    for (const char* name : {"one", "other"}) {
      const auto held = app::hold_ceremony(options(*folder_ / name), app::SecretText(std::string("online")));
      ASSERT_TRUE(held) << held.error().detail;
    }
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }
  static app::Answer<app::SecretText> join(const std::vector<std::pair<std::string, std::string>>& shares) {
    std::vector<std::filesystem::path> files;
    std::vector<app::SecretText> passphrases;
    for (const auto& [file, who] : shares) {
      files.push_back(*folder_ / file);
      passphrases.emplace_back(who + "'s passphrase");
    }
    return app::join_shares(files, passphrases);
  }
  static app::Layout layout() { return {*folder_ / "one"}; }

  static TempDir* folder_;
};
TempDir* CeremonyTest::folder_ = nullptr;

TEST_F(CeremonyTest, AnyTwoSharesOpenTheKeyOfTheRoot) {
  for (const auto& shares :
       {std::vector<std::pair<std::string, std::string>>{{"one/share-1.pem", "Ada"},
                                                         {"one/share-2.pem", "Brian"}},
        {{"one/share-3.pem", "Cleo"}, {"one/share-1.pem", "Ada"}},
        {{"one/share-2.pem", "Brian"}, {"one/share-3.pem", "Cleo"}, {"one/share-1.pem", "Ada"}}}) {
    const auto joined = join(shares);
    ASSERT_TRUE(joined) << joined.error().detail;
    EXPECT_TRUE(app::open_key(layout().root_key(), *joined));
  }
  EXPECT_THAT(run({"openssl", "verify", "-x509_strict", "-CAfile", layout().root_certificate().string(),
                   layout().root_certificate().string()})
                  .output,
              HasSubstr(": OK"));
  EXPECT_THAT(run({"openssl", "verify", "-CAfile", layout().root_certificate().string(),
                   layout().list_certificate().string()})
                  .output,
              HasSubstr(": OK"));
  EXPECT_TRUE(app::open_key(layout().list_key(), app::SecretText(std::string("online"))));
}

TEST_F(CeremonyTest, FewerDoNotAndAWrongOneIsNamed) {
  const auto few = join({{"one/share-1.pem", "Ada"}});
  EXPECT_THAT(few.error().detail, HasSubstr("2 shares are needed, and 1 were given"));
  const auto twice = join({{"one/share-1.pem", "Ada"}, {"one/share-1.pem", "Ada"}});
  EXPECT_THAT(twice.error().detail, HasSubstr("is there twice"));
  const auto foreign = join({{"one/share-1.pem", "Ada"}, {"other/share-2.pem", "Brian"}});
  EXPECT_EQ(foreign.error().code, ErrorCode::key_mismatch);
  EXPECT_THAT(foreign.error().detail, HasSubstr("other/share-2.pem is a share of another ceremony"));
  const auto wrong = join({{"one/share-1.pem", "Ada"}, {"one/share-2.pem", "Eve"}});
  EXPECT_EQ(wrong.error().code, ErrorCode::wrong_passphrase);
  EXPECT_THAT(wrong.error().detail, HasSubstr("one/share-2.pem"));
  // The other root's shares are whole, and open the other root's key alone.
  const auto others = join({{"other/share-1.pem", "Ada"}, {"other/share-2.pem", "Brian"}});
  ASSERT_TRUE(others);
  EXPECT_FALSE(app::open_key(layout().root_key(), *others));
}

TEST_F(CeremonyTest, TheTranscriptSaysWhatWasDoneAndTellsChanges) {
  const auto root = app::read_certificate(layout().root_certificate());
  const auto other = app::read_certificate(*folder_ / "other/root.cert.pem");
  ASSERT_TRUE(root && other);
  const auto text = app::verify_transcript(*folder_ / "one", *root);
  ASSERT_TRUE(text) << text.error().detail;
  for (const char* said :
       {"Dora", "a test", "share 3 of 3 for Cleo", "opened the key with the first 2 shares", "root.key.pem",
        "revocations.cert.pem"}) {
    EXPECT_THAT(*text, HasSubstr(said));
  }
  EXPECT_FALSE(app::verify_transcript(*folder_ / "one", *other)) << "another root's";
  const auto share = *folder_ / "one/share-2.pem";
  const std::string kept = read_text(share);
  std::filesystem::remove(share);
  EXPECT_TRUE(app::verify_transcript(*folder_ / "one", *root)) << "it went with its custodian";
  write_file(share, read_text(*folder_ / "other/share-2.pem"));
  EXPECT_EQ(app::verify_transcript(*folder_ / "one", *root).error().code, ErrorCode::bad_digest);
  write_file(share, std::string_view(kept));
  const auto file = *folder_ / "one/transcript.cose";
  const std::string transcript = read_text(file);
  std::string changed = transcript;
  changed.replace(changed.find("Dora"), 4, "Eve.");
  write_file(file, std::string_view(changed));
  EXPECT_FALSE(app::verify_transcript(*folder_ / "one", *root));
  write_file(file, std::string_view(transcript));
}

TEST_F(CeremonyTest, WhatCannotBeHeldLeavesNothing) {
  const app::SecretText online{std::string("online")};
  const auto directory = *folder_ / "never";
  auto wish = options(directory);
  wish.threshold = 4;
  EXPECT_EQ(app::hold_ceremony(wish, online).error().code, ErrorCode::bad_configuration);
  wish = options(directory);
  wish.key_type = crypto::KeyType::rsa3072;
  EXPECT_EQ(app::hold_ceremony(wish, online).error().code, ErrorCode::bad_configuration);
  wish = options(directory);
  wish.custodians[1].passphrase = app::SecretText();
  EXPECT_EQ(app::hold_ceremony(wish, online).error().code, ErrorCode::bad_configuration);
  EXPECT_FALSE(std::filesystem::exists(directory));
  // One that was interrupted is begun anew; one that was held is never overwritten.
  std::filesystem::create_directory(*folder_ / "never.partial");
  write_file(*folder_ / "never.partial/root.key.pem", std::string_view("half"));
  EXPECT_TRUE(app::hold_ceremony(options(directory), online));
  EXPECT_FALSE(std::filesystem::exists(*folder_ / "never.partial"));
  EXPECT_EQ(app::hold_ceremony(options(directory), online).error().code, ErrorCode::io_failure);
}

}  // namespace
}  // namespace pedigree::testing
