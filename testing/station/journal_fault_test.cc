// SPDX-License-Identifier: Apache-2.0
// `pedigree provision` and a journal that cannot be written, is torn, damaged, or in use: a clear error,
// nothing lost, and the next run finishes.
#include <gtest/gtest.h>
#include <unistd.h>

#include "station/flow/journal.h"
#include "testing/station/plant.h"

namespace pedigree::testing {
namespace {

constexpr int kUnreadable = 7;
constexpr int kFileLimit = 128 + SIGXFSZ;

class JournalFaultTest : public ::testing::Test {
 protected:
  void start(unsigned devices) {
    plant_.start_authority();
    plant_.start_devices(devices);
  }
  std::vector<std::string> command(unsigned device, const std::string& journal) {
    return plant_.provision(device, {"--journal", plant_.path(journal)});
  }
  std::filesystem::path file(const std::string& journal) { return plant_.path(journal) + "/journal.jsonl"; }
  void expect_whole(unsigned device) {
    EXPECT_EQ(fault_in(plant_.standing(device), enrol::Purpose::iak, "iak"), "");
  }

  Plant plant_;
};

// The file system takes no octet beyond a limit, at limits all along the journal: the line is torn there.
// First the station dies of it, then it gets an error.
TEST_F(JournalFaultTest, FullAtEveryLengthOfTheJournal) {
  constexpr unsigned kRuns = 40;
  start(kRuns);
  ASSERT_EQ(Process(command(0, "whole")).wait(), 0);
  const auto whole = std::filesystem::file_size(file("whole"));
  for (unsigned device = 1; device < kRuns; ++device) {
    const std::uint64_t limit = (whole - 40) * device / kRuns;
    const bool error = device % 2 == 0;
    SCOPED_TRACE(limit);
    const std::string journal = "journal-" + std::to_string(device);
    Process station(command(device, journal), {.largest_file = limit, .ignore_file_limit = error});
    ASSERT_EQ(station.wait(), error ? kUnreadable : kFileLimit) << station.errors();
    if (error) {
      EXPECT_NE(station.errors().find("is the disk full?"), std::string::npos) << station.errors();
      EXPECT_NE(station.errors().find("\n  next"), std::string::npos) << station.errors();
    }
    EXPECT_EQ(std::filesystem::file_size(file(journal)), limit);
    Process again(command(device, journal));
    ASSERT_EQ(again.wait(), 0) << again.errors();
    expect_whole(device);
    const auto units = station::read_units(plant_.path(journal));
    ASSERT_TRUE(units && units->size() == 1);
    EXPECT_TRUE(units->front().done);
  }
}

TEST_F(JournalFaultTest, DamageInTheMiddleIsReportedAndLeftAlone) {
  start(1);
  ASSERT_EQ(Process(command(0, "journal")).wait(), 0);
  std::string text = read_text(file("journal"));
  text[20] = static_cast<char>(text[20] ^ 1);
  write_file(file("journal"), text);
  Process station(command(0, "journal"));
  EXPECT_EQ(station.wait(), kUnreadable);
  EXPECT_NE(station.errors().find("damaged at offset 0"), std::string::npos) << station.errors();
  EXPECT_EQ(read_text(file("journal")), text);
  Process status({program(), "provision", "status", "--journal", plant_.path("journal")});
  EXPECT_EQ(status.wait(), kUnreadable);
  // What the error advises.
  EXPECT_EQ(Process(command(0, "fresh")).wait(), 0);
  expect_whole(0);
}

TEST_F(JournalFaultTest, OneStationOneJournal) {
  start(1);
  {
    const auto other = station::Journal::open(plant_.path("journal"));
    ASSERT_TRUE(other);
    Process station(command(0, "journal"));
    EXPECT_EQ(station.wait(), kUnreadable);
    EXPECT_NE(station.errors().find("in use by another station"), std::string::npos) << station.errors();
    EXPECT_TRUE(plant_.standing().slots.empty());
  }
  EXPECT_EQ(Process(command(0, "journal")).wait(), 0);
  expect_whole(0);
}

// Root may write anywhere, so a station run by root gives that up for this test.
TEST_F(JournalFaultTest, AFolderThatMayNotBeWritten) {
  start(1);
  const std::filesystem::path folder = plant_.path("locked");
  std::filesystem::create_directory(folder);
  std::filesystem::permissions(folder,
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  for (const char* name : {"locked", "locked/below"}) {
    std::vector<std::string> words = command(0, name);
    if (::geteuid() == 0) {
      const std::vector<std::string> drop{"setpriv", "--inh-caps=-all", "--bounding-set=-all"};
      words.insert(words.begin(), drop.begin(), drop.end());
    }
    Process station(words);
    EXPECT_EQ(station.wait(), kUnreadable) << name << station.errors();
    EXPECT_NE(station.errors().find("Permission denied"), std::string::npos) << station.errors();
  }
  EXPECT_TRUE(plant_.standing().slots.empty());
  Process nowhere(command(0, "ca/authority.toml/journal"));
  EXPECT_EQ(nowhere.wait(), kUnreadable) << nowhere.errors();
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
  EXPECT_EQ(Process(command(0, "locked")).wait(), 0);
  expect_whole(0);
}

}  // namespace
}  // namespace pedigree::testing
