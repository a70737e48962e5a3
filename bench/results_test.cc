// SPDX-License-Identifier: Apache-2.0
#include "bench/results.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "bench/measure.h"
#include "testing/support/support.h"

namespace pedigree::bench {
namespace {

TEST(Results, MergeByName) {
  const testing::TempDir folder;
  const auto file = folder / "bench/results.json";
  ASSERT_EQ(setenv("PEDIGREE_BENCH_RESULTS", file.c_str(), 1), 0);
  record({"speed", 80, "1/s", 100, 0.9, Better::higher, {{"peer", 40}}});
  record({"time", 500, "ns", 1000, 1.0, Better::lower, {}});
  record({"speed", 95, "1/s", 100, 0.9, Better::higher, {{"peer", 50}}});
  const std::string text = testing::read_text(file);
  EXPECT_EQ(text,
            "[\n"
            "  {\"name\":\"speed\",\"value\":9.5E1,\"unit\":\"1/s\",\"limit\":1E2,\"ratio\":9.5E-1,"
            "\"peers\":{\"peer\":5E1}},\n"
            "  {\"name\":\"time\",\"value\":5E2,\"unit\":\"ns\",\"limit\":1E3,\"ratio\":5E-1,\"peers\":{}}\n"
            "]\n");
  unsetenv("PEDIGREE_BENCH_RESULTS");
}

TEST(Results, SayWhetherTheTargetIsMet) {
  EXPECT_TRUE((Entry{"a", 90, "1/s", 100, 0.9, Better::higher, {}}.met()));
  EXPECT_FALSE((Entry{"a", 89, "1/s", 100, 0.9, Better::higher, {}}.met()));
  EXPECT_TRUE((Entry{"a", 999, "ns", 1000, 1.0, Better::lower, {}}.met()));
  EXPECT_FALSE((Entry{"a", 1001, "ns", 1000, 1.0, Better::lower, {}}.met()));
}

TEST(Measure, RunsEverySide) {
  int first = 0;
  int second = 0;
  const auto seconds = best_seconds({[&] { ++first; }, [&] { ++second; }}, 2, 0.001);
  ASSERT_EQ(seconds.size(), 2U);
  EXPECT_GT(first, 0);
  EXPECT_GT(second, 0);
  EXPECT_GT(seconds[0], 0);
}

}  // namespace
}  // namespace pedigree::bench
