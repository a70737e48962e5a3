// SPDX-License-Identifier: Apache-2.0
#include "bench/measure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <limits>

namespace pedigree::bench {
namespace {

/// Calls between two looks at the clock: about a twentieth of the window.
int calls_per_look(const std::function<void()>& side, double window) {
  int calls = 1;
  for (;;) {
    const double start = cpu_seconds();
    for (int i = 0; i < calls; ++i) side();
    if (cpu_seconds() - start >= window / 20 || calls > (1 << 24)) return calls;
    calls *= 2;
  }
}

}  // namespace

double cpu_seconds() noexcept {
  std::timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::vector<double> best_seconds(const std::vector<std::function<void()>>& sides, int rounds, double window) {
  std::vector<double> best(sides.size(), std::numeric_limits<double>::max());
  std::vector<int> calls;
  calls.reserve(sides.size());
  for (const auto& side : sides) calls.push_back(calls_per_look(side, window));
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < sides.size(); ++i) {
      long done = 0;
      const double start = cpu_seconds();
      double elapsed = 0;
      do {
        for (int j = 0; j < calls[i]; ++j) sides[i]();
        done += calls[i];
        elapsed = cpu_seconds() - start;
      } while (elapsed < window);
      best[i] = std::min(best[i], elapsed / static_cast<double>(done));
    }
  }
  return best;
}

int guarded(std::string_view program, const std::function<void()>& run) {
  try {
    run();
    return EXIT_SUCCESS;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", program, error.what());
    return EXIT_FAILURE;
  }
}

}  // namespace pedigree::bench
