// SPDX-License-Identifier: Apache-2.0
// A bad network, for tests of the station: loses, repeats, delays and so reorders datagrams, the same way for
// the same seed.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>
#include <vector>

namespace pedigree::sim {

struct ImpairmentOptions {
  double drop = 0;                     ///< probability that a datagram is lost, 0 to 1
  double duplicate = 0;                ///< probability that it arrives twice
  std::chrono::milliseconds delay{0};  ///< each copy is late by up to this much, evenly spread
  std::uint64_t seed = 1;
  [[nodiscard]] bool none() const noexcept { return drop <= 0 && duplicate <= 0 && delay.count() <= 0; }
};

/// Decides for each datagram whether it is lost, doubled or late.
class Impairment {
 public:
  explicit Impairment(const ImpairmentOptions& options) : options_(options), random_(options.seed) {}

  /// When the copies of the next datagram arrive, counted from now; empty: it is lost.
  [[nodiscard]] std::vector<std::chrono::microseconds> next();

 private:
  [[nodiscard]] bool happens(double probability);
  ImpairmentOptions options_;
  std::mt19937_64 random_;
};

}  // namespace pedigree::sim
