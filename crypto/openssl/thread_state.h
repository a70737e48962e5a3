// SPDX-License-Identifier: Apache-2.0
// What a thread keeps between calls, because making it anew costs more than using it: OpenSSL 3.0 looks
// algorithms up by name, and makes a public key through several layers of parameters. None of it holds a
// secret or remembers a key of the caller's.
#pragma once

#include <array>

#include "core/crypto/crypto.h"
#include "crypto/openssl/handles.h"

namespace pedigree::crypto::openssl {

/// A key object on a curve into which each public key to verify with is written, and a context on it.
struct Curve {
  Key key;
  KeyContext context;
};

/// One for each thread, made at its first use and freed at its end.
class ThreadState {
 public:
  [[nodiscard]] static ThreadState& get() noexcept;

  /// The fetched digest; null if OpenSSL has none or memory ran out.
  [[nodiscard]] const EVP_MD* digest(Hash hash) const noexcept {
    return digests_[static_cast<std::size_t>(hash) - 1].get();
  }
  [[nodiscard]] EVP_MD_CTX* digest_context() const noexcept { return digest_context_.get(); }
  [[nodiscard]] EVP_MAC* hmac() noexcept { return hmac_.get(); }
  /// P-256 or P-384; members are null where OpenSSL failed.
  [[nodiscard]] Curve& curve(KeyType type) noexcept { return type == KeyType::p384 ? p384_ : p256_; }

 private:
  ThreadState() noexcept;
  std::array<Digest, 3> digests_;
  DigestContext digest_context_;
  Mac hmac_;
  Curve p256_;
  Curve p384_;
};

/// Digest of the concatenation of `parts`; `out` holds digest_size(hash) octets. Errors: crypto_failure.
[[nodiscard]] Result<void> digest_parts(Hash hash, std::span<const Bytes> parts, MutableBytes out) noexcept;

/// Digest of the pieces of `source`, in a context of its own: the source may sign or verify meanwhile.
/// Errors: crypto_failure, those of `source`.
[[nodiscard]] Result<void> digest_pieces(Hash hash, PieceSource& source, MutableBytes out) noexcept;

}  // namespace pedigree::crypto::openssl
