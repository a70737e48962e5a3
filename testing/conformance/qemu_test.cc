// SPDX-License-Identifier: Apache-2.0
// The conformance suite on the reference firmware in the emulator, with power cuts.
#include <gtest/gtest.h>

#include <cstdlib>

#include "testing/conformance/bench_process.h"

namespace pedigree::testing {
namespace {

namespace json = boost::json;

/// What the board does not have, or is not in.
bool may_be_left_out(const std::string& id) {
  return id == "attest.own-chain" || id.starts_with("lifecycle.");
}

TEST(ConformanceQemuTest, TheReferenceFirmwarePassesThroughPowerCuts) {
  TestDevice device({"--qemu"});
  const std::vector<pid_t> emulators = device.process().children();
  ASSERT_FALSE(emulators.empty());
  // The program powers the board on again at once, with another process.
  const std::string cut = "for child in $(cat /proc/" + std::to_string(device.process().id()) +
                          "/task/*/children); do kill -9 $child; done";
  std::vector<std::string> options{"--pin-root", "--timeout", "60", "--power-cut", cut};
  // The long form is all of it, which takes a quarter of an hour on a busy machine.
  if (std::getenv("PEDIGREE_LONG") == nullptr) {
    for (const char* left_out : {"keys.idevid-*", "keys.tls-*", "keys.data-*", "refusal.der-*",
                                 "refusal.serial-*", "refusal.flipped", "commit.kinds", "power.begin",
                                 "power.replace", "power.destroy", "power.chain"}) {
      options.insert(options.end(), {"--skip", left_out});
    }
  }
  const Findings found = device.test(options, true);
  ASSERT_EQ(found.status, 0) << found.others();
  for (const json::value& row : found.report.at("checks").as_array()) {
    const std::string id =
        std::string(row.at("area").as_string()) + "." + std::string(row.at("check").as_string());
    if (row.at("result").as_string() == "pass") continue;
    EXPECT_TRUE(may_be_left_out(id)) << id << ": " << row.at("why").as_string();
  }
}

}  // namespace
}  // namespace pedigree::testing
