// SPDX-License-Identifier: Apache-2.0
#include "station/flow/journal.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace pedigree::station {
namespace {

class JournalTest : public testing::Test {
 protected:
  JournalTest() { EXPECT_NE(::mkdtemp(folder_.data()), nullptr); }
  ~JournalTest() override { std::filesystem::remove_all(folder_); }
  std::string folder_ = std::filesystem::temp_directory_path() / "journal-XXXXXX";
};

JournalEntry issued(const std::string& device) {
  JournalEntry entry;
  entry.event = JournalEntry::Event::issued;
  entry.device = device;
  entry.profile = "iak";
  entry.slot = 3;
  entry.nonce = "0a0b";
  entry.serial = "77";
  entry.chain_sha256 = "aa";
  entry.authority = "https://127.0.0.1:1";
  entry.chain = {{1, 2, 3}, {4}};
  return entry;
}

TEST_F(JournalTest, RemembersAcrossRuns) {
  {
    auto journal = Journal::open(folder_);
    ASSERT_TRUE(journal);
    ASSERT_TRUE((*journal)->append(issued("01")));
    JournalEntry receipt = issued("01");
    receipt.event = JournalEntry::Event::receipt;
    receipt.receipt = {9, 9};
    ASSERT_TRUE((*journal)->append(receipt));
  }
  auto journal = Journal::open(folder_);
  ASSERT_TRUE(journal);
  const auto unit = (*journal)->find("01", "iak");
  ASSERT_TRUE(unit);
  EXPECT_EQ(unit->chain, issued("01").chain);
  EXPECT_EQ(unit->receipt, (std::vector<std::uint8_t>{9, 9}));
  EXPECT_FALSE(unit->done);
  EXPECT_FALSE((*journal)->find("01", "idevid"));
}

TEST_F(JournalTest, SecondStationIsKeptOut) {
  auto first = Journal::open(folder_);
  ASSERT_TRUE(first);
  const auto second = Journal::open(folder_);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("another station"), std::string::npos);
}

TEST_F(JournalTest, EveryTornEndIsDropped) {
  const std::string whole = journal_line(issued("01")) + journal_line(issued("02"));
  const std::size_t first = journal_line(issued("01")).size();
  for (std::size_t size = first; size < whole.size(); ++size) {
    const auto content = parse_journal(whole.substr(0, size));
    ASSERT_TRUE(content);
    EXPECT_EQ(content->entries.size(), 1U);
    EXPECT_EQ(content->good, first);
  }
  std::ofstream(folder_ + "/journal.jsonl") << whole.substr(0, whole.size() - 5);
  {
    auto journal = Journal::open(folder_);
    ASSERT_TRUE(journal);
    ASSERT_TRUE((*journal)->append(issued("03")));
  }
  const auto units = read_units(folder_);
  ASSERT_TRUE(units);
  EXPECT_EQ(units->size(), 2U);
}

TEST_F(JournalTest, DamageInTheMiddleIsNotATornEnd) {
  std::string text = journal_line(issued("01")) + journal_line(issued("02"));
  text[20] ^= 1;
  EXPECT_EQ(parse_journal(text).error(), (Error{ErrorCode::journal_corrupt, 0}));
  std::ofstream(folder_ + "/journal.jsonl") << text;
  EXPECT_EQ(Journal::open(folder_).error().code, ErrorCode::journal_corrupt);
}

TEST_F(JournalTest, ThreadsShareAWriter) {
  {
    auto journal = Journal::open(folder_);
    ASSERT_TRUE(journal);
    std::vector<std::jthread> threads;
    for (int i = 0; i < 16; ++i) {
      threads.emplace_back([&, i] {
        for (int j = 0; j < 8; ++j) EXPECT_TRUE((*journal)->append(issued(std::to_string(i * 100 + j))));
      });
    }
  }
  EXPECT_EQ(read_units(folder_)->size(), 128U);
}

}  // namespace
}  // namespace pedigree::station
