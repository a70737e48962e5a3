// SPDX-License-Identifier: Apache-2.0
#include "verifier/proven_chains.h"

#include <cstring>
#include <mutex>

namespace pedigree::verifier {

std::size_t ProvenChains::Hash::operator()(const Sha256& digest) const noexcept {
  std::size_t value = 0;
  std::memcpy(&value, digest.data(), sizeof value);
  return value;
}

ProvenChains::ProvenChains(std::size_t capacity)
    : per_part_((capacity + kParts - 1) / kParts), parts_(std::make_unique<std::array<Part, kParts>>()) {}

std::optional<ProvenChain> ProvenChains::find(const Sha256& digest) const {
  const Part& place = part(digest);
  const std::shared_lock lock(place.mutex);
  const auto found = place.chains.find(digest);
  if (found == place.chains.end()) return std::nullopt;
  return found->second;
}

void ProvenChains::put(const Sha256& digest, ProvenChain chain) {
  if (per_part_ == 0) return;
  Part& place = part(digest);
  const std::unique_lock lock(place.mutex);
  if (!place.chains.insert_or_assign(digest, std::move(chain)).second) return;
  place.order.push_back(digest);
  while (place.order.size() > per_part_) {
    place.chains.erase(place.order.front());
    place.order.pop_front();
  }
}

void ProvenChains::remove(const Sha256& digest) {
  Part& place = part(digest);
  const std::unique_lock lock(place.mutex);
  if (place.chains.erase(digest) != 0) std::erase(place.order, digest);
}

std::size_t ProvenChains::size() const {
  std::size_t count = 0;
  for (const Part& place : *parts_) {
    const std::shared_lock lock(place.mutex);
    count += place.chains.size();
  }
  return count;
}

}  // namespace pedigree::verifier
