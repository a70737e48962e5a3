// SPDX-License-Identifier: Apache-2.0
// The retransmission timeout of one link, after RFC 6298, with bounds that suit serial lines and loopback
// alike.
#pragma once

#include <algorithm>
#include <chrono>

namespace pedigree::station {

using Duration = std::chrono::microseconds;

class RttEstimator {
 public:
  RttEstimator(Duration initial, Duration minimum, Duration maximum) noexcept
      : rto_(initial), minimum_(minimum), maximum_(maximum) {}

  /// A round trip of a request that was sent once (Karn: the caller gives no other). RFC 6298 2.2, 2.3.
  void sample(Duration rtt) noexcept {
    if (!seen_) {
      seen_ = true;
      smoothed_ = rtt;
      variation_ = rtt / 2;
    } else {
      const Duration distance = smoothed_ > rtt ? smoothed_ - rtt : rtt - smoothed_;
      variation_ = (3 * variation_ + distance) / 4;
      smoothed_ = (7 * smoothed_ + rtt) / 8;
    }
    rto_ = std::clamp(smoothed_ + 4 * variation_, minimum_, maximum_);
  }

  /// A timeout passed: the next one is twice as long until a sample says otherwise (5.5).
  void back_off() noexcept { rto_ = std::min(2 * rto_, maximum_); }

  [[nodiscard]] Duration timeout() const noexcept { return rto_; }
  [[nodiscard]] Duration smoothed() const noexcept { return smoothed_; }

 private:
  Duration rto_;
  Duration minimum_;
  Duration maximum_;
  Duration smoothed_{0};
  Duration variation_{0};
  bool seen_ = false;
};

}  // namespace pedigree::station
