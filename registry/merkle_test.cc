// SPDX-License-Identifier: Apache-2.0
// The tree against RFC 9162's definitions, written down once more as they stand there, and the vectors that
// Certificate Transparency's implementations share.
#include "registry/merkle.h"

#include <gtest/gtest.h>

#include <map>

#include "crypto/openssl/openssl_crypto.h"
#include "registry/audit_entry.h"
#include "testing/support/support.h"

namespace pedigree::registry::merkle {
namespace {

using testing::Octets;
using testing::unhex;

const crypto::OpenSslCrypto kCrypto;

/// MTH(D_n) as in 2.1.1.
Sha256 mth(std::span<const Sha256> leaves) {
  if (leaves.empty()) return kCrypto.sha256({}).value();
  if (leaves.size() == 1) return leaves.front();
  std::size_t k = 1;
  while (k * 2 < leaves.size()) k *= 2;
  return node_hash(kCrypto, mth(leaves.first(k)), mth(leaves.subspan(k))).value();
}

/// A log in memory: leaves, and what the frontier has kept.
class Log : public Nodes {
 public:
  void append(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::string entry = std::to_string(frontier_.size());
      append(as_bytes(entry));
    }
  }
  void append(Bytes entry) {
    leaves_.push_back(leaf_hash(kCrypto, entry).value());
    const auto keep = [this](unsigned level, std::uint64_t number, const Sha256& hash) -> Result<void> {
      EXPECT_EQ(level % kStride, 0U);
      EXPECT_EQ(kept_[level].size(), number);
      kept_[level].push_back(hash);
      return {};
    };
    ASSERT_TRUE(frontier_.append(kCrypto, leaves_.back(), keep));
  }
  Result<std::vector<Sha256>> read(unsigned level, std::uint64_t first, std::size_t count) override {
    EXPECT_LE(count, kFanOut);
    const std::vector<Sha256>& row = level == 0 ? leaves_ : kept_[level];
    if (first + count > row.size()) return fail(ErrorCode::database_failure);
    const auto begin = row.begin() + static_cast<std::ptrdiff_t>(first);
    return std::vector<Sha256>(begin, begin + static_cast<std::ptrdiff_t>(count));
  }
  [[nodiscard]] std::span<const Sha256> leaves() const { return leaves_; }
  [[nodiscard]] const Frontier& frontier() const { return frontier_; }
  Tree tree() { return {kCrypto, *this}; }
  Head head(std::uint64_t size) { return {size, tree().root(size).value()}; }

