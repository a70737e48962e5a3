// SPDX-License-Identifier: Apache-2.0
// Many revoked serial numbers in little memory: a filter says "certainly not revoked" for nearly all, and a
// hit is confirmed where the truth is (a file, a database), so that no answer is ever wrong.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>

#include "verifier/appraisal.h"

namespace pedigree::verifier {

/// A Bloom filter in blocks of one cache line (512 bits; each key sets one bit in each of a block's eight
/// words). It never misses a key that was added; with 18 bits a key about one foreign key in a thousand hits.
/// Any number of threads may ask and add at once.
class RevokedFilter {
 public:
  /// Room for `capacity` keys at 18 bits each. More may be added; hits of foreign keys then grow more
  /// frequent, answers stay right.
  explicit RevokedFilter(std::size_t capacity);

  void add(Bytes key) noexcept;
  /// False: certainly not added.
  [[nodiscard]] bool may_contain(Bytes key) const noexcept;
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  /// Octets of the filter's table.
  [[nodiscard]] std::size_t memory() const noexcept { return blocks_ * kWords * sizeof(std::uint64_t); }

 private:
  static constexpr std::size_t kWords = 8;
  struct Place {
    std::size_t word;    ///< first word of the block
    std::uint64_t bits;  ///< six bits for each of the words choose a bit in it
  };
  [[nodiscard]] Place place(Bytes key) const noexcept;
  std::size_t capacity_;
  std::size_t blocks_;
  std::uint64_t seed_;  // so that nobody can choose serial numbers that hit
  std::unique_ptr<std::atomic<std::uint64_t>[]> words_;
};

/// Revoked serial numbers of one issuer.
class RevokedSet {
 public:
  /// What the truth says of a serial number; may fail, because it is read from a file or database.
  using Confirm = std::function<Result<std::optional<Revocation>>(Bytes serial)>;

  /// `confirm` is called on the threads that ask, several at once.
  RevokedSet(std::size_t capacity, Confirm confirm) : filter_(capacity), confirm_(std::move(confirm)) {}

  /// The caller keeps the truth up to date first, and then adds. Leading zeros do not count.
  void add(Bytes serial) noexcept;
  /// Whether the serial number is revoked. Errors: those of the confirmation; then nothing is known.
  [[nodiscard]] Result<std::optional<Revocation>> find(Bytes serial) const;
  [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
  [[nodiscard]] const RevokedFilter& filter() const noexcept { return filter_; }
  /// How often the truth was asked.
  [[nodiscard]] std::uint64_t confirmations() const noexcept {
    return confirmations_.load(std::memory_order_relaxed);
  }

 private:
  RevokedFilter filter_;
  Confirm confirm_;
  std::atomic<std::size_t> size_ = 0;
  mutable std::atomic<std::uint64_t> confirmations_ = 0;
};

}  // namespace pedigree::verifier
