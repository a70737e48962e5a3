// SPDX-License-Identifier: Apache-2.0
#include "core/evidence/challenge.h"

namespace pedigree::evidence {
namespace {

constexpr std::string_view kReserved = "Pedigree ";

std::string_view label_of(Statement statement) noexcept {
  switch (statement) {
    case Statement::evidence:
      return "Pedigree evidence";
    case Statement::token_request:
      return "Pedigree token request";
    case Statement::receipt:
      break;
  }
  return "Pedigree receipt";
}

}  // namespace

Result<StatementChallenge> statement_challenge(Statement statement, std::span<const Bytes> parts,
                                               const crypto::Crypto& crypto) noexcept {
  StatementChallenge challenge{};
  const Bytes label = as_bytes(label_of(statement));
  std::copy(label.begin(), label.end(), challenge.begin());
  PEDIGREE_TRY(crypto.digest(crypto::Hash::sha256, parts, MutableBytes(challenge).last(32)));
  return challenge;
}

bool is_reserved_challenge(Bytes challenge) noexcept {
  return challenge.size() == kStatementChallengeSize &&
         equal(challenge.first(kReserved.size()), as_bytes(kReserved));
}

}  // namespace pedigree::evidence
