// SPDX-License-Identifier: Apache-2.0
// The service's own tests on the target: an image that runs them in the secure world and ends the emulator
// with the number of checks that did not hold.
#include <gtest/gtest.h>

#include "testing/mps2/board.h"

namespace pedigree::testing {
namespace {

/// As many as GoogleTest runs in device_scenario_test.
constexpr std::size_t kScenarios = 16;

struct Ended {
  int status = -1;
  std::string log;
};

Ended run_to_end(const Images& images) {
  const Board board;
  const auto emulator = board.run(images, {"-no-reboot", "-semihosting-config", "enable=on,target=native"});
  const int status = emulator->wait();
  return {status, board.secure_log()};
}

std::size_t count(const std::string& text, std::string_view word) {
  std::size_t times = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++times;
  return times;
}

TEST(ServiceOnTarget, EveryScenarioPasses) {
  const Ended ended = run_to_end({.secure = "service_tests/"});
  EXPECT_EQ(ended.status, 0) << ended.log;
  EXPECT_EQ(count(ended.log, "\npassed: "), kScenarios) << ended.log;
  EXPECT_EQ(ended.log.find("failed"), std::string::npos) << ended.log;
  // A reset also ends the emulator with status 0: the last line is what says that all ran.
  EXPECT_TRUE(ended.log.ends_with("service tests: failures 00000000\n")) << ended.log;
}

TEST(ServiceOnTarget, ACheckThatDoesNotHoldIsSeen) {
  const Ended ended = run_to_end({.secure = "service_tests_that_fail/"});
  EXPECT_EQ(ended.status, 1) << ended.log;
  EXPECT_NE(ended.log.find(": stage->info().slots_used == 99\n"), std::string::npos) << ended.log;
  EXPECT_TRUE(ended.log.ends_with("service tests: failures 00000001\n")) << ended.log;
}

}  // namespace
}  // namespace pedigree::testing
