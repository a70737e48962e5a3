// SPDX-License-Identifier: Apache-2.0
// A token taken apart and verified, for tests.
#pragma once

#include <memory>
#include <optional>

#include "core/cose/cose.h"
#include "core/psa_token/psa_token.h"
#include "device/ports/sim/test_authority.h"

namespace pedigree::sim {

/// Owns the octets that its views borrow from.
struct Token {
  Octets octets;
  std::optional<cose::Sign1> message;
  psa_token::Claims claims;
};

/// Parses a token and verifies its signature by the key of this SubjectPublicKeyInfo. Throws where it is not
/// good.
[[nodiscard]] std::unique_ptr<Token> open_token(const Octets& octets, const Octets& spki,
                                                const crypto::Crypto& crypto);

}  // namespace pedigree::sim
