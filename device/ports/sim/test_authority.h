// SPDX-License-Identifier: Apache-2.0
// A certificate authority for the device's tests: a root, one intermediate, and chains as they travel.
#pragma once

#include <string>
#include <vector>

#include "core/der/der.h"
#include "crypto/openssl/keys.h"
#include "crypto/openssl/openssl_crypto.h"

namespace pedigree::sim {

/// Owned octets.
using Octets = std::vector<std::uint8_t>;

/// A root and one intermediate, with fresh keys.
class TestAuthority {
 public:
  /// `root_type` lets a test pin a root of another size.
  explicit TestAuthority(const std::string& name = "Test", crypto::KeyType root_type = crypto::KeyType::p256);

  struct Wish {
    bool with_root = false;         ///< the root as the chain's last element
    bool with_intermediate = true;  ///< the leaf is issued by the intermediate, else by the root
    bool leaf_is_ca = false;
    bool break_signature = false;
    std::size_t padding = 0;  ///< octets of an extension that is of no use, to make the chain longer
  };
  /// A chain for the key, as on the wire: a CBOR array of DER.
  [[nodiscard]] Octets chain_for(Bytes spki, const Wish& wish) const;
  [[nodiscard]] Octets chain_for(Bytes spki) const { return chain_for(spki, Wish{}); }
  /// A certificate by the root for a purpose (OID content octets; none: empty), as its delegates have.
  [[nodiscard]] Octets certify_delegate(Bytes spki, Bytes purpose, der::UnixTime not_before,
                                        der::UnixTime not_after) const;
  [[nodiscard]] Sha256 root_spki_sha256() const;
  [[nodiscard]] const crypto::Crypto& crypto() const noexcept { return crypto_; }
  [[nodiscard]] const Octets& root_certificate() const noexcept { return root_; }

 private:
  struct Template;
  [[nodiscard]] Octets issue(const Template& fields) const;

  crypto::OpenSslCrypto crypto_;
  crypto::OpenSslKey root_key_;
  crypto::OpenSslKey intermediate_key_;
  std::string name_;
  Octets root_;
  Octets intermediate_;
};

/// SubjectPublicKeyInfo of a key.
[[nodiscard]] Octets spki_of(const crypto::Crypto& crypto, const crypto::PrivateKey& key);

}  // namespace pedigree::sim
