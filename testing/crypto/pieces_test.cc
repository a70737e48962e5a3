// SPDX-License-Identifier: Apache-2.0
// Digests in pieces, and signatures over digests computed elsewhere: the same over both back ends.
#include <gtest/gtest.h>

#include <array>

#include "testing/crypto/backends.h"
#include "testing/support/support.h"

namespace pedigree::testing {
namespace {

using crypto::Hash;
using crypto::KeyType;
using crypto::Scheme;
using crypto::SignatureAlgorithm;

class Pieces : public ::testing::TestWithParam<const Backend*> {
 protected:
  [[nodiscard]] static const crypto::Crypto& crypto() { return GetParam()->crypto(); }
};

INSTANTIATE_TEST_SUITE_P(Backends, Pieces, ::testing::ValuesIn(backends()),
                         ::testing::PrintToStringParamName());

/// Hands out pieces of `size` octets, and after each asks for the digest so far.
class Cutter final : public crypto::PieceSource {
 public:
  Cutter(const crypto::Crypto& crypto, Hash hash, Bytes message, std::size_t size)
      : crypto_(crypto), hash_(hash), message_(message), size_(size) {}
  [[nodiscard]] Result<Bytes> next(const crypto::RunningDigest& so_far) noexcept override {
    const Bytes handed_out = message_.first(at_);
    std::array<std::uint8_t, crypto::kMaxDigestSize> running{};
    std::array<std::uint8_t, crypto::kMaxDigestSize> whole{};
    PEDIGREE_TRY(so_far.value(running));
    PEDIGREE_TRY(crypto_.digest(hash_, {&handed_out, 1}, whole));
    EXPECT_EQ(running, whole) << at_;
    EXPECT_EQ(so_far.value(MutableBytes(running).first(31)).error().code, ErrorCode::buffer_too_small);
    const Bytes piece = message_.subspan(at_, std::min(size_, message_.size() - at_));
    at_ += piece.size();
    if (fail_at_end_ && piece.empty()) return fail(ErrorCode::io_failure, 7);
    return piece;
  }
  void fail_at_end() { fail_at_end_ = true; }

 private:
  const crypto::Crypto& crypto_;
  Hash hash_;
  Bytes message_;
  std::size_t size_;
  std::size_t at_ = 0;
  bool fail_at_end_ = false;
};

TEST_P(Pieces, HaveTheDigestOfTheWhole) {
  const Octets message(1000, 0x5a);
  const Bytes whole = message;
  for (const Hash hash : {Hash::sha256, Hash::sha384, Hash::sha512}) {
    std::array<std::uint8_t, crypto::kMaxDigestSize> expected{};
    ASSERT_TRUE(crypto().digest(hash, {&whole, 1}, expected));
    for (const std::size_t size : {1U, 63U, 64U, 999U, 1000U, 5000U}) {
      std::array<std::uint8_t, crypto::kMaxDigestSize> out{};
      Cutter cutter(crypto(), hash, message, size);
      ASSERT_TRUE(crypto().digest(hash, cutter, out));
      EXPECT_EQ(out, expected);
    }
  }
}

TEST_P(Pieces, EndWithTheErrorOfTheirSource) {
  const Octets message(100, 0x5a);
  std::array<std::uint8_t, 32> out{};
  Cutter cutter(crypto(), Hash::sha256, message, 64);
  cutter.fail_at_end();
  EXPECT_EQ(crypto().digest(Hash::sha256, cutter, out).error(), (Error{ErrorCode::io_failure, 7}));
  Cutter other(crypto(), Hash::sha256, message, 64);
  EXPECT_EQ(crypto().digest(Hash::sha256, other, MutableBytes(out).first(31)).error().code,
            ErrorCode::buffer_too_small);
  EXPECT_EQ(crypto().digest(static_cast<Hash>(9), other, out).error().code, ErrorCode::crypto_failure);
}

// A signature over a digest is the signature over the message, in both directions.
TEST_P(Pieces, SignaturesOverDigestsAreThoseOverMessages) {
  const Octets message(1000, 0x5a);
  const Bytes whole = message;
  for (const KeyType type : {KeyType::p256, KeyType::p384, KeyType::rsa2048}) {
    for (const SignatureAlgorithm algorithm : all_algorithms()) {
      if (!crypto().supports(type, algorithm)) continue;
      std::array<std::uint8_t, crypto::kMaxDigestSize> buffer{};
      ASSERT_TRUE(crypto().digest(algorithm.hash, {&whole, 1}, buffer));
      const MutableBytes digest = MutableBytes(buffer).first(crypto::digest_size(algorithm.hash));
      const auto key = GetParam()->generate(type, algorithm);
      const OwnedPublicKey pub = public_key_of(*GetParam(), *key);
      std::array<std::uint8_t, crypto::kMaxSignatureSize> first{};
      std::array<std::uint8_t, crypto::kMaxSignatureSize> second{};
      const auto over_digest = crypto().sign_digest(key->view(), algorithm, digest, first);
      const auto over_message = crypto().sign(key->view(), algorithm, message, second);
      ASSERT_TRUE(over_digest);
      ASSERT_TRUE(over_message);
      EXPECT_TRUE(crypto().verify(pub.view(), algorithm, message, *over_digest));
      EXPECT_TRUE(crypto().verify_digest(pub.view(), algorithm, digest, *over_message));
      const auto refused = [&](Bytes other) {
        return crypto().verify_digest(pub.view(), algorithm, other, *over_message).error().code;
      };
      EXPECT_EQ(refused(digest.first(digest.size() - 1)), ErrorCode::invalid_signature);
      EXPECT_EQ(crypto().sign_digest(key->view(), algorithm, digest.first(31), first).error().code,
                ErrorCode::bad_value);
      digest[0] ^= 1;
      EXPECT_EQ(refused(digest), ErrorCode::invalid_signature);
    }
  }
}

// EdDSA hashes the message twice, so a digest of it is of no use.
TEST_P(Pieces, EdDsaHasNoFormOverADigest) {
  const SignatureAlgorithm eddsa{Scheme::eddsa, Hash::sha512};
  const Octets octets(64, 0x5a);
  std::array<std::uint8_t, 64> out{};
  EXPECT_EQ(
      crypto().verify_digest({KeyType::ed25519, Bytes(octets).first(32)}, eddsa, octets, octets).error().code,
      ErrorCode::unsupported_algorithm);
  EXPECT_EQ(crypto().sign_digest({KeyType::ed25519, 1}, eddsa, octets, out).error().code,
            ErrorCode::unsupported_algorithm);
}

}  // namespace
}  // namespace pedigree::testing