 private:
  std::vector<Sha256> leaves_;
  std::map<unsigned, std::vector<Sha256>> kept_;
  Frontier frontier_;
};

TEST(MerkleTree, HasTheRootsOfCertificateTransparencysVectors) {
  const char* const entries[] = {
      "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"};
  const char* const roots[] = {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                               "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                               "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                               "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                               "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                               "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                               "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                               "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  Log log;
  EXPECT_EQ(hex(log.frontier().root(kCrypto).value()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  for (std::size_t i = 0; i < std::size(entries); ++i) {
    log.append(unhex(entries[i]));
    EXPECT_EQ(hex(log.frontier().root(kCrypto).value()), roots[i]);
    EXPECT_EQ(hex(log.tree().root(i + 1).value()), roots[i]);
  }
}

TEST(MerkleTree, EveryProofOfSmallTreesHoldsAndNoOtherDoes) {
  Log log;
  log.append(70);
  for (std::uint64_t size = 1; size <= 70; ++size) {
    const Head head = log.head(size);
    ASSERT_EQ(head.root, mth(log.leaves().first(size)));
    for (std::uint64_t index = 0; index < size; ++index) {
      const auto proof = log.tree().inclusion_proof(index, size).value();
      ASSERT_TRUE(verify_inclusion(kCrypto, log.leaves()[index], index, head, proof)) << index << " " << size;
      const std::uint64_t other = (index + 1) % 70;
      EXPECT_FALSE(verify_inclusion(kCrypto, log.leaves()[other], index, head, proof));
      if (size > 1) {
        EXPECT_FALSE(verify_inclusion(kCrypto, log.leaves()[index], (index + 1) % size, head, proof));
        EXPECT_FALSE(verify_inclusion(kCrypto, log.leaves()[index], index, head,
                                      std::span(proof).first(proof.size() - 1)));
      }
    }
    for (std::uint64_t from = 1; from <= size; ++from) {
      const auto proof = log.tree().consistency_proof(from, size).value();
      ASSERT_TRUE(verify_consistency(kCrypto, log.head(from), head, proof)) << from << " " << size;
      Head forged = log.head(from);
      forged.root[31] ^= 1U;
      EXPECT_FALSE(verify_consistency(kCrypto, forged, head, proof));
      if (from < size) {
        EXPECT_FALSE(verify_consistency(kCrypto, log.head(from), {size, forged.root}, proof));
      }
    }
  }
}

TEST(MerkleTree, EveryHashOfAProofCounts) {
  Log log;
  log.append(1000);
  const Head head = log.head(1000);
  auto proof = log.tree().inclusion_proof(700, 1000).value();
  auto consistency = log.tree().consistency_proof(700, 1000).value();
  for (Sha256& hash : proof) {
    hash[5] ^= 4U;
    EXPECT_FALSE(verify_inclusion(kCrypto, log.leaves()[700], 700, head, proof));
    hash[5] ^= 4U;
  }
  for (Sha256& hash : consistency) {
    hash[5] ^= 4U;
    EXPECT_FALSE(verify_consistency(kCrypto, log.head(700), head, consistency));
    hash[5] ^= 4U;
  }
  proof.push_back({});
  consistency.push_back({});
  EXPECT_FALSE(verify_inclusion(kCrypto, log.leaves()[700], 700, head, proof));
  EXPECT_FALSE(verify_consistency(kCrypto, log.head(700), head, consistency));
}

TEST(MerkleTree, ReadsNoMoreThanItKeepsAcrossItsLevels) {
  Log log;
  log.append(65536 + 2 * 256 + 3);
  const std::uint64_t all = log.leaves().size();
  for (const std::uint64_t size :
       {std::uint64_t{255}, std::uint64_t{256}, std::uint64_t{257}, std::uint64_t{511}, std::uint64_t{65535},
        std::uint64_t{65536}, std::uint64_t{65537}, all}) {
    const Head head = log.head(size);
    EXPECT_EQ(head.root, mth(log.leaves().first(size))) << size;
    EXPECT_EQ(Frontier::load(kCrypto, size, log)->root(kCrypto), head.root);
    for (const std::uint64_t index : {std::uint64_t{0}, size / 3, size - 1}) {
      const auto proof = log.tree().inclusion_proof(index, size).value();
      EXPECT_TRUE(verify_inclusion(kCrypto, log.leaves()[index], index, head, proof)) << index;
      const auto consistency = log.tree().consistency_proof(index + 1, size).value();
      EXPECT_TRUE(verify_consistency(kCrypto, log.head(index + 1), head, consistency)) << index;
    }
  }
}

TEST(MerkleTree, AFrontierThatWasLoadedGoesOnAsTheOther) {
  Log log;
  log.append(777);
  auto loaded = Frontier::load(kCrypto, 300, log).value();
  for (std::size_t i = 300; i < 777; ++i) {
    ASSERT_TRUE(
        loaded.append(kCrypto, log.leaves()[i], [](auto, auto, const auto&) { return Result<void>{}; }));
  }
  EXPECT_EQ(loaded.root(kCrypto), log.frontier().root(kCrypto));
}

TEST(MerkleTree, AsksForNothingThatIsNotThere) {
  Log log;
  log.append(10);
  EXPECT_EQ(log.tree().inclusion_proof(10, 10).error().code, ErrorCode::bad_value);
  EXPECT_EQ(log.tree().consistency_proof(0, 10).error().code, ErrorCode::bad_value);
  EXPECT_EQ(log.tree().consistency_proof(11, 10).error().code, ErrorCode::bad_value);
  EXPECT_EQ(log.tree().root(11).error().code, ErrorCode::database_failure);
  EXPECT_TRUE(verify_consistency(kCrypto, {0, kCrypto.sha256({}).value()}, log.head(10), {}));
  EXPECT_FALSE(verify_consistency(kCrypto, {0, {}}, log.head(10), {}));
}

TEST(AuditEntry, ComesBackAndHasOneForm) {
  Event event;
  event.device.fill(7);
  event.when = 1800000000;
  event.actor = {"station 1", "192.0.2.1"};
  event.what = "issued";
  event.from = DeviceState::pending;
  event.to = DeviceState::issued;
  event.why = "iak";
  event.serial = Serial{1, 2, 3};
  event.digest = Sha256{4, 5, 6};
  const auto entry = encode_entry(event);
  const auto back = decode_entry(entry);
  ASSERT_TRUE(back);
  EXPECT_EQ(encode_entry(*back), entry);
  EXPECT_EQ(back->digest, event.digest);
  EXPECT_EQ(back->to, event.to);
  // The map's head, then keys and values: the same as another encoder's.
  EXPECT_EQ(entry[0], 0xaa);
  Octets reordered = entry;
  std::swap(reordered[1], reordered[9]);
  EXPECT_FALSE(decode_entry(reordered));
  for (std::size_t size = 0; size < entry.size(); ++size)
    EXPECT_FALSE(decode_entry(Bytes(entry).first(size)));
  Octets longer = entry;
  longer.push_back(0);
  EXPECT_FALSE(decode_entry(longer));
}

}  // namespace
}  // namespace pedigree::registry::merkle
