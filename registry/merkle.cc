// SPDX-License-Identifier: Apache-2.0
#include "registry/merkle.h"

#include <algorithm>
#include <bit>

namespace pedigree::registry::merkle {
namespace {

constexpr std::array<std::uint8_t, 1> kLeaf{0x00};
constexpr std::array<std::uint8_t, 1> kNode{0x01};

Result<Sha256> hash(const crypto::Crypto& crypto, std::span<const Bytes> parts) {
  Sha256 out{};
  PEDIGREE_TRY(crypto.digest(crypto::Hash::sha256, parts, out));
  return out;
}

/// The subtrees' roots as one: each is the left neighbour of all after it.
Result<Sha256> fold(const crypto::Crypto& crypto, std::span<const Sha256> roots) {
  Sha256 all = roots.back();
  for (std::size_t i = roots.size() - 1; i > 0; --i) {
    PEDIGREE_ASSIGN(all, node_hash(crypto, roots[i - 1], all));
  }
  return all;
}

/// Root of the complete subtree of 2^level leaves: of up to 128 nodes of the level below that is kept.
Result<Sha256> subtree(const crypto::Crypto& crypto, Nodes& nodes, unsigned level, std::uint64_t number) {
  const unsigned above = level % kStride;
  PEDIGREE_ASSIGN(std::vector<Sha256> row,
                  nodes.read(level - above, number << above, std::size_t{1} << above));
  for (; row.size() > 1; row.resize(row.size() / 2)) {
    for (std::size_t i = 0; i < row.size() / 2; ++i) {
      PEDIGREE_ASSIGN(row[i], node_hash(crypto, row[2 * i], row[2 * i + 1]));
    }
  }
  return row.front();
}

/// Largest power of two below `count`, which is 2 or more.
std::uint64_t split(std::uint64_t count) {
  return std::bit_floor(count - 1);
}

/// The way from a leaf to the root of a tree, as RFC 9162 2.1.3.2 and 2.1.4.2 go it: fn and sn of the RFC.
struct Climb {
  std::uint64_t node;
  std::uint64_t last;

