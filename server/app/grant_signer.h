// SPDX-License-Identifier: Apache-2.0
// Who signs an authority's grants: a delegate of the root, in the directory.
#pragma once

#include "authority/grant.h"
#include "server/app/files.h"

namespace pedigree::app {

/// Days that a signer of grants is certified for unless somebody asks otherwise.
inline constexpr std::uint32_t kGrantSignerDays = 730;

/// Makes the signer of grants below the root: grants.cert.pem and grants.key.pem (P-256, encrypted with the
/// passphrase), over those that are there: devices refuse the old one from the new one's first grant on.
/// Errors: io_failure, those of the crypto.
[[nodiscard]] Answer<void> make_grant_signer(const Layout& layout, const authority::Signer& root,
                                             const SecretText& passphrase, der::UnixTime now,
                                             std::uint32_t days);

/// The signer with its key.
class GrantKey {
 public:
  /// Null where the directory has no signer of grants. Errors: those of read_certificate and open_key.
  static Answer<std::unique_ptr<GrantKey>> open(const Layout& layout, const crypto::Crypto& crypto,
                                                const Der& root, const SecretText& passphrase);
  GrantKey(const GrantKey&) = delete;
  GrantKey& operator=(const GrantKey&) = delete;
  [[nodiscard]] const authority::GrantSigner& signer() const noexcept { return signer_; }

 private:
  GrantKey(const crypto::Crypto& crypto, Der certificate, const Der& root, crypto::OpenSslKey key)
      : key_(std::move(key)), signer_(crypto, std::move(certificate), root, key_.view()) {}
  crypto::OpenSslKey key_;
  authority::GrantSigner signer_;
};

}  // namespace pedigree::app
