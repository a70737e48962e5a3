// SPDX-License-Identifier: Apache-2.0
// Merkle tree of RFC 9162 section 2.1 over SHA-256: appending, roots, proofs and their verification.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "core/crypto/crypto.h"

namespace pedigree::registry::merkle {

/// A Merkle tree head: number of leaves, and MTH of them (RFC 9162 2.1.1).
struct Head {
  std::uint64_t size = 0;
  Sha256 root{};
  friend bool operator==(const Head&, const Head&) = default;
};

/// SHA-256(0x00 | entry). Errors of all functions here: crypto_failure.
[[nodiscard]] Result<Sha256> leaf_hash(const crypto::Crypto& crypto, Bytes entry);
/// SHA-256(0x01 | left | right).
[[nodiscard]] Result<Sha256> node_hash(const crypto::Crypto& crypto, const Sha256& left, const Sha256& right);

/// Levels between those that are kept: a node of level 8 stands for 256 leaves, one of level 16 for 65,536.
inline constexpr unsigned kStride = 8;
inline constexpr std::uint64_t kFanOut = std::uint64_t{1} << kStride;

/// Where the nodes of complete subtrees are kept.
class Nodes {
 public:
  virtual ~Nodes() = default;
  /// Node number `first` of `level` (a multiple of kStride; level 0 are leaves) and those after it, `count`
  /// of them (at most kFanOut). Errors: database_failure (one is not there).
  [[nodiscard]] virtual Result<std::vector<Sha256>> read(unsigned level, std::uint64_t first,
                                                         std::size_t count) = 0;
};

/// The roots of a tree's complete subtrees, largest first: what appending needs to know of the tree.
class Frontier {
 public:
  /// Called for every node of a level above 0 that is a multiple of kStride, when it is complete.
  using Keep = std::function<Result<void>(unsigned level, std::uint64_t number, const Sha256& hash)>;

  /// Of the first `size` leaves. Errors also: those of `nodes`.
  static Result<Frontier> load(const crypto::Crypto& crypto, std::uint64_t size, Nodes& nodes);
  /// From its size and what peaks() gave. Errors: bad_value (they do not belong together).
  static Result<Frontier> restore(std::uint64_t size, Bytes peaks);
  /// The hashes of the complete subtrees, largest first, 32 octets each.
  [[nodiscard]] std::vector<std::uint8_t> peaks() const;
  /// Errors also: those of `keep`; the frontier is then spoilt.
  [[nodiscard]] Result<void> append(const crypto::Crypto& crypto, const Sha256& leaf, const Keep& keep);
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] Result<Sha256> root(const crypto::Crypto& crypto) const;

 private:
  std::uint64_t size_ = 0;
  std::vector<Sha256> peaks_;
};

/// A tree that can be asked for proofs; borrows both.
class Tree {
 public:
  Tree(const crypto::Crypto& crypto, Nodes& nodes) : crypto_(crypto), nodes_(nodes) {}

  /// Root of the first `size` leaves; of none: SHA-256 of nothing.
  [[nodiscard]] Result<Sha256> root(std::uint64_t size);
  /// RFC 9162 2.1.3.1, from the leaf's sibling upwards. Errors also: bad_value (`index` is not below `size`).
  [[nodiscard]] Result<std::vector<Sha256>> inclusion_proof(std::uint64_t index, std::uint64_t size);
  /// RFC 9162 2.1.4.1. Errors also: bad_value (not 1 <= `from` <= `to`).
  [[nodiscard]] Result<std::vector<Sha256>> consistency_proof(std::uint64_t from, std::uint64_t to);

 private:
  /// MTH of the leaves from `first`, which begins a subtree that holds them all.
  [[nodiscard]] Result<Sha256> range(std::uint64_t first, std::uint64_t count);
  [[nodiscard]] Result<void> add(std::vector<Sha256>& proof, std::uint64_t first, std::uint64_t count);

  const crypto::Crypto& crypto_;
  Nodes& nodes_;
};

/// RFC 9162 2.1.3.2. Errors: invalid_signature (the proof does not lead from the leaf to the root).
[[nodiscard]] Result<void> verify_inclusion(const crypto::Crypto& crypto, const Sha256& leaf,
                                            std::uint64_t index, const Head& head,
                                            std::span<const Sha256> proof);
/// RFC 9162 2.1.4.2: whether the tree of `to` begins with that of `from`. The empty tree is the beginning of
/// every other, without a proof. Errors: invalid_signature.
[[nodiscard]] Result<void> verify_consistency(const crypto::Crypto& crypto, const Head& from, const Head& to,
                                              std::span<const Sha256> proof);

}  // namespace pedigree::registry::merkle
