// SPDX-License-Identifier: Apache-2.0
// What was found out about who signed a thing, so that each signature is verified once for each key.
#pragma once

#include <mutex>
#include <optional>
#include <vector>

#include "core/bytes/bytes.h"

namespace pedigree::verifier {

/// Conclusions about a few keys, by SubjectPublicKeyInfo. Thread-safe.
template <typename Conclusion>
class Signers {
 public:
  /// The conclusion about this key; the first time it is made by `conclude()`.
  template <typename Conclude>
  Conclusion about(Bytes spki, Conclude conclude) const {
    const std::lock_guard lock(mutex_);
    for (const Known& one : known_) {
      if (equal(one.spki, spki)) return one.conclusion;
    }
    // Issuers are few; should there be more, the oldest conclusion is made again when it is needed.
    if (known_.size() == kLimit) known_.erase(known_.begin());
    known_.push_back({{spki.begin(), spki.end()}, conclude()});
    return known_.back().conclusion;
  }

 private:
  static constexpr std::size_t kLimit = 16;
  struct Known {
    std::vector<std::uint8_t> spki;
    Conclusion conclusion;
  };
  mutable std::mutex mutex_;
  mutable std::vector<Known> known_;
};

}  // namespace pedigree::verifier
