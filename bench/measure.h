// SPDX-License-Identifier: Apache-2.0
// Measures by CPU time in short windows and keeps the best: what the machine can do, not what else it did.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

namespace pedigree::bench {

/// CPU time of this thread, in seconds.
[[nodiscard]] double cpu_seconds() noexcept;

inline constexpr int kRounds = 60;
inline constexpr double kWindow = 0.03;  ///< seconds of CPU time

/// Seconds that one call of each side takes in its best window. The sides take turns, a window each, for this
/// many rounds, so that all of them see the same machine.
[[nodiscard]] std::vector<double> best_seconds(const std::vector<std::function<void()>>& sides,
                                               int rounds = kRounds, double window = kWindow);

/// What a benchmark's main() returns: runs it, and says on stderr what it threw, after the program's name.
[[nodiscard]] int guarded(std::string_view program, const std::function<void()>& run);

}  // namespace pedigree::bench
