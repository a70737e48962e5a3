// SPDX-License-Identifier: Apache-2.0
// OpenSSL, whose signatures are timed and counted.
#pragma once

#include "crypto/openssl/openssl_crypto.h"
#include "server/observe/authority_metrics.h"

namespace pedigree::app {

class MeasuredCrypto final : public crypto::OpenSslCrypto {
 public:
  /// `metrics` null: nothing is counted.
  explicit MeasuredCrypto(std::shared_ptr<observe::AuthorityMetrics> metrics)
      : metrics_(std::move(metrics)) {}

  [[nodiscard]] Result<Bytes> sign(const crypto::PrivateKey& key, crypto::SignatureAlgorithm algorithm,
                                   Bytes message, MutableBytes out) const noexcept override {
    return measured([&] { return OpenSslCrypto::sign(key, algorithm, message, out); });
  }
  [[nodiscard]] Result<Bytes> sign_digest(const crypto::PrivateKey& key, crypto::SignatureAlgorithm algorithm,
                                          Bytes digest, MutableBytes out) const noexcept override {
    return measured([&] { return OpenSslCrypto::sign_digest(key, algorithm, digest, out); });
  }

 private:
  template <typename Sign>
  [[nodiscard]] Result<Bytes> measured(Sign run) const noexcept {
    const observe::Stopwatch watch;
    auto signature = run();
    if (metrics_) metrics_->signing_seconds.observe(watch.seconds());
    if (metrics_ && !signature) metrics_->signing_failures.add();
    return signature;
  }

  std::shared_ptr<observe::AuthorityMetrics> metrics_;
};

}  // namespace pedigree::app
