// SPDX-License-Identifier: Apache-2.0
// A bad line, for tests of the station: loses, repeats, delays and so reorders datagrams, damages octets, the
// same way for the same seed.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>
#include <vector>

#include "core/bytes/bytes.h"

namespace pedigree::sim {

struct ImpairmentOptions {
  double drop = 0;                     ///< probability that a datagram is lost, 0 to 1
  double duplicate = 0;                ///< probability that it arrives twice
  std::chrono::milliseconds delay{0};  ///< each copy is late by up to this much, evenly spread
  double corrupt = 0;                  ///< probability that one bit of an octet is turned over
  std::uint64_t seed = 1;
  [[nodiscard]] bool none() const noexcept {
    return drop <= 0 && duplicate <= 0 && delay.count() <= 0 && corrupt <= 0;
  }
};

/// Decides for each datagram whether it is lost, doubled or late.
class Impairment {
 public:
  explicit Impairment(const ImpairmentOptions& options) : options_(options), random_(options.seed) {}

  /// When the copies of the next datagram arrive, counted from now; empty: it is lost.
  [[nodiscard]] std::vector<std::chrono::microseconds> next();
  /// Damages what is under way; returns whether it did. UDP's checksum would find it: there it is lost.
  bool damage(MutableBytes octets);

 private:
  [[nodiscard]] bool happens(double probability);
  ImpairmentOptions options_;
  std::mt19937_64 random_;
};

}  // namespace pedigree::sim
