// SPDX-License-Identifier: Apache-2.0
// core/crypto for the boot stage: SHA-256 and ECDSA with P-256, on Mbed TLS without PSA Crypto.
#pragma once

#include "core/crypto/crypto.h"

namespace pedigree::mps2 {

/// Everything else is refused as unsupported_algorithm. Signatures that have verified are remembered, by the
/// hash of key, digest and signature: the certificates that two images share are verified once.
class BootCrypto final : public crypto::Crypto {
 public:
  /// To be called first.
  static void start() noexcept;

  // As in crypto::Crypto.
  [[nodiscard]] std::string_view backend() const noexcept override { return {}; }
  [[nodiscard]] bool supports(crypto::KeyType type,
                              crypto::SignatureAlgorithm algorithm) const noexcept override;
  [[nodiscard]] Result<void> digest(crypto::Hash hash, std::span<const Bytes> parts,
                                    MutableBytes out) const noexcept override;
  [[nodiscard]] Result<void> digest(crypto::Hash hash, crypto::PieceSource& source,
                                    MutableBytes out) const noexcept override;
  [[nodiscard]] Result<Sha256> hmac_sha256(Bytes key, std::span<const Bytes> parts) const noexcept override;
  [[nodiscard]] Result<void> verify(const crypto::PublicKey& key, crypto::SignatureAlgorithm algorithm,
                                    Bytes message, Bytes signature) const noexcept override;
  [[nodiscard]] Result<void> verify_digest(const crypto::PublicKey& key, crypto::SignatureAlgorithm algorithm,
                                           Bytes digest, Bytes signature) const noexcept override;
  [[nodiscard]] Result<void> check_public_key(const crypto::PublicKey& key) const noexcept override;
  [[nodiscard]] Result<Bytes> sign(const crypto::PrivateKey& key, crypto::SignatureAlgorithm algorithm,
                                   Bytes message, MutableBytes out) const noexcept override;
  [[nodiscard]] Result<Bytes> sign_digest(const crypto::PrivateKey& key, crypto::SignatureAlgorithm algorithm,
                                          Bytes digest, MutableBytes out) const noexcept override;
  [[nodiscard]] Result<crypto::PublicKey> public_key(const crypto::PrivateKey& key,
                                                     MutableBytes out) const noexcept override;
  [[nodiscard]] Result<void> random(MutableBytes out) const noexcept override;
};

}  // namespace pedigree::mps2
