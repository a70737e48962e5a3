// SPDX-License-Identifier: Apache-2.0
// The negative control: devices that are wrong in a known way are found, each by the check that is for it.
#include <gtest/gtest.h>

#include "testing/conformance/bench_process.h"
#include "testing/conformance/faults.h"

namespace pedigree::testing {
namespace {

constexpr int kFailed = 3;

/// Enough of the suite that a root is pinned before the check at hand.
std::vector<std::string> options_for(const FaultyDevice& device, const std::string& check) {
  std::vector<std::string> options{"--udp", device.address(), "--pin-root", "--timeout",
                                   "2",     "--filter",       check};
  if (check == "refusal.other-root") options.insert(options.end(), {"--filter", "commit.two-levels"});
  return options;
}

class FaultTest : public ::testing::TestWithParam<KnownFault> {};

TEST_P(FaultTest, IsFoundByTheCheckForIt) {
  const KnownFault& fault = GetParam();
  const TestDevice device({"--udp", "127.0.0.1:0"});
  const FaultyDevice faulty(device.udp(), fault.make());
  const Findings found = device_test(options_for(faulty, fault.found_by));
  EXPECT_EQ(found.status, kFailed) << found.output;
  EXPECT_EQ(found.result(fault.found_by), "FAIL") << found.output;
  EXPECT_FALSE(found.why(fault.found_by).empty());
}

/// The same checks on the same device by the same way, without the fault.
TEST_P(FaultTest, IsNotFoundWhereThereIsNone) {
  const KnownFault& fault = GetParam();
  const TestDevice device({"--udp", "127.0.0.1:0"});
  const FaultyDevice right(device.udp(), no_fault());
  const Findings found = device_test(options_for(right, fault.found_by));
  EXPECT_EQ(found.status, 0) << found.others();
  EXPECT_EQ(found.result(fault.found_by), "pass") << found.others();
}

INSTANTIATE_TEST_SUITE_P(Known, FaultTest, ::testing::ValuesIn(known_faults()),
                         [](const auto& known) { return known.param.name; });

}  // namespace
}  // namespace pedigree::testing
