// SPDX-License-Identifier: Apache-2.0
// Who signs grants in tests: a delegate of a TestAuthority's root, or one who only looks like it.
#pragma once

#include "core/grant/grant.h"
#include "device/ports/sim/test_authority.h"

namespace pedigree::sim {

class GrantSigner {
 public:
  /// When test grants are issued.
  static constexpr std::uint64_t kNow = 1'800'000'000;
  struct Wish {
    bool for_grants = true;  ///< with the purpose kp-deviceGrant
    der::UnixTime not_before = 1'700'000'000;
    der::UnixTime not_after = 1'900'000'000;
  };
  GrantSigner(const TestAuthority& authority, const Wish& wish);
  /// The signed grant. Throws where signing fails.
  [[nodiscard]] Octets sign(const grant::Grant& grant) const;

 private:
  crypto::OpenSslCrypto crypto_;
  crypto::OpenSslKey key_;
  Octets certificate_;
  Octets root_;
};

}  // namespace pedigree::sim
