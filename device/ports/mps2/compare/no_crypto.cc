// SPDX-License-Identifier: Apache-2.0
// In the place of boot/boot_crypto.cc, for a boot stage that is linked, measured and never run: the
// difference is what SHA-256 and P-256 take.
#include "device/ports/mps2/boot/boot_crypto.h"

namespace pedigree::mps2 {

void BootCrypto::start() noexcept {}

bool BootCrypto::supports(crypto::KeyType /*type*/, crypto::SignatureAlgorithm /*algorithm*/) const noexcept {
  return false;
}
Result<void> BootCrypto::digest(crypto::Hash /*hash*/, std::span<const Bytes> /*parts*/,
                                MutableBytes /*out*/) const noexcept {
  return fail(ErrorCode::unsupported_algorithm);
}
Result<void> BootCrypto::digest(crypto::Hash /*hash*/, crypto::PieceSource& /*source*/,
                                MutableBytes /*out*/) const noexcept {
  return fail(ErrorCode::unsupported_algorithm);
}
Result<Sha256> BootCrypto::hmac_sha256(Bytes /*key*/, std::span<const Bytes> /*parts*/) const noexcept {
  return fail(ErrorCode::unsupported_algorithm);
}
Result<void> BootCrypto::verify(const crypto::PublicKey& /*key*/, crypto::SignatureAlgorithm /*algorithm*/,
                                Bytes /*message*/, Bytes /*signature*/) const noexcept {
  return fail(ErrorCode::unsupported_algorithm);
}
Result<void> BootCrypto::verify_digest(const crypto::PublicKey& /*key*/,
                                       crypto::SignatureAlgorithm /*algorithm*/, Bytes /*digest*/,
                                       Bytes /*signature*/) const noexcept {
  return fail(ErrorCode::unsupported_algorithm);
}
Result<void> BootCrypto::check_public_key(const crypto::PublicKey& /*key*/) const noexcept {
  return fail(ErrorCode::unsupported_algorithm);
}
Result<Bytes> BootCrypto::sign(const crypto::PrivateKey& /*key*/, crypto::SignatureAlgorithm /*algorithm*/,
                               Bytes /*message*/, MutableBytes /*out*/) const noexcept {
  return fail(ErrorCode::unsupported_algorithm);
}
Result<Bytes> BootCrypto::sign_digest(const crypto::PrivateKey& /*key*/,
                                      crypto::SignatureAlgorithm /*algorithm*/, Bytes /*digest*/,
                                      MutableBytes /*out*/) const noexcept {
  return fail(ErrorCode::unsupported_algorithm);
}
Result<crypto::PublicKey> BootCrypto::public_key(const crypto::PrivateKey& /*key*/,
                                                 MutableBytes /*out*/) const noexcept {
  return fail(ErrorCode::unsupported_algorithm);
}
Result<void> BootCrypto::random(MutableBytes /*out*/) const noexcept {
  return fail(ErrorCode::unsupported_algorithm);
}

}  // namespace pedigree::mps2
