// SPDX-License-Identifier: Apache-2.0
// Remembers tokens that were accepted, so that the same one is not accepted twice.
#pragma once

#include <deque>
#include <mutex>
#include <unordered_map>

#include "core/bytes/bytes.h"
#include "core/der/der.h"

namespace pedigree::verifier {

/// Kept by a relying party that hands one nonce to several callers, or whose nonces live for a while: a token
/// carries no time of its own. What identifies a token is what was signed, so that another encoding of its
/// signature or header is still the same token. Thread-safe.
class ReplayGuard {
 public:
  /// Remembers at most `capacity` tokens, for `seconds`; where more come, the oldest is forgotten early and
  /// counted, so give it what one nonce's life can bring. Each takes about 120 octets.
  ReplayGuard(std::size_t capacity, der::UnixTime seconds) : capacity_(capacity), seconds_(seconds) {}

  /// Whether it was remembered before; it is from now on.
  [[nodiscard]] bool seen_before(const Sha256& signed_content, der::UnixTime now);
  /// The same without remembering it.
  [[nodiscard]] bool knows(const Sha256& signed_content, der::UnixTime now);
  [[nodiscard]] std::size_t size() const;
  /// How many were forgotten before their time.
  [[nodiscard]] std::uint64_t forgotten() const;

 private:
  struct Hash {
    std::size_t operator()(const Sha256& digest) const noexcept;
  };
  void drop_old(der::UnixTime now);
  const std::size_t capacity_;
  const der::UnixTime seconds_;
  mutable std::mutex mutex_;
  std::unordered_map<Sha256, der::UnixTime, Hash> until_;
  std::deque<Sha256> order_;
  std::uint64_t forgotten_ = 0;
};

}  // namespace pedigree::verifier
