// SPDX-License-Identifier: Apache-2.0
// Grants as the authority gives them: what is asked for, who may ask, and the signed message.
#pragma once

#include "authority/certify.h"
#include "authority/policy.h"
#include "core/grant/grant.h"

namespace pedigree::authority {

/// What a device is to be permitted.
struct GrantOrder {
  registry::DeviceId device{};
  std::array<std::uint8_t, enrol::kNonceSize> nonce{};  ///< of the device's challenge
  grant::Operation operation{};
  std::uint8_t slot = 0;     ///< begin, replace, destroy
  enrol::Purpose purpose{};  ///< begin, replace
  crypto::KeyType type{};    ///< begin, replace
  Sha256 root{};             ///< repin
};

/// "replace slot 2 (tls, P-256)": for the audit log and for people.
[[nodiscard]] std::string describe(const GrantOrder& order);
/// The operation of this name. Empty optional: there is none.
[[nodiscard]] std::optional<grant::Operation> parse_operation(std::string_view text) noexcept;

/// Whether the policy lets this client have this granted. Without a rule for operators each of them may have
/// anything granted; a station only what its rule names. Errors: not_authorised.
[[nodiscard]] Answer<void> check_grant(const Policy& policy, bool is_operator, std::string_view client,
                                       const GrantOrder& order);

/// Certifies a delegate that signs grants: kp-deviceGrant and nothing else. Devices take one that their root
/// has named itself. Errors: wrong_key_type (not P-256), untrusted_root (the issuer is below another CA),
/// those of check_subject, check_issuer and certify.
[[nodiscard]] Answer<Der> certify_grant_signer(const crypto::Crypto& crypto, const CertifyFields& fields);

/// A signed grant and how long it is good for.
struct SignedGrant {
  std::vector<std::uint8_t> message;
  der::UnixTime issued_at = 0;
  der::UnixTime expires_at = 0;
};

/// The delegate of the root that signs grants. Immutable; used by any number of threads.
class GrantSigner {
 public:
  /// Borrows `crypto`, and the key that `key` names.
  GrantSigner(const crypto::Crypto& crypto, std::vector<std::uint8_t> certificate,
              std::vector<std::uint8_t> root, crypto::PrivateKey key)
      : crypto_(crypto), certificate_(std::move(certificate)), root_(std::move(root)), key_(key) {}

  /// Signs, and verifies as a device will: what devices would refuse is not given out. Errors: those of
  /// grant::sign and grant::verify, of which the detail says who may end it.
  [[nodiscard]] Answer<SignedGrant> sign(const GrantOrder& order, der::UnixTime now) const;

 private:
  const crypto::Crypto& crypto_;
  std::vector<std::uint8_t> certificate_;
  std::vector<std::uint8_t> root_;
  crypto::PrivateKey key_;
};

/// Seconds that a grant is good for. A device that has no clock learns of the time by later grants alone.
inline constexpr der::UnixTime kGrantLife = 3600;

}  // namespace pedigree::authority
