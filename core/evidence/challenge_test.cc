// SPDX-License-Identifier: Apache-2.0
#include "core/evidence/challenge.h"

#include <gtest/gtest.h>

#include "crypto/openssl/openssl_crypto.h"
#include "testing/support/octets.h"

namespace pedigree::evidence {
namespace {

using testing::hex;
using testing::Octets;
using testing::repeated;

const crypto::OpenSslCrypto kCrypto;

TEST(StatementChallenge, IsALabelAndADigestOfTheParts) {
  const Octets nonce = repeated(0x11, 32);
  const Octets spki = repeated(0x22, 91);
  const Bytes parts[] = {nonce, spki};
  const auto challenge = statement_challenge(Statement::evidence, parts, kCrypto).value();
  Octets whole = nonce;
  whole.insert(whole.end(), spki.begin(), spki.end());
  EXPECT_EQ(hex(Bytes(challenge).first(32)), hex(as_bytes("Pedigree evidence")) + hex(repeated(0, 15)));
  EXPECT_EQ(hex(Bytes(challenge).last(32)), hex(kCrypto.sha256(whole).value()));
}

TEST(StatementChallenge, EachStatementHasItsOwn) {
  const Octets part = repeated(0x11, 32);
  const Bytes parts[] = {part};
  std::vector<std::string> seen;
  for (const Statement statement : {Statement::evidence, Statement::token_request, Statement::receipt}) {
    const auto challenge = statement_challenge(statement, parts, kCrypto).value();
    EXPECT_TRUE(is_reserved_challenge(challenge));
    EXPECT_EQ(std::ranges::count(seen, hex(challenge)), 0);
    seen.push_back(hex(challenge));
  }
}

TEST(StatementChallenge, OnlyItsOwnFormIsReserved) {
  Octets challenge = repeated(0, 64);
  std::ranges::copy(as_bytes("Pedigree "), challenge.begin());
  EXPECT_TRUE(is_reserved_challenge(challenge));
  EXPECT_FALSE(is_reserved_challenge(Bytes(challenge).first(32)));
  EXPECT_FALSE(is_reserved_challenge(Bytes(challenge).first(48)));
  EXPECT_FALSE(is_reserved_challenge({}));
  challenge[8] = 'x';
  EXPECT_FALSE(is_reserved_challenge(challenge));
}

}  // namespace
}  // namespace pedigree::evidence
