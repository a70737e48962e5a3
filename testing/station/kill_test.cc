// SPDX-License-Identifier: Apache-2.0
// A station that is killed at every step of the flow, and started again: the unit ends with one key and one
// certificate, and the authority has its receipt. Devices, authority and station are processes of their own.
#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>

#include "station/flow/journal.h"
#include "testing/station/plant.h"

namespace pedigree::testing {
namespace {

constexpr unsigned kDevices = 160;
constexpr int kKilled = 128 + SIGKILL;
constexpr int kRefused = 5;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// How far a run of the station came.
struct Passage {
  int status = 0;
  std::vector<std::string> points;
  std::string errors;
};

class KillTest : public ::testing::Test {
 protected:
  KillTest() {
    plant_.start_authority();
    // Small buffers, so that CSR and chain take several requests.
    plant_.start_devices(kDevices, {"--buffer-size", "400", "--buffer-count", "2"});
  }

  Passage run(unsigned device, std::size_t point, const std::string& profile, const std::string& journal) {
    std::vector<std::string> command{std::getenv("PEDIGREE_KILL_DRIVER"),
                                     std::to_string(point),
                                     plant_.address(device),
                                     plant_.url(),
                                     plant_.path("ca/tls"),
                                     plant_.path(journal),
                                     profile};
    if (reset_) command.emplace_back("reset");
    Process process(command);
    const int status = process.wait();
    return {status, lines_of(process.output()), process.errors()};
  }

  /// The key that the device holds for the purpose, if any.
  std::string key_of(unsigned device, enrol::Purpose purpose) {
    for (const auto& slot : plant_.standing(device).slots)
      if (slot.purpose == purpose) return slot.key;
    return {};
  }

  /// The receipt is complete: the journal has it, and that the authority took it.
  void expect_done(unsigned device, const std::string& profile, const std::string& journal) {
    const auto units = station::read_units(plant_.path(journal));
    ASSERT_TRUE(units);
    for (const auto& unit : *units) {
      if (unit.device != plant_.id(device) || unit.profile != profile) continue;
      EXPECT_TRUE(unit.done);
      EXPECT_FALSE(unit.receipt.empty());
      EXPECT_FALSE(unit.chain.empty());
      return;
    }
    FAIL() << "the journal does not know the unit";
  }

  void kill_at_every_point(enrol::Purpose purpose, const std::string& profile);
  void must_have_passed(const std::vector<std::string>& points, const std::vector<std::string>& names) {
    for (const std::string& name : names)
      EXPECT_NE(std::ranges::find(points, name), points.end()) << "not enumerated: " << name;
  }

