// SPDX-License-Identifier: Apache-2.0
// What a request over HTTPS costs where server and load generator share a process and its cores.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "bench/https_load.h"

namespace pedigree::bench {

/// What one request cost, all threads together: server, writer and load generator.
struct HttpsCost {
  double core =
      1e9;  ///< seconds of a core that was ours or could have been: on a quiet machine wall time x cores
  double wall = 1e9;
  double cpu = 1e9;
};

/// Runs windows of `per_window` requests and keeps the best. `bodies` gets every answer. `beside`: CPU time
/// in seconds of what serves outside of this process.
[[nodiscard]] HttpsCost best_window(
    HttpsLoad& load, std::span<const std::string> requests, std::size_t per_window,
    std::vector<std::string>& bodies, const std::function<double()>& beside = [] { return 0.0; });

}  // namespace pedigree::bench
