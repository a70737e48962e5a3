// SPDX-License-Identifier: Apache-2.0
// What a verifier remembers of chains that it has proven, by the digest of their octets.
#pragma once

#include <deque>
#include <memory>
#include <shared_mutex>
#include <unordered_map>

#include "verifier/status.h"

namespace pedigree::verifier {

/// What no source and no clock can change: the path holds, between two times. Immutable.
struct ProvenPath {
  std::vector<std::uint8_t> spki;  ///< the leaf's SubjectPublicKeyInfo, DER
  crypto::PublicKey key;           ///< in `spki`
  std::size_t anchor = 0;          ///< as Appraisal::anchor
  der::UnixTime not_before = 0;    ///< the latest of the path, the root's included
  der::UnixTime not_after = 0;     ///< the earliest
  std::optional<std::array<std::uint8_t, psa_token::kInstanceIdSize>> device_id;
  std::optional<std::size_t>
      test_key;                 ///< certificate (the chain's length: the root) of a published test key
  bool purpose_stated = false;  ///< the leaf lists the purpose that was asked for
};

/// What the status sources said, and when that has to be asked again.
struct Standing {
  Outcome revocation_outcome = Outcome::skipped;
  std::optional<ErrorCode> revocation_code;
  std::uint32_t revocation_where = 0;
  std::optional<Revocation> revocation;
  std::string_view revocation_source;
  DeviceStatus device;
  der::UnixTime asked_at = 0;
  der::UnixTime fresh_until = 0;
  std::vector<std::uint64_t> generations;  ///< of the sources, read before they were asked
};

/// One remembered chain. Both parts are replaced, never changed.
struct ProvenChain {
  std::shared_ptr<const ProvenPath> path;
  std::shared_ptr<const Standing> standing;
};

/// Bounded; the oldest is forgotten first. Only proven chains come in, so what an attacker sends displaces
/// nothing. Readers of different chains rarely meet: each of the parts has its own lock, held for a copy of
/// two pointers and shared among readers.
class ProvenChains {
 public:
  /// `capacity`: chains in all parts together; 0 remembers nothing.
  explicit ProvenChains(std::size_t capacity);
  [[nodiscard]] std::optional<ProvenChain> find(const Sha256& digest) const;
  /// Adds, or replaces what is there.
  void put(const Sha256& digest, ProvenChain chain);
  /// For chains whose time has passed.
  void remove(const Sha256& digest);
  [[nodiscard]] std::size_t size() const;

 private:
  static constexpr std::size_t kParts = 64;
  struct Hash {
    std::size_t operator()(const Sha256& digest) const noexcept;
  };
  struct Part {
    mutable std::shared_mutex mutex;
    std::unordered_map<Sha256, ProvenChain, Hash> chains;
    std::deque<Sha256> order;  ///< oldest first; may name chains that were removed
  };
  [[nodiscard]] Part& part(const Sha256& digest) const noexcept { return (*parts_)[digest[31] % kParts]; }
  std::size_t per_part_;
  std::unique_ptr<std::array<Part, kParts>> parts_;
};

}  // namespace pedigree::verifier
