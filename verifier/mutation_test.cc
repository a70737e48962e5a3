// SPDX-License-Identifier: Apache-2.0
// A token that was changed is never trusted, whatever was changed, and costs no memory. PEDIGREE_LONG=1: a
// million mutations instead of twenty thousand; PEDIGREE_SEED=n repeats those that begin at seed n.
//
// What is left out, because it changes neither what is signed nor what is meant, so that "trusted" is right:
// - the tag 18 in front of the message, which RFC 9052 2 lets a sender leave out: mutations begin behind it;
// - further entries of the unprotected header, which nobody signs and which the verifier passes over: a
//   mutation changes the map's octets, but it would have to change its count too; a token with such an entry
//   is tested below, once, as trusted.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <random>
#include <string>

#include "testing/support/sanitizers.h"
#include "testing/verifier/fleet.h"
#include "verifier/verifier.h"

namespace pedigree::verifier {
namespace {

using testing::Fleet;
using testing::kFleetNow;
using testing::Octets;

const Octets kNonce(32, 0x4e);

std::uint64_t environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr || *text == '\0' ? otherwise : std::strtoull(text, nullptr, 10);
}

/// Octets that the process has in memory.
std::size_t resident() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0;
  std::size_t pages = 0;
  statm >> total >> pages;
  return pages * 4096;
}

/// Changes a token in one of the ways in which transport or an attacker would. Octet 0, the tag, stays.
Octets mutate(const Octets& token, std::mt19937_64& random) {
  Octets out = token;
  const auto at = [&](std::size_t size) { return 1 + random() % (size - 1); };
  const auto place = [&](std::size_t index) { return out.begin() + static_cast<std::ptrdiff_t>(index); };
  const unsigned rounds = 1 + static_cast<unsigned>(random() % 3);
  for (unsigned i = 0; i < rounds && out.size() > 2; ++i) {
    switch (random() % 7) {
      case 0:
        out[at(out.size())] ^= static_cast<std::uint8_t>(1U << (random() % 8));
        break;
      case 1:
        out[at(out.size())] = static_cast<std::uint8_t>(random());
        break;
      case 2:
        out.erase(place(at(out.size())));
        break;
      case 3:
        out.insert(place(at(out.size())), static_cast<std::uint8_t>(random()));
        break;
      case 4:
        out.resize(at(out.size()));
        break;
      case 5: {
        const std::size_t from = at(out.size());
        const std::size_t to = at(out.size());
        std::swap(out[from], out[to]);
        break;
      }
      default: {
        // A part of the token over another part.
        const std::size_t from = at(out.size());
        const std::size_t to = at(out.size());
        const std::size_t count = std::min<std::size_t>(1 + random() % 64, out.size() - std::max(from, to));
        const Octets part(place(from), place(from + count));
        std::copy(part.begin(), part.end(), place(to));
        break;
      }
    }
  }
  return out;
}

class Mutation : public ::testing::Test {
 protected:
  Mutation() {
    Policy policy;
    policy.roots = {fleet_.root().certificate};
    policy.unknown_revocation = Level::ignore;
    policy.nonce_required = false;
    // Whatever is in the token, only its signature and form decide.
    policy.other_lifecycle = policy.test_keys = policy.purpose_not_stated = Level::ignore;
    // Small, so that the test sees entries come and go; and the honest chain in it.
    verifier_ = std::make_unique<Verifier>(Fleet::crypto(), policy, std::vector<const StatusSource*>{}, 64);
    token_ = fleet_.device(1).token();
  }
  Verdict verdict(const Octets& token) const {
    return verifier_->appraise({.token = token, .nonce = kNonce}, kFleetNow).verdict;
  }

  Fleet fleet_;
  std::unique_ptr<Verifier> verifier_;
  Octets token_;
};

TEST_F(Mutation, IsNeverTrustedAndCostsNoMemory) {
  ASSERT_EQ(verdict(token_), Verdict::trusted);
  ASSERT_EQ(token_[0], 0xd2);
  const bool lengthy = environment("PEDIGREE_LONG", 0) != 0;
  const std::uint64_t first = environment("PEDIGREE_SEED", 1);
  const std::uint64_t count = lengthy ? 1'000'000 : 20'000;
  // What the first ones make the allocator and OpenSSL keep is not growth.
  const std::uint64_t warm = count / 10;
  std::size_t before = 0;
  std::uint64_t unchanged = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    if (seed == first + warm) before = resident();
    std::mt19937_64 random(seed);
    const Octets mutated = mutate(token_, random);
    if (mutated == token_) {
      ++unchanged;
      continue;
    }
    ASSERT_EQ(verdict(mutated), Verdict::rejected)
        << "PEDIGREE_SEED=" << seed << " " << testing::hex(mutated);
  }
  EXPECT_LT(unchanged, count / 10);
  EXPECT_EQ(verdict(token_), Verdict::trusted);
  constexpr std::size_t kSlack = std::size_t{1} << 20U;  // of an allocator that holds what it will use again
  if (!testing::kFreedMemoryIsKept) {
    EXPECT_LT(resident(), before + kSlack);
  }
}

TEST_F(Mutation, AFurtherUnprotectedEntryChangesNothing) {
  // d2 84 43 a10126 a1 ...: the unprotected header's count, and an entry {99: 0} behind it.
  Octets token = token_;
  ASSERT_EQ(token[6], 0xa1);
  token[6] = 0xa2;
  const Octets entry{0x18, 0x63, 0x00};
  token.insert(token.begin() + 7, entry.begin(), entry.end());
  EXPECT_EQ(verdict(token), Verdict::trusted);
}

}  // namespace
}  // namespace pedigree::verifier
