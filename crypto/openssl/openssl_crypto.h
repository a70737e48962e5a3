// SPDX-License-Identifier: Apache-2.0
// core/crypto on OpenSSL 3: every algorithm of the contract. For hosts.
#pragma once

#include "core/crypto/crypto.h"

namespace pedigree::crypto {

/// Thread-safe without a lock: each thread keeps its own OpenSSL objects (crypto/openssl/thread_state.h).
/// A private key's handle is an EVP_PKEY*, which the caller owns (crypto/openssl/keys.h) and which may be
/// used by several threads at once. A class that does one thing otherwise is derived from it: no operation
/// here calls another one by way of an override.
class OpenSslCrypto : public Crypto {
 public:
  [[nodiscard]] std::string_view backend() const noexcept override { return "OpenSSL"; }
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
  [[nodiscard]] Result<Bytes> sign(const PrivateKey& key, SignatureAlgorithm algorithm, Bytes message,
                                   MutableBytes out) const noexcept override;
  [[nodiscard]] Result<Bytes> sign_digest(const PrivateKey& key, SignatureAlgorithm algorithm, Bytes digest,
                                          MutableBytes out) const noexcept override;
  [[nodiscard]] Result<PublicKey> public_key(const PrivateKey& key, MutableBytes out) const noexcept override;
  [[nodiscard]] Result<void> random(MutableBytes out) const noexcept override;
};

}  // namespace pedigree::crypto
