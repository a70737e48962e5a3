// SPDX-License-Identifier: Apache-2.0
#include "bench/https_cost.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <stdexcept>

namespace pedigree::bench {
namespace {

/// Seconds of processor time: of this process, and of nobody, summed over the machine's cores.
struct Cores {
  double ours = 0;
  double idle = 0;
};

Cores cores_now(const std::function<double()>& beside) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  Cores cores{seconds(usage.ru_utime) + seconds(usage.ru_stime) + beside(), 0};
  std::ifstream file("/proc/stat");
  std::string word;
  double user = 0;
  double nice = 0;
  double system = 0;
  double idle = 0;
  double waiting = 0;  // for a disk: nobody's time too
  file >> word >> user >> nice >> system >> idle >> waiting;
  if (word != "cpu" || file.fail()) throw std::runtime_error("/proc/stat");
  cores.idle = (idle + waiting) / static_cast<double>(sysconf(_SC_CLK_TCK));
  return cores;
}

}  // namespace

HttpsCost best_window(HttpsLoad& load, std::span<const std::string> requests, std::size_t per_window,
                      std::vector<std::string>& bodies, const std::function<double()>& beside) {
  HttpsCost best;
  for (std::size_t at = 0; at < requests.size(); at += per_window) {
    const auto window = requests.subspan(at, std::min(per_window, requests.size() - at));
    const Cores before = cores_now(beside);
    const auto start = std::chrono::steady_clock::now();
    auto answers = load.run(window);
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
    const Cores after = cores_now(beside);
    const auto count = static_cast<double>(window.size());
    const double cpu = after.ours - before.ours;
    best.core = std::min(best.core, (cpu + after.idle - before.idle) / count);
    best.wall = std::min(best.wall, wall.count() / count);
    best.cpu = std::min(best.cpu, cpu / count);
    bodies.insert(bodies.end(), std::move_iterator(answers.begin()), std::move_iterator(answers.end()));
  }
  return best;
}

}  // namespace pedigree::bench
