// SPDX-License-Identifier: Apache-2.0
// In the place of core's verification of images, for a boot stage that is linked, measured and never run:
// what is called uses the crypto library as verification does, so that the difference in code is
// verification's own.
#include "core/firmware_image/boot_image.h"

namespace pedigree::image {

ErrorCode verify_boot_image(const crypto::Crypto& crypto, Bytes image, const Sha256& /*root*/,
                            const RevocationList& /*revoked*/, BootImage& out) noexcept {
  if (!crypto.digest(crypto::Hash::sha256, {&image, 1}, out.digest)) return ErrorCode::crypto_failure;
  const auto verified = crypto.verify_digest(
      {crypto::KeyType::p256, image}, {crypto::Scheme::ecdsa, crypto::Hash::sha256}, out.digest, image);
  return verified ? ErrorCode::not_checked : verified.error().code;
}

}  // namespace pedigree::image
