// SPDX-License-Identifier: Apache-2.0
#include "bench/https_cost.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace pedigree::bench {
namespace {

double cores() {
  return std::max(1U, std::thread::hardware_concurrency());
}

/// CPU time of this process, in seconds.
double own_cpu() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

HttpsCost best_window(HttpsLoad& load, std::span<const std::string> requests, std::size_t per_window,
                      std::vector<std::string>& bodies, const std::function<double()>& beside) {
  HttpsCost best;
  for (std::size_t at = 0; at < requests.size(); at += per_window) {
    const auto window = requests.subspan(at, std::min(per_window, requests.size() - at));
    const double before = own_cpu() + beside();
    const auto start = std::chrono::steady_clock::now();
    auto answers = load.run(window);
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
    const double cpu = own_cpu() + beside() - before;
    const auto count = static_cast<double>(window.size());
    best = best_of(best, {cores() / load.best_rate(), cpu / count, wall.count() / count});
    bodies.insert(bodies.end(), std::move_iterator(answers.begin()), std::move_iterator(answers.end()));
  }
  return best;
}

HttpsCost best_of(const HttpsCost& one, const HttpsCost& other) {
  return {std::min(one.core, other.core), std::min(one.cpu, other.cpu), std::min(one.wall, other.wall)};
}

double by_the_clock(const HttpsCost& cost) {
  return cores() / cost.core;
}

}  // namespace pedigree::bench
