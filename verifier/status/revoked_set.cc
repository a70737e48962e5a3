// SPDX-License-Identifier: Apache-2.0
#include "verifier/status/revoked_set.h"

#include <cstring>
#include <random>

namespace pedigree::verifier {
namespace {

constexpr std::size_t kBitsPerKey = 18;
constexpr std::size_t kBlockBits = 512;
// Odd numbers without structure: digits of the golden ratio and of pi.
constexpr std::uint64_t kFirst = 0x9e3779b97f4a7c15U;
constexpr std::uint64_t kSecond = 0x243f6a8885a308d3U;

__extension__ using Wide = unsigned __int128;

std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
  const Wide product = Wide{a} * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

std::uint64_t hash(Bytes key, std::uint64_t seed) noexcept {
  std::uint64_t state = seed ^ (kFirst * (key.size() + 1));
  for (; !key.empty(); key = key.subspan(std::min<std::size_t>(8, key.size()))) {
    std::uint64_t word = 0;
    std::memcpy(&word, key.data(), std::min<std::size_t>(8, key.size()));
    state = fold(state ^ word, kSecond);
  }
  return fold(state ^ kSecond, kFirst);
}

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32U) | device();
}

Bytes without_leading_zeros(Bytes serial) noexcept {
  while (serial.size() > 1 && serial[0] == 0) serial = serial.subspan(1);
  return serial;
}

}  // namespace

RevokedFilter::RevokedFilter(std::size_t capacity)
    : capacity_(capacity),
      blocks_(std::max<std::size_t>(1, (capacity * kBitsPerKey + kBlockBits - 1) / kBlockBits)),
      seed_(random_seed()),
      words_(std::make_unique<std::atomic<std::uint64_t>[]>(blocks_ * kWords)) {}

RevokedFilter::Place RevokedFilter::place(Bytes key) const noexcept {
  const std::uint64_t value = hash(key, seed_);
  // The high half of value * blocks is evenly spread over the blocks without a division.
  const auto block = static_cast<std::size_t>((Wide{value} * blocks_) >> 64U);
  return {block * kWords, fold(value, kSecond ^ seed_)};
}

void RevokedFilter::add(Bytes key) noexcept {
  Place at = place(key);
  for (std::size_t i = 0; i < kWords; ++i, at.bits >>= 6U) {
    words_[at.word + i].fetch_or(std::uint64_t{1} << (at.bits & 63U), std::memory_order_relaxed);
  }
}

bool RevokedFilter::may_contain(Bytes key) const noexcept {
  Place at = place(key);
  for (std::size_t i = 0; i < kWords; ++i, at.bits >>= 6U) {
    const std::uint64_t word = words_[at.word + i].load(std::memory_order_relaxed);
    if ((word >> (at.bits & 63U) & 1U) == 0) return false;
  }
  return true;
}

void RevokedSet::add(Bytes serial) noexcept {
  filter_.add(without_leading_zeros(serial));
  size_.fetch_add(1, std::memory_order_relaxed);
}

Result<std::optional<Revocation>> RevokedSet::find(Bytes serial) const {
  serial = without_leading_zeros(serial);
  if (!filter_.may_contain(serial)) return std::optional<Revocation>();
  confirmations_.fetch_add(1, std::memory_order_relaxed);
  return confirm_(serial);
}

}  // namespace pedigree::verifier
