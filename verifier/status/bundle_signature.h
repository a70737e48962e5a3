// SPDX-License-Identifier: Apache-2.0
// Who signed a bundle, and whether that is enough.
#pragma once

#include "verifier/status/bundle.h"
#include "verifier/status/bundle_manifest.h"

namespace pedigree::verifier {

/// A manifest whose signature holds; it and the signer borrow from the message.
struct SignedManifest {
  BundleManifest manifest;
  Bytes signer;  ///< certificate, DER
  Bytes issuer;  ///< of the signer: certificate, DER
  Bytes root;    ///< certificate, DER
};
/// Verifies a COSE_Sign1 with x5chain over a manifest. Errors: as BundleStatus::open says of signer, path and
/// signature.
[[nodiscard]] std::expected<SignedManifest, BundleError> open_manifest(const crypto::Crypto& crypto,
                                                                       Bytes message,
                                                                       const BundleTrust& trust,
                                                                       der::UnixTime now);

}  // namespace pedigree::verifier
