// SPDX-License-Identifier: Apache-2.0
// Certificates for firmware: an OEM's intermediate, which says what the OEM may sign, and a signer below it.
#pragma once

#include "authority/certify.h"
#include "authority/profile.h"
#include "core/firmware_image/limits.h"

namespace pedigree::authority {

/// What an OEM may sign; what is empty is not limited.
struct FirmwareLimits {
  std::vector<image::Uuid> vendors, classes;
  std::optional<image::Version> minimum, maximum;
};

/// An OEM's intermediate: a CA with pathLen 0 for codeSigning and nothing else, with FirmwareLimits. So it
/// can certify firmware signers and no devices, and no CA. Errors: bad_configuration (name, or a minimum
/// above the maximum), test_key, unsupported_algorithm, key_mismatch (the issuer's key is not its
/// certificate's), not_a_ca, path_too_long, eku_forbids, key_usage_forbids (the issuer may issue no such CA),
/// expired, those of the crypto.
[[nodiscard]] Answer<Der> make_oem(const crypto::Crypto& crypto, const Profile& profile, CertifyFields fields,
                                   const FirmwareLimits& limits);

/// A firmware signer below an OEM's intermediate: codeSigning and nothing else, digitalSignature, of a key
/// that images can be signed with. Errors: those of make_oem; eku_forbids where the issuer is for other
/// purposes too, product_refused where it states no limits, wrong_key_type (RSA-4096).
[[nodiscard]] Answer<Der> make_firmware_signer(const crypto::Crypto& crypto, const Profile& profile,
                                               CertifyFields fields);

/// The key that a PKCS#10 request asks a certificate for, after its proof of possession; nothing else of a
/// request is looked at. Borrows `request`. Errors: bad_request, those of Request::parse and Request::verify.
[[nodiscard]] Answer<Bytes> requested_key(const crypto::Crypto& crypto, Bytes request);

}  // namespace pedigree::authority
