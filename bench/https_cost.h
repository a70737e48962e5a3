// SPDX-License-Identifier: Apache-2.0
// What a request over HTTPS costs where server and load generator share a process and its cores.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "bench/https_load.h"

namespace pedigree::bench {

/// What one request cost at best, all threads together: server, writer, database and load generator.
struct HttpsCost {
  double core = 1e9;  ///< seconds of a core, idle or not: wall time x cores in the best fifth of a second
  double cpu = 1e9;   ///< seconds of CPU time, in the best window
  double wall = 1e9;  ///< seconds, in the best window as a whole: what was kept up
};

/// Runs windows of `per_window` requests and keeps the best. `bodies` gets every answer. `beside`: CPU time
/// in seconds of what serves outside of this process.
[[nodiscard]] HttpsCost best_window(
    HttpsLoad& load, std::span<const std::string> requests, std::size_t per_window,
    std::vector<std::string>& bodies, const std::function<double()>& beside = [] { return 0.0; });

/// The better of both, each figure for itself.
[[nodiscard]] HttpsCost best_of(const HttpsCost& one, const HttpsCost& other);

/// Requests a second of the whole machine.
[[nodiscard]] double by_the_clock(const HttpsCost& cost);

}  // namespace pedigree::bench
