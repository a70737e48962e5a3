// SPDX-License-Identifier: Apache-2.0
#include "device/ports/sim/test_token.h"

#include <memory>
#include <stdexcept>

#include "core/x509/certificate.h"

namespace pedigree::sim {

std::unique_ptr<Token> open_token(const Octets& octets, const Octets& spki, const crypto::Crypto& crypto) {
  auto token = std::make_unique<Token>();
  token->octets = octets;
  const auto need = [](const auto& result, const char* what) {
    if (!result) throw std::runtime_error(std::string(what) + ": " + std::string(name(result.error().code)));
  };
  const auto message = cose::Sign1::parse(token->octets);
  need(message, "the token");
  const auto key = x509::parse_spki(spki);
  need(key, "the key");
  Octets scratch(octets.size() + 64);
  need(message->verify(crypto, *key->key, {}, scratch), "the token's signature");
  const auto claims = psa_token::Claims::parse(*message->payload());
  need(claims, "the claims");
  token->message = *message;
  token->claims = *claims;
  return token;
}

}  // namespace pedigree::sim
