// SPDX-License-Identifier: Apache-2.0
// Keys that answer in an intermediate's name: short-lived, and in memory only.
#pragma once

#include <memory>

#include "authority/ca_certificate.h"

namespace pedigree::protocols {

/// A responder's key, P-256, and its certificate.
struct Delegate {
  authority::Der certificate;
  crypto::PrivateKey key;
};

class Delegates {
 public:
  virtual ~Delegates() = default;
  /// The delegate of this issuer now; made when it is first asked for, and again well before it expires. Any
  /// thread. Errors: unknown_issuer, key_not_found, those of the crypto.
  [[nodiscard]] virtual authority::Answer<std::shared_ptr<const Delegate>> find(std::string_view issuer,
                                                                                der::UnixTime now) = 0;
};

}  // namespace pedigree::protocols
