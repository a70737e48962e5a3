// SPDX-License-Identifier: Apache-2.0
// Makes trust bundles.
#pragma once

#include <functional>
#include <vector>

#include "core/crypto/crypto.h"
#include "verifier/status/bundle_manifest.h"

namespace pedigree::verifier {

/// Octets of the longest serial number (RFC 5280 4.1.2.2).
inline constexpr std::size_t kMaxSerialSize = 20;

/// A revoked certificate.
struct RevokedRecord {
  std::array<std::uint8_t, kMaxSerialSize> serial{};  ///< padded with zeros in front
  der::UnixTime since = 0;
  std::uint8_t reason = 0;  ///< x509::RevocationReason

  /// Serials of more than kMaxSerialSize octets, without leading zeros, do not exist.
  [[nodiscard]] static RevokedRecord of(Bytes serial, der::UnixTime since, std::uint8_t reason) noexcept;
};
/// All that an issuer has revoked; an issuer without any is listed too, or nothing is known of what it
/// issued.
struct RevokedList {
  Sha256 issuer{};  ///< of its SubjectPublicKeyInfo
  std::vector<RevokedRecord> records;
};

/// A device and the registry's number for its state.
struct DeviceRecord {
  std::array<std::uint8_t, 33> id{};
  der::UnixTime since = 0;
  std::uint8_t state = 0;
};

/// What goes into a bundle.
struct BundleContents {
  der::UnixTime issued_at = 0;
  der::UnixTime expires_at = 0;
  std::uint64_t number = 0;
  std::vector<Bytes> roots;
  std::vector<Bytes> intermediates;
  std::vector<RevokedList> revoked;
  std::vector<DeviceRecord> devices;
  bool devices_complete = false;
  std::vector<BundleReference> references;
};

/// Signs a manifest: a COSE_Sign1 over it with kBundleContext as external_aad and the signer's x5chain,
/// without the root.
using SignManifest = std::function<Result<std::vector<std::uint8_t>>(Bytes manifest)>;

/// The whole file. Records are sorted here; of two with one key the older stays. Errors: those of `sign` and
/// of digest, too_long (the manifest).
[[nodiscard]] Result<std::vector<std::uint8_t>> make_bundle(const crypto::Crypto& crypto,
                                                            BundleContents contents,
                                                            const SignManifest& sign);

}  // namespace pedigree::verifier