  Plant plant_;
  bool reset_ = false;
};

void KillTest::kill_at_every_point(enrol::Purpose purpose, const std::string& profile) {
  const Passage whole = run(0, 0, profile, "whole");
  ASSERT_EQ(whole.status, 0) << whole.errors;
  for (const char* where : {"before ", "after "}) {
    for (const char* what :
         {"connect", "info", "nonce", "key", "csr", "enrol", "chain", "commit", "receipt", "journal",
          "authority nonce", "authority enrol", "authority root", "authority receipt"}) {
      must_have_passed(whole.points, {std::string(where) + what});
    }
  }
  ASSERT_LT(whole.points.size(), kDevices);
  for (unsigned point = 1; point <= whole.points.size(); ++point) {
    const std::string what = "killed " + whole.points[point - 1] + ", point " + std::to_string(point);
    SCOPED_TRACE(what);
    const std::string journal = "journal-" + std::to_string(point);
    const Passage killed = run(point, point, profile, journal);
    ASSERT_EQ(killed.status, kKilled) << killed.errors;
    ASSERT_EQ(killed.points.size(), point);
    EXPECT_EQ(killed.points.back(), whole.points[point - 1]);
    const std::string key = key_of(point, purpose);
    const auto before = plant_.registered(plant_.id(point)).certificates;
    const Passage again = run(point, 0, profile, journal);
    ASSERT_EQ(again.status, 0) << again.errors;
    const Standing standing = plant_.standing(point);
    EXPECT_EQ(fault_in(standing, purpose, profile), "");
    expect_done(point, profile, journal);
    EXPECT_TRUE(key.empty() || key_of(point, purpose) == key) << "the first key was thrown away";
    EXPECT_TRUE(before.empty() || standing.certificates.front().serial == before.front().serial);
  }
}

TEST_F(KillTest, ANewUnitAtEveryPoint) {
  kill_at_every_point(enrol::Purpose::iak, "iak");
}

TEST_F(KillTest, ATlsKeyWithAResetAtEveryPoint) {
  reset_ = true;
  kill_at_every_point(enrol::Purpose::tls, "tls-client");
  must_have_passed(run(0, 0, "tls-client", "whole").points, {"before reset", "after reset"});
}

// The station never gets further than one point beyond where it was killed the last time.
TEST_F(KillTest, OneUnitKilledAgainAndAgain) {
  int status = kKilled;
  unsigned point = 1;
  for (; status == kKilled; ++point) {
    ASSERT_LT(point, 1000U);
    status = run(0, point, "idevid", "journal").status;
  }
  EXPECT_EQ(status, 0);
  EXPECT_GT(point, 20U);
  EXPECT_EQ(fault_in(plant_.standing(), enrol::Purpose::idevid, "idevid"), "");
  expect_done(0, "idevid", "journal");
}

// A second station, or a first one whose journal was lost, meets a unit that is provisioned already.
TEST_F(KillTest, AUnitWithoutItsJournalAtEveryPoint) {
  for (unsigned device = 0; device < 60; ++device) {
    ASSERT_EQ(run(device, 0, "iak", "first").status, 0);
    const std::string key = key_of(device, enrol::Purpose::iak);
    const std::string journal = "second-" + std::to_string(device);
    const Passage killed = run(device, device + 1, "iak", journal);
    const Passage again = run(device, 0, "iak", journal);
    SCOPED_TRACE("killed " + killed.points.back());
    EXPECT_EQ(again.status, 0) << again.errors;
    EXPECT_EQ(fault_in(plant_.standing(device), enrol::Purpose::iak, "iak"), "");
    EXPECT_EQ(key_of(device, enrol::Purpose::iak), key);
    expect_done(device, "iak", journal);
    if (killed.status != kKilled) {
      EXPECT_EQ(killed.status, 0) << killed.errors;
      EXPECT_GT(device, 10U);
      return;
    }
  }
  FAIL() << "the run has more points than there are devices";
}

// The devices' flash is put back to what it was before they were provisioned. A second key for a device is
// refused, and whatever happens to the station meanwhile, it ends without that key and with its old
// certificate.
TEST_F(KillTest, ARefusedUnitAtEveryPoint) {
  plant_.kill_devices();
  std::filesystem::copy(plant_.path("devices"), plant_.path("backup"),
                        std::filesystem::copy_options::recursive);
  plant_.start_devices(kDevices);
  std::vector<std::string> all;
  for (unsigned device = 0; device < kDevices; ++device) all.push_back(plant_.address(device));
  ASSERT_EQ(
      Process(plant_.provision_at(all, {"--profile", "idevid", "--journal", plant_.path("first")})).wait(),
      0);
  plant_.kill_devices();
  std::filesystem::remove_all(plant_.path("devices"));
  std::filesystem::rename(plant_.path("backup"), plant_.path("devices"));
  plant_.start_devices(kDevices);
  const Passage whole = run(0, 0, "idevid", "whole");
  ASSERT_EQ(whole.status, kRefused) << whole.errors;
  must_have_passed(whole.points, {"before abort", "after abort"});
  ASSERT_LT(whole.points.size(), kDevices);
  for (unsigned point = 1; point <= whole.points.size(); ++point) {
    SCOPED_TRACE("killed " + whole.points[point - 1]);
    const std::string journal = "journal-" + std::to_string(point);
    ASSERT_EQ(run(point, point, "idevid", journal).status, kKilled);
    EXPECT_EQ(run(point, 0, "idevid", journal).status, kRefused);
    EXPECT_EQ(key_of(point, enrol::Purpose::idevid), "");
    EXPECT_EQ(plant_.registered(plant_.id(point)).certificates.size(), 1U);
  }
}

}  // namespace
}  // namespace pedigree::testing
