// SPDX-License-Identifier: Apache-2.0
// core/crypto on the PSA Crypto API: Mbed TLS on a host, TF-M or a vendor's implementation on a device.
#pragma once

#include "core/crypto/crypto.h"

namespace pedigree::crypto {

/// Calls psa/crypto.h and nothing else. The caller has called psa_crypto_init(), and makes one call at a time
/// (Mbed TLS 2.28 keeps its key slots without a lock). A private key's handle is a psa_key_id_t.
///
/// What the library was built without (PSA_WANT_*) is refused as unsupported_algorithm; so is Ed25519 always,
/// which Mbed TLS 2.28 does not have.
class PsaCrypto : public Crypto {
 public:
  [[nodiscard]] std::string_view backend() const noexcept override { return "Mbed TLS"; }
  [[nodiscard]] bool supports(KeyType type, SignatureAlgorithm algorithm) const noexcept override;
  [[nodiscard]] Result<void> digest(Hash hash, std::span<const Bytes> parts,
                                    MutableBytes out) const noexcept override;
  [[nodiscard]] Result<void> digest(Hash hash, PieceSource& source, MutableBytes out) const noexcept override;
  [[nodiscard]] Result<Sha256> hmac_sha256(Bytes key, std::span<const Bytes> parts) const noexcept override;
  [[nodiscard]] Result<void> verify(const PublicKey& key, SignatureAlgorithm algorithm, Bytes message,
                                    Bytes signature) const noexcept override;
  [[nodiscard]] Result<void> verify_digest(const PublicKey& key, SignatureAlgorithm algorithm, Bytes digest,
                                           Bytes signature) const noexcept override;
  [[nodiscard]] Result<void> check_public_key(const PublicKey& key) const noexcept override;
  /// ECDSA is deterministic (RFC 6979) where the key's policy says so, and randomised otherwise.
  [[nodiscard]] Result<Bytes> sign(const PrivateKey& key, SignatureAlgorithm algorithm, Bytes message,
                                   MutableBytes out) const noexcept override;
  [[nodiscard]] Result<Bytes> sign_digest(const PrivateKey& key, SignatureAlgorithm algorithm, Bytes digest,
                                          MutableBytes out) const noexcept override;
  [[nodiscard]] Result<PublicKey> public_key(const PrivateKey& key, MutableBytes out) const noexcept override;
  [[nodiscard]] Result<void> random(MutableBytes out) const noexcept override;
};

}  // namespace pedigree::crypto
