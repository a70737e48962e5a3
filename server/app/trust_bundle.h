// SPDX-License-Identifier: Apache-2.0
// A trust bundle of an authority: what a relying party without a network needs to appraise its devices.
#pragma once

#include "server/app/app.h"
#include "verifier/status/bundle_writer.h"

namespace pedigree::app {

/// What goes into a bundle and for how long it may be used.
struct TrustBundleOptions {
  std::string signer;  ///< name of the issuer that signs; empty: the first that is active
  std::uint32_t valid_days = 7;
  bool exceptions_only = false;  ///< list only devices that are suspended, revoked or retired
  /// Documents of reference values, checked by the caller.
  std::vector<std::pair<verifier::BundleReference::Kind, std::vector<std::uint8_t>>> references;
  der::UnixTime now = 0;
};

struct TrustBundle {
  std::vector<std::uint8_t> file;
  std::string signer;
  std::uint64_t number = 0;
  der::UnixTime expires_at = 0;
  std::size_t issuers = 0;  ///< for which it speaks, the root included
  std::size_t revoked = 0;
  std::size_t devices = 0;
};

/// Makes a bundle of all that the registry knows, with a number larger than that of every bundle before,
/// which it notes in the directory. The authority must have been opened with its passphrase. Errors:
/// unknown_issuer, key_not_found, issuer_revoked, unsupported_algorithm (the signer's key is RSA),
/// io_failure, database_failure.
[[nodiscard]] Answer<TrustBundle> make_trust_bundle(LocalAuthority& authority,
                                                    const TrustBundleOptions& options);

}  // namespace pedigree::app
