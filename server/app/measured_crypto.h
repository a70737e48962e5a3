// SPDX-License-Identifier: Apache-2.0
// OpenSSL, whose signatures are timed and counted.
#pragma once

#include "crypto/openssl/openssl_crypto.h"
#include "server/observe/authority_metrics.h"

namespace pedigree::app {

class MeasuredCrypto final : public crypto::Crypto {
 public:
  /// `metrics` null: nothing is counted.
  explicit MeasuredCrypto(std::shared_ptr<observe::AuthorityMetrics> metrics)
      : metrics_(std::move(metrics)) {}

  [[nodiscard]] std::string_view backend() const noexcept override { return inner_.backend(); }
  [[nodiscard]] bool supports(crypto::KeyType type,
                              crypto::SignatureAlgorithm algorithm) const noexcept override {
    return inner_.supports(type, algorithm);
  }
  [[nodiscard]] Result<void> digest(crypto::Hash hash, std::span<const Bytes> parts,
                                    MutableBytes out) const noexcept override {
    return inner_.digest(hash, parts, out);
  }
  [[nodiscard]] Result<void> digest(crypto::Hash hash, crypto::PieceSource& source,
                                    MutableBytes out) const noexcept override {
    return inner_.digest(hash, source, out);
  }
  [[nodiscard]] Result<Sha256> hmac_sha256(Bytes key, std::span<const Bytes> parts) const noexcept override {
    return inner_.hmac_sha256(key, parts);
  }
  [[nodiscard]] Result<void> verify(const crypto::PublicKey& key, crypto::SignatureAlgorithm algorithm,
                                    Bytes message, Bytes signature) const noexcept override {
    return inner_.verify(key, algorithm, message, signature);
  }
  [[nodiscard]] Result<void> verify_digest(const crypto::PublicKey& key, crypto::SignatureAlgorithm algorithm,
                                           Bytes digest, Bytes signature) const noexcept override {
    return inner_.verify_digest(key, algorithm, digest, signature);
  }
  [[nodiscard]] Result<void> check_public_key(const crypto::PublicKey& key) const noexcept override {
    return inner_.check_public_key(key);
  }
  [[nodiscard]] Result<Bytes> sign(const crypto::PrivateKey& key, crypto::SignatureAlgorithm algorithm,
                                   Bytes message, MutableBytes out) const noexcept override {
    return measured([&] { return inner_.sign(key, algorithm, message, out); });
  }
  [[nodiscard]] Result<Bytes> sign_digest(const crypto::PrivateKey& key, crypto::SignatureAlgorithm algorithm,
                                          Bytes digest, MutableBytes out) const noexcept override {
    return measured([&] { return inner_.sign_digest(key, algorithm, digest, out); });
  }
  [[nodiscard]] Result<crypto::PublicKey> public_key(const crypto::PrivateKey& key,
                                                     MutableBytes out) const noexcept override {
    return inner_.public_key(key, out);
  }
  [[nodiscard]] Result<void> random(MutableBytes out) const noexcept override { return inner_.random(out); }

 private:
  template <typename Sign>
  [[nodiscard]] Result<Bytes> measured(Sign run) const noexcept {
    const observe::Stopwatch watch;
    auto signature = run();
    if (metrics_) metrics_->signing_seconds.observe(watch.seconds());
    if (metrics_ && !signature) metrics_->signing_failures.add();
    return signature;
  }

  crypto::OpenSslCrypto inner_;
  std::shared_ptr<observe::AuthorityMetrics> metrics_;
};

}  // namespace pedigree::app
