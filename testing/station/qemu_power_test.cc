// SPDX-License-Identifier: Apache-2.0
// The emulated device loses power while it is provisioned: killed at random instants, and by itself at chosen
// changes of its storage (an image built for that). Its key and chain are as before or as after, and the
// station finishes: one key, one certificate, asked of the device and of the authority's database.
// PEDIGREE_LONG=1: 100 rounds of each instead of 10; PEDIGREE_SEED=n repeats the random ones.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <random>

#include "device/ports/mps2/trial/power_cut.h"
#include "device/ports/qemu/firmware.h"
#include "device/ports/qemu/state.h"
#include "testing/station/plant.h"

namespace pedigree::testing {
namespace {

using Clock = std::chrono::steady_clock;

unsigned environment(const char* name, unsigned otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

unsigned rounds() {
  return environment("PEDIGREE_LONG", 0) != 0 ? 100 : 10;
}

/// What an image built with PEDIGREE_POWER_CUT reads and writes at mps2::kPowerCutPage.
struct Page {
  std::uint32_t magic = mps2::kPowerCutMagic;
  std::uint32_t changes_before_cut = UINT32_MAX - 1;  // never
  std::uint32_t changes = 0;
};

class QemuPowerTest : public ::testing::Test {
 protected:
  QemuPowerTest() { plant_.start_authority(); }

  /// A new device in place of the one before.
  void start_new_device(const std::vector<std::string>& options = {}, const Page& page = {}) {
    plant_.kill_devices();
    std::filesystem::remove_all(plant_.path("devices"));
    {
      const auto state = qemu::State::open(plant_.path("devices"));
      ASSERT_TRUE(state) << state.error();
      const int file = ::open(state->memory().c_str(), O_WRONLY | O_CLOEXEC);
      const auto written = ::pwrite(file, &page, sizeof page, mps2::kPowerCutPage);
      ::close(file);
      ASSERT_EQ(written, static_cast<ssize_t>(sizeof page));
    }
    std::vector<std::string> all{"--qemu"};
    all.insert(all.end(), options.begin(), options.end());
    plant_.start_devices(1, all);
  }
  void start_cut_device(const Page& page) {
    start_new_device({"--firmware", (qemu::usual_folders().front() / "power_cut").string()}, page);
  }
  [[nodiscard]] Page page() const {
    Page page;
    const int file = ::open((plant_.state() + "/nv").c_str(), O_RDONLY | O_CLOEXEC);
    const auto size = ::pread(file, &page, sizeof page, mps2::kPowerCutPage);
    ::close(file);
    if (size != static_cast<ssize_t>(sizeof page)) throw std::runtime_error("the storage is too short");
    return page;
  }

  std::vector<std::string> job(unsigned round) {
    return plant_.provision(0, {"--profile", "iak", "--issuer", "acme", "--journal",
                                plant_.path("journal-" + std::to_string(round))});
  }
  /// The device's one key, which the cut left whole or not there at all.
  std::string key_after_cut() {
    const auto slots = plant_.standing().slots;
    if (slots.empty()) return {};
    EXPECT_EQ(slots.size(), 1U);
    const auto& slot = slots.front();
    EXPECT_TRUE(slot.state == enrol::SlotState::pending || slot.state == enrol::SlotState::active);
    EXPECT_EQ(slot.chain_size > 0, slot.state == enrol::SlotState::active);
    return slot.key;
  }
  /// The station does the job, or goes on with it; then there is one key, `key` if there was one before.
  void finish(unsigned round, const std::string& key) {
    Process station(job(round));
    EXPECT_EQ(station.wait(), 0) << station.output() << station.errors();
    expect_done(key);
  }
  void expect_done(const std::string& key) {
    const Standing standing = plant_.standing();
    EXPECT_EQ(fault_in(standing, enrol::Purpose::iak, "iak"), "");
    if (!key.empty() && !standing.slots.empty()) {
      EXPECT_EQ(standing.slots.front().key, key) << "the first key was thrown away";
    }
  }

  Plant plant_;
};

TEST_F(QemuPowerTest, CutAtChosenChangesOfTheStorage) {
  ASSERT_NO_FATAL_FAILURE(start_cut_device({}));
  const std::uint32_t at_boot = page().changes;
  finish(0, "");
  const std::uint32_t changes = page().changes;
  ASSERT_GT(at_boot, 20U) << "the manufacture is among the changes";
  ASSERT_GT(changes, at_boot + 50U);
  for (unsigned round = 1; round <= rounds(); ++round) {
    // Spread over all; the last is the last change of a whole job, or nearly so.
    const std::uint32_t change = (changes - 1) * round / rounds();
    SCOPED_TRACE("power cut at change " + std::to_string(change) + " of " + std::to_string(changes));
    ASSERT_NO_FATAL_FAILURE(start_cut_device({.changes_before_cut = change}));
    Process station(job(round));
    if (round % 2 == 0) {
      EXPECT_EQ(station.wait(), 0) << station.output() << station.errors();
    } else {
      // The station ends with the device, and both start again.
      (void)station.wait_until([&] { return page().magic == 0; });
      station.kill();
      (void)station.wait();
    }
    const std::string key = key_after_cut();
    finish(round, key);
    // A signature's length varies, and with it what is stored.
    if (change + 20 < changes) {
      EXPECT_EQ(page().magic, 0U) << "there was no cut";
    }
  }
}

TEST_F(QemuPowerTest, KilledAtRandomInstants) {
  const unsigned seed = environment("PEDIGREE_SEED", std::random_device()());
  SCOPED_TRACE("PEDIGREE_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  ASSERT_NO_FATAL_FAILURE(start_new_device());
  const auto start = Clock::now();
  finish(0, "");
  const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count();
  for (unsigned round = 1; round <= rounds(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    ASSERT_NO_FATAL_FAILURE(start_new_device());
    Process station(job(round));
    const auto cuts = 1 + random() % 3;
    for (unsigned cut = 0; cut < cuts; ++cut) {
      const auto until =
          Clock::now() + std::chrono::microseconds(random() % static_cast<unsigned long>(whole));
      (void)station.wait_until([&] { return Clock::now() > until; });
      plant_.cut_power();
    }
    if (round % 2 == 0) {
      EXPECT_EQ(station.wait(), 0) << station.output() << station.errors();
    } else {
      station.kill();
      (void)station.wait();
    }
    const std::string key = key_after_cut();
    finish(round, key);
  }
}

}  // namespace
}  // namespace pedigree::testing
