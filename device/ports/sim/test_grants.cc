// SPDX-License-Identifier: Apache-2.0
#include "device/ports/sim/test_grants.h"

#include <stdexcept>

namespace pedigree::sim {

GrantSigner::GrantSigner(const TestAuthority& authority, const Wish& wish)
    : key_(crypto::OpenSslKey::generate(crypto::KeyType::p256).value()),
      certificate_(authority.certify_delegate(spki_of(crypto_, key_.view()),
                                              wish.for_grants ? Bytes(grant::kKeyPurpose) : Bytes(),
                                              wish.not_before, wish.not_after)),
      root_(authority.root_certificate()) {}

Octets GrantSigner::sign(const grant::Grant& grant) const {
  Octets buffer(2 * grant::kMaxSize);
  const auto message = grant::sign(crypto_, grant, certificate_, root_, key_.view(), buffer);
  if (!message) throw std::runtime_error(std::string(sentence(message.error().code)));
  return {message->begin(), message->end()};
}

}  // namespace pedigree::sim
