// SPDX-License-Identifier: Apache-2.0
// A crypto back end for tests of everything but cryptography: signatures are checksums that anyone can make.
#pragma once

#include "core/crypto/crypto.h"

namespace pedigree::testing {

/// Keys of all types; PrivateKey::handle is any number, and tells keys apart.
class FakeCrypto final : public crypto::Crypto {
 public:
  [[nodiscard]] std::string_view backend() const noexcept override { return "fake"; }
  [[nodiscard]] bool supports(crypto::KeyType, crypto::SignatureAlgorithm) const noexcept override {
    return true;
  }
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

  /// How many signatures have been verified.
  [[nodiscard]] unsigned verifications() const noexcept { return verifications_; }

 private:
  mutable unsigned verifications_ = 0;
};

}  // namespace pedigree::testing
