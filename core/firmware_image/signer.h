// SPDX-License-Identifier: Apache-2.0
// Who may sign firmware: a codeSigning certificate, issued by an OEM's intermediate that says what the OEM
// may sign, below a trusted root.
#pragma once

#include "core/cose/cose.h"
#include "core/firmware_image/limits.h"
#include "core/x509/path.h"

namespace pedigree::image {

struct TrustOptions {
  std::span<const x509::TrustAnchor> anchors;
  std::optional<der::UnixTime> time;  ///< empty: validity is not checked
};

/// Whether extendedKeyUsage is there and lists codeSigning alone.
[[nodiscard]] bool is_for_code_signing_only(const x509::Certificate& certificate) noexcept;

/// A chain and the key of its first certificate; both borrowed.
struct Signer {
  cose::X5Chain chain;
  crypto::PublicKey key;
};

/// Decides whether a chain's first certificate may sign this product:
/// - the path holds up to an anchor (x509::validate_path);
/// - that certificate and its issuer state codeSigning and no other purpose, so that no device key of the
///   same root signs firmware;
/// - the issuer states limits (FirmwareLimits), and they, and those of every certificate above, allow it.
/// `path` receives what path validation said. Errors: those of path validation, eku_forbids (offset = index
/// of the certificate), product_refused, version_refused, unsupported_algorithm.
[[nodiscard]] Result<Signer> trust_signer(const crypto::Crypto& crypto, const cose::X5Chain& chain,
                                          const TrustOptions& options, const Product& product,
                                          x509::Verdict& path) noexcept;

/// Whether one of a chain's certificates is for the key with this SHA-256 of its SubjectPublicKeyInfo.
/// Errors: those of Certificate::parse, crypto_failure.
[[nodiscard]] Result<bool> has_key(const crypto::Crypto& crypto, const cose::X5Chain& chain,
                                   const Sha256& spki_sha256) noexcept;

}  // namespace pedigree::image
