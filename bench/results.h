// SPDX-License-Identifier: Apache-2.0
// What a benchmark reached, as a table for people and in build/bench/results.json for programs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pedigree::bench {

/// What was measured in the same run for comparison, in the entry's unit.
struct Peer {
  std::string name;
  double value = 0;
};

/// Which side of its limit a value should be on.
enum class Better : std::uint8_t { higher, lower };

struct Entry {
  std::string name;   ///< one name for each benchmark, as in the issue: "path_validation_p256_3"
  double value = 0;   ///< reached
  std::string unit;   ///< "1/s", "ns", "ms"
  double limit = 0;   ///< what the libraries below allow at most, or the target for a time; in `unit`
  double target = 0;  ///< the ratio to reach, or, for `lower`, not to exceed
  Better better = Better::higher;
  std::vector<Peer> peers;

  /// value / limit, whichever side is better: a time under its limit has a ratio under 1.
  [[nodiscard]] double ratio() const noexcept { return limit == 0 ? 0 : value / limit; }
  [[nodiscard]] bool met() const noexcept {
    return better == Better::higher ? ratio() >= target : ratio() <= target;
  }
};

/// The file that `record` writes: PEDIGREE_BENCH_RESULTS, or build/bench/results.json in the source tree.
[[nodiscard]] std::string results_file();

/// Writes the entry into the results file, in place of one of the same name, and prints its line of the
/// table. The file is a list of {name, value, unit, limit, ratio, peers: {name: value}}. Throws
/// std::runtime_error where it cannot be written.
void record(const Entry& entry);

/// One row for people, with the peers below it.
[[nodiscard]] std::string to_text(const Entry& entry);

}  // namespace pedigree::bench
