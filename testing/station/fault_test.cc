// SPDX-License-Identifier: Apache-2.0
// `pedigree provision` on bad lines, and while station, device or authority die: the run ends well, or the
// next one does, with one key and one certificate.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "testing/station/plant.h"
#include "testing/station/relay.h"

namespace pedigree::testing {
namespace {

namespace json = boost::json;

class FaultTest : public ::testing::Test {
 protected:
  /// Every device of the plant is as it should be.
  void expect_whole(unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      EXPECT_EQ(fault_in(plant_.standing(i), enrol::Purpose::iak, "iak"), "") << plant_.address(i);
    }
  }
  std::vector<std::string> addresses(unsigned count) {
    std::vector<std::string> all;
    for (unsigned i = 0; i < count; ++i) all.push_back(plant_.address(i));
    return all;
  }
  void survives(unsigned count, const std::vector<std::string>& device_options) {
    plant_.start_authority();
    plant_.start_devices(count, device_options);
    Process station(plant_.provision_at(addresses(count), {"--json", "--timeout", "60"}));
    ASSERT_EQ(station.wait(), 0) << station.output();
    std::int64_t repeated = 0;
    const json::value answer = json::parse(station.output());
    for (const json::value& unit : answer.at("units").as_array())
      repeated += unit.at("retransmitted").as_int64();
    EXPECT_GT(repeated, count);
    expect_whole(count);
  }

  Plant plant_;
};

TEST_F(FaultTest, LossDuplicationAndReordering) {
  survives(8, {"--drop", "0.25", "--duplicate", "0.25", "--delay", "30", "--buffer-size", "300"});
}

TEST_F(FaultTest, DamageOnUdp) {
  survives(6, {"--corrupt", "0.001", "--buffer-size", "300"});
}

// Half of all frames: the CRC finds the damage, and the station asks again.
TEST_F(FaultTest, DamageOnASerialLine) {
  survives(6, {"--pty", "--corrupt", "0.001", "--buffer-size", "300"});
}

/// How many datagrams a whole run takes.
unsigned datagrams_of(Plant& plant) {
  Relay relay(plant.address(), [](unsigned) { return true; });
  Process station(plant.provision_at({relay.address()}, {"--journal", plant.path("whole")}));
  EXPECT_EQ(station.wait(), 0) << station.errors();
  return relay.passed();
}

TEST_F(FaultTest, StationKilledAtEveryDatagram) {
  plant_.start_authority();
  plant_.start_devices(100, {"--buffer-size", "400"});
  // How many there are is seen when a station comes through: on a slow machine some are sent twice.
  for (unsigned point = 1;; ++point) {
    SCOPED_TRACE(point);
    ASSERT_LT(point, 100U);
    std::atomic<Process*> running = nullptr;
    // The datagram that the station does not live to see answered arrives nevertheless.
    Relay relay(plant_.address(point), [&](unsigned number) {
      if (number == point) {
        while (running == nullptr) std::this_thread::yield();
        running.load()->kill();
      }
      return true;
    });
    const auto command = plant_.provision_at({relay.address()},
                                             {"--journal", plant_.path("journal-" + std::to_string(point))});
    Process station(command);
    running = &station;
    const int status = station.wait();
    if (status == 0) {
      ASSERT_GT(point, 16U);
      break;
    }
    EXPECT_EQ(status, 128 + SIGKILL);
    Process again(command);
    ASSERT_EQ(again.wait(), 0) << again.errors();
    EXPECT_EQ(fault_in(plant_.standing(point), enrol::Purpose::iak, "iak"), "");
  }
}

TEST_F(FaultTest, DeviceRestartedAtEveryDatagram) {
  plant_.start_authority();
  plant_.start_devices(1, {"--buffer-size", "400"});
  const unsigned count = datagrams_of(plant_);
  for (unsigned point = 1; point <= count; ++point) {
    SCOPED_TRACE(point);
    // A new device on the old one's port; the profile does not matter to the datagrams.
    plant_.kill_devices();
    std::filesystem::remove_all(plant_.path("devices"));
    plant_.start_devices(1, {"--buffer-size", "400"});
    Relay relay(plant_.address(), [&](unsigned number) {
      if (number != point) return true;
      plant_.kill_devices();
      plant_.start_devices(1, {"--buffer-size", "400"});
      return false;
    });
    Process station(plant_.provision_at({relay.address()}, {"--timeout", "60"}));
    ASSERT_EQ(station.wait(), 0) << station.errors();
    expect_whole(1);
  }
}

// Two lines to one device, or its address named twice: one after the other, not both at once.
TEST_F(FaultTest, OneDeviceTwice) {
  plant_.start_authority();
  plant_.start_devices(1);
  Relay relay(plant_.address(), [](unsigned) { return true; });
  const std::string other = "localhost" + plant_.address().substr(plant_.address().find(':'));
  Process station(
      plant_.provision_at({plant_.address(), plant_.address(), other, relay.address()}, {"--json"}));
  ASSERT_EQ(station.wait(), 0) << station.output();
  const json::value answer = json::parse(station.output());
  EXPECT_EQ(answer.at("provisioned").as_int64(), 1);
  EXPECT_EQ(answer.at("already").as_int64(), 2);
  expect_whole(1);
}

TEST_F(FaultTest, AuthorityComesUpLate) {
  plant_.start_authority();
  plant_.kill_authority();
  plant_.start_devices(3);
  Process station(plant_.provision_at(addresses(3)));
  ASSERT_TRUE(station.wait_until([&] { return station.errors().find("trying again") != std::string::npos; }));
  plant_.start_authority();
  EXPECT_EQ(station.wait(), 0) << station.errors();
  expect_whole(3);
}

TEST_F(FaultTest, AuthorityKilledAgainAndAgainUnderLoad) {
  constexpr unsigned kCount = 60;
  plant_.start_authority();
  plant_.start_devices(kCount);
  Process station(plant_.provision_at(addresses(kCount), {"--jobs", "8"}));
  for (unsigned round = 1; round <= 4; ++round) {
    const auto ended = [&] { return std::ranges::count(station.output(), '\n') >= round * 10; };
    if (!station.wait_until(ended)) break;
    plant_.kill_authority();
    plant_.start_authority();
  }
  EXPECT_EQ(station.wait(), 0) << station.errors();
  expect_whole(kCount);
}

TEST_F(FaultTest, AuthorityThatStaysAwayIsAnErrorAndCostsNothing) {
  plant_.start_authority();
  plant_.kill_authority();
  plant_.start_devices(1);
  Process station(plant_.provision(0, {"--authority-timeout", "0.5"}));
  EXPECT_EQ(station.wait(), 6);
  EXPECT_NE(station.errors().find("connecting to"), std::string::npos) << station.errors();
  EXPECT_TRUE(plant_.standing().slots.empty());
  plant_.start_authority();
  EXPECT_EQ(Process(plant_.provision(0)).wait(), 0);
  expect_whole(1);
}

}  // namespace
}  // namespace pedigree::testing
