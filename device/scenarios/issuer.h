// SPDX-License-Identifier: Apache-2.0
// A certificate authority that runs where the tests run, the device included: keys in PSA Crypto, nothing on
// a heap.
#pragma once

#include "crypto/psa/psa_crypto.h"

namespace pedigree::scenarios {

/// What a chain is to be.
struct ChainWish {
  bool with_root = false;  ///< the root as the last element
  bool leaf_is_ca = false;
  bool break_signature = false;  ///< of the leaf
};

/// A root, and leaves directly below it. The keys are volatile, made and destroyed with the object.
class Issuer {
 public:
  static constexpr std::size_t kMaxChain = 1024;

  /// False from ok() where a key or the root's certificate could not be made.
  explicit Issuer(std::string_view name) noexcept;
  ~Issuer();
  Issuer(const Issuer&) = delete;
  Issuer& operator=(const Issuer&) = delete;
  [[nodiscard]] bool ok() const noexcept { return root_size_ > 0; }

  /// A chain on the wire for this key (SubjectPublicKeyInfo), into `out`; empty where it could not be made.
  [[nodiscard]] Bytes chain_for(Bytes spki, const ChainWish& wish, MutableBytes out) const noexcept;

 private:
  struct Certificate;
  [[nodiscard]] Result<Bytes> issue(const Certificate& wanted, MutableBytes out) const noexcept;
  [[nodiscard]] Bytes root() const noexcept { return Bytes(root_).first(root_size_); }

  crypto::PsaCrypto crypto_;
  crypto::PrivateKey key_{};
  std::string_view name_;
  std::array<std::uint8_t, 512> root_{};
  std::size_t root_size_ = 0;
};

}  // namespace pedigree::scenarios
