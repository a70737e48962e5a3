// SPDX-License-Identifier: Apache-2.0
// Challenges of the attestation tokens by which the device's service says something of its own: a key's
// evidence, a request, a receipt. Anybody may have a token made over a challenge of his choice (`attest`), so
// these challenges have a form that `attest` refuses.
#pragma once

#include "core/crypto/crypto.h"

namespace pedigree::evidence {

/// What such a token says. Numbers do not travel.
enum class Statement : std::uint8_t {
  evidence,       ///< parts: authority's nonce (32), SubjectPublicKeyInfo of a key that was made inside
  token_request,  ///< parts: authority's nonce (32), SubjectPublicKeyInfo of the attestation key
  receipt,        ///< part: the encoded Receipt
};

/// Octets of such a challenge, one of the three sizes that a token may answer (RFC 9783 4.1.1).
inline constexpr std::size_t kStatementChallengeSize = 64;
using StatementChallenge = std::array<std::uint8_t, kStatementChallengeSize>;

/// The challenge: 32 octets of text, "Pedigree evidence", "Pedigree token request" or "Pedigree receipt"
/// filled up with zeros, and SHA-256 over the parts. Errors: crypto_failure.
[[nodiscard]] Result<StatementChallenge> statement_challenge(Statement statement,
                                                             std::span<const Bytes> parts,
                                                             const crypto::Crypto& crypto) noexcept;

/// Whether only the service may have a token made over this: 64 octets that begin with "Pedigree ".
[[nodiscard]] bool is_reserved_challenge(Bytes challenge) noexcept;

}  // namespace pedigree::evidence
