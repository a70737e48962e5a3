// SPDX-License-Identifier: Apache-2.0
// Verification for a boot stage: a second reading of the same format, a fraction as large as verify_image,
// for images and certificates of one profile. What it accepts, verify_image accepts too; what is outside the
// profile it refuses (boot_image_test.cc compares the two).
#pragma once

#include "core/firmware_image/revocation_list.h"

namespace pedigree::image {

/// What was verified.
struct BootImage {
  Header header;
  std::uint32_t size = 0;                         ///< octets, TLV areas included
  std::optional<std::uint32_t> security_counter;  ///< of the protected area
  Sha256 digest{};                                ///< as MCUboot measures it
  Sha256 signer{};                                ///< of the signing key's SubjectPublicKeyInfo
};

/// Verifies an image that is addressable as a whole (octets behind it are not looked at) by the chain in its
/// CHAIN TLV, up to a root whose SubjectPublicKeyInfo has the hash `root`, and which is the chain's last
/// certificate.
///
/// The profile: ECDSA with P-256 and SHA-256 throughout. The unprotected area is SHA256, KEYHASH, ECDSASIG,
/// in this order. Certificates are of version 3, without unique identifiers; names are RDNs of one UTF8String
/// or PrintableString and compared octet by octet; subjectAltName, nameConstraints and an
/// authorityKeyIdentifier of more than a keyIdentifier are refused, as is whatever else is critical and not
/// understood. Lists of purposes and limits mean what trust_signer says. There is no clock: validity is not
/// read.
///
/// Statements and lineage are covered by the image's signature and passed over: they are for those who
/// appraise. Errors: bad_image, image_transformed, bad_tlv (a TLV, or a certificate that is malformed or
/// outside the profile), missing_tlv, image_digest_mismatch, image_key_mismatch, invalid_signature,
/// unsupported_algorithm, untrusted_root, issuer_mismatch, key_identifier_mismatch, not_a_ca, target_is_ca,
/// path_too_long, key_usage_forbids, eku_forbids, unknown_critical_extension, product_refused,
/// version_refused, signer_revoked, crypto_failure. Without offset.
[[nodiscard]] ErrorCode verify_boot_image(const crypto::Crypto& crypto, Bytes image, const Sha256& root,
                                          const RevocationList& revoked, BootImage& out) noexcept;

/// The certificates of a chain in the profile, checked as trust_signer does, and against the list. For
/// verify_boot_image; a header of its own would hold nothing else.
struct BootProduct {
  std::array<std::uint8_t, 8> version{};  ///< big-endian, as limits have it
  const std::uint8_t* vendor = nullptr;   ///< 16 octets; nothing: the image has none
  const std::uint8_t* class_id = nullptr;
};
/// `spki` receives the signer's SubjectPublicKeyInfo, borrowed from `chain`. Errors: those above about
/// certificates.
[[nodiscard]] ErrorCode trust_boot_chain(const crypto::Crypto& crypto, Bytes chain, const Sha256& root,
                                         const RevocationList& revoked, const BootProduct& product,
                                         Bytes& spki) noexcept;

/// Verifies an ECDSA-Sig-Value by a P-256 key in a SubjectPublicKeyInfo of the profile. Errors:
/// invalid_signature, those of Crypto::verify_digest.
[[nodiscard]] ErrorCode verify_boot_signature(const crypto::Crypto& crypto, Bytes spki, const Sha256& digest,
                                              Bytes signature) noexcept;
/// Errors: crypto_failure.
[[nodiscard]] ErrorCode hash_for_boot(const crypto::Crypto& crypto, Bytes octets, Sha256& out) noexcept;

}  // namespace pedigree::image