  [[nodiscard]] bool is_at_root() const noexcept { return last == 0; }
  /// Goes on past the next hash of the proof. Returns whether that one stands on the left.
  bool go_on() noexcept {
    const bool is_left = (node & 1U) != 0 || node == last;
    if (is_left) {
      while ((node & 1U) == 0 && node != 0) go_up();
    }
    go_up();
    return is_left;
  }
  void go_up() noexcept {
    node >>= 1U;
    last >>= 1U;
  }
};

constexpr std::unexpected<Error> kRefused = fail(ErrorCode::invalid_signature);

}  // namespace

Result<Sha256> leaf_hash(const crypto::Crypto& crypto, Bytes entry) {
  const Bytes parts[] = {kLeaf, entry};
  return hash(crypto, parts);
}

Result<Sha256> node_hash(const crypto::Crypto& crypto, const Sha256& left, const Sha256& right) {
  const Bytes parts[] = {kNode, left, right};
  return hash(crypto, parts);
}

Result<Frontier> Frontier::load(const crypto::Crypto& crypto, std::uint64_t size, Nodes& nodes) {
  Frontier frontier;
  frontier.size_ = size;
  std::uint64_t first = 0;
  for (unsigned level = 64; level-- > 0;) {
    if ((size >> level & 1U) == 0) continue;
    PEDIGREE_ASSIGN(const Sha256 root, subtree(crypto, nodes, level, first >> level));
    frontier.peaks_.push_back(root);
    first += std::uint64_t{1} << level;
  }
  return frontier;
}

Result<Frontier> Frontier::restore(std::uint64_t size, Bytes peaks) {
  constexpr std::size_t kOctets = std::tuple_size_v<Sha256>;
  const auto count = static_cast<std::size_t>(std::popcount(size));
  if (peaks.size() != count * kOctets) return fail(ErrorCode::bad_value);
  Frontier frontier;
  frontier.size_ = size;
  frontier.peaks_.resize(count);
  for (Sha256& peak : frontier.peaks_) {
    std::ranges::copy(peaks.first(kOctets), peak.begin());
    peaks = peaks.subspan(kOctets);
  }
  return frontier;
}

std::vector<std::uint8_t> Frontier::peaks() const {
  std::vector<std::uint8_t> octets;
  for (const Sha256& peak : peaks_) octets.insert(octets.end(), peak.begin(), peak.end());
  return octets;
}

Result<void> Frontier::append(const crypto::Crypto& crypto, const Sha256& leaf, const Keep& keep) {
  Sha256 node = leaf;
  unsigned level = 0;
  for (; (size_ >> level & 1U) != 0; ++level) {
    PEDIGREE_ASSIGN(node, node_hash(crypto, peaks_.back(), node));
    peaks_.pop_back();
    if ((level + 1) % kStride == 0) PEDIGREE_TRY(keep(level + 1, size_ >> (level + 1), node));
  }
  peaks_.push_back(node);
  ++size_;
  return {};
}

Result<Sha256> Frontier::root(const crypto::Crypto& crypto) const {
  if (peaks_.empty()) return hash(crypto, {});
  return fold(crypto, peaks_);
}

Result<Sha256> Tree::range(std::uint64_t first, std::uint64_t count) {
  std::vector<Sha256> roots;
  while (count > 0) {
    const auto level = static_cast<unsigned>(std::bit_width(count) - 1);
    PEDIGREE_ASSIGN(const Sha256 root, subtree(crypto_, nodes_, level, first >> level));
    roots.push_back(root);
    first += std::uint64_t{1} << level;
    count -= std::uint64_t{1} << level;
  }
  return fold(crypto_, roots);
}

Result<Sha256> Tree::root(std::uint64_t size) {
  if (size == 0) return hash(crypto_, {});
  return range(0, size);
}

Result<void> Tree::add(std::vector<Sha256>& proof, std::uint64_t first, std::uint64_t count) {
  PEDIGREE_ASSIGN(const Sha256 root, range(first, count));
  proof.push_back(root);
  return {};
}

Result<std::vector<Sha256>> Tree::inclusion_proof(std::uint64_t index, std::uint64_t size) {
  if (index >= size) return fail(ErrorCode::bad_value);
  std::vector<Sha256> proof;  // from the root downwards
  std::uint64_t first = 0;
  for (std::uint64_t count = size; count > 1;) {
    const std::uint64_t left = split(count);
    if (index - first < left) {
      PEDIGREE_TRY(add(proof, first + left, count - left));
      count = left;
    } else {
      PEDIGREE_TRY(add(proof, first, left));
      first += left;
      count -= left;
    }
  }
  std::ranges::reverse(proof);
  return proof;
}

Result<std::vector<Sha256>> Tree::consistency_proof(std::uint64_t from, std::uint64_t to) {
  if (from == 0 || from > to) return fail(ErrorCode::bad_value);
  std::vector<Sha256> proof;
  std::uint64_t first = 0;
  std::uint64_t count = to;
  while (from - first != count) {
    const std::uint64_t left = split(count);
    if (from - first <= left) {
      PEDIGREE_TRY(add(proof, first + left, count - left));
      count = left;
    } else {
      PEDIGREE_TRY(add(proof, first, left));
      first += left;
      count -= left;
    }
  }
  // What is left is the old tree's own last subtree; where that is the old tree, its root is known.
  if (first > 0) PEDIGREE_TRY(add(proof, first, count));
  std::ranges::reverse(proof);
  return proof;
}

Result<void> verify_inclusion(const crypto::Crypto& crypto, const Sha256& leaf, std::uint64_t index,
                              const Head& head, std::span<const Sha256> proof) {
  if (index >= head.size) return kRefused;
  Climb climb{index, head.size - 1};
  Sha256 r = leaf;
  for (const Sha256& p : proof) {
    if (climb.is_at_root()) return kRefused;
    const bool is_left = climb.go_on();
    PEDIGREE_ASSIGN(r, is_left ? node_hash(crypto, p, r) : node_hash(crypto, r, p));
  }
  if (!climb.is_at_root() || r != head.root) return kRefused;
  return {};
}

Result<void> verify_consistency(const crypto::Crypto& crypto, const Head& from, const Head& to,
                                std::span<const Sha256> proof) {
  if (from.size > to.size) return kRefused;
  if (from.size == to.size) {
    if (!proof.empty() || from.root != to.root) return kRefused;
    return {};
  }
  if (from.size == 0) {
    PEDIGREE_ASSIGN(const Sha256 empty, hash(crypto, {}));
    if (!proof.empty() || from.root != empty) return kRefused;
    return {};
  }
  const bool whole = std::has_single_bit(from.size);
  if (proof.empty() && !whole) return kRefused;
  Climb climb{from.size - 1, to.size - 1};
  while ((climb.node & 1U) != 0) climb.go_up();
  Sha256 fr = whole ? from.root : proof.front();
  Sha256 sr = fr;
  for (const Sha256& c : proof.subspan(whole ? 0 : 1)) {
    if (climb.is_at_root()) return kRefused;
    const bool is_left = climb.go_on();
    if (is_left) {
      PEDIGREE_ASSIGN(fr, node_hash(crypto, c, fr));
    }
    PEDIGREE_ASSIGN(sr, is_left ? node_hash(crypto, c, sr) : node_hash(crypto, sr, c));
  }
  if (!climb.is_at_root() || fr != from.root || sr != to.root) return kRefused;
  return {};
}

}  // namespace pedigree::registry::merkle
