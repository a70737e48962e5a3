// SPDX-License-Identifier: Apache-2.0
// An authority for one test run: a root whose key nobody else has, and chains below it that are right, or
// wrong in exactly one way.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/crypto/crypto.h"
#include "core/x509/certificate.h"
#include "station/link/failure.h"

namespace pedigree::station::conformance {

using Octets = std::vector<std::uint8_t>;

/// Makes private keys; the crypto back end is the caller's.
class KeyMaker {
 public:
  virtual ~KeyMaker() = default;
  /// A new key, kept until the maker goes.
  [[nodiscard]] virtual Result<crypto::PrivateKey> make(crypto::KeyType type) = 0;
  /// The private number of a P-256 or P-384 key that make() made, big-endian, as long as a coordinate.
  [[nodiscard]] virtual Result<Octets> private_value(const crypto::PrivateKey& key) = 0;
};

/// What is to be in a certificate. What is named "raw" is DER that takes the right one's place where it is
/// not empty.
struct Recipe {
  std::string common_name;
  bool ca = false;
  std::optional<std::uint32_t> path_len;
  std::uint16_t key_usage = 0;  ///< 0: not written
  Octets ext_key_usage;         ///< content of the SEQUENCE; empty: not written
  Octets name_constraints;      ///< content of the SEQUENCE; empty: not written
  Octets subject_alt_name;      ///< content of the SEQUENCE; empty: not written
  Octets extra;                 ///< further Extension elements
  bool basic_constraints = true;
  bool key_identifiers = true;
  Octets raw_version, raw_serial, raw_issuer, raw_validity, raw_subject, raw_spki;
  Octets raw_algorithm;        ///< of the signature, inside and outside
  Octets raw_inner_algorithm;  ///< of the signature, inside only
  Octets raw_issuer_key_id;    ///< octets of authorityKeyIdentifier
  bool break_signature = false;
  crypto::KeyType key_type = crypto::KeyType::p256;  ///< of a CA's own key
};

/// A chain from the leaf up to below the root.
struct ChainPlan {
  Recipe leaf;
  std::vector<Recipe> authorities;  ///< the leaf's issuer first; empty: the root issues the leaf
  bool with_root = false;           ///< the root as the last certificate
};

/// A chain's certificates, leaf first.
using Certificates = std::vector<Octets>;

/// Who issues: a CA's name, key and key identifier.
struct Issuer {
  Octets name;
  Octets key_id;
  crypto::PrivateKey key;
};

class TestAuthority {
 public:
  /// A new root. Failures: those of the crypto back end.
  [[nodiscard]] static Outcome<TestAuthority> make(const crypto::Crypto& crypto, KeyMaker& keys);
  /// One that was kept. Failures: those of Certificate::parse, key_mismatch.
  [[nodiscard]] static Outcome<TestAuthority> open(const crypto::Crypto& crypto, KeyMaker& keys,
                                                   Octets certificate, const crypto::PrivateKey& key);

  [[nodiscard]] const Octets& root() const noexcept { return root_; }
  /// SHA-256 of the root's SubjectPublicKeyInfo: what a device pins.
  [[nodiscard]] const Sha256& root_key() const noexcept { return root_key_; }

  /// The chain for this key (SubjectPublicKeyInfo). Failures: those of the crypto back end.
  [[nodiscard]] Outcome<Certificates> issue(const ChainPlan& plan, Bytes spki) const;

 private:
  TestAuthority(const crypto::Crypto& crypto, KeyMaker& keys) noexcept : crypto_(&crypto), keys_(&keys) {}
  [[nodiscard]] Result<Octets> certificate(const Recipe& recipe, const Issuer& issuer, Bytes spki) const;
  [[nodiscard]] Result<Octets> to_be_signed(const Recipe& recipe, const Issuer& issuer, Bytes spki) const;
  [[nodiscard]] Result<Octets> extensions(const Recipe& recipe, const Issuer& issuer, Bytes spki) const;
  [[nodiscard]] Result<Octets> key_id(Bytes spki) const;
  [[nodiscard]] Result<Octets> public_key(const crypto::PrivateKey& key) const;

  const crypto::Crypto* crypto_;
  KeyMaker* keys_;
  Issuer issuer_;
  Octets root_;
  Sha256 root_key_{};
};

/// A device's certificate as a production authority would issue it, and a CA's.
[[nodiscard]] Recipe leaf_recipe(std::string_view device_id);
[[nodiscard]] Recipe authority_recipe(std::string name, std::optional<std::uint32_t> path_len = {});
/// Leaf, `authorities` CAs, and the root where wanted.
[[nodiscard]] ChainPlan plan_chain(std::string_view device_id, std::size_t authorities, bool with_root);

/// The chain as on the wire.
[[nodiscard]] Octets on_wire(const Certificates& certificates);

/// DER: an element around `content`; an extension with a value (the content of its OCTET STRING).
[[nodiscard]] Octets element(std::uint8_t tag, Bytes content);
[[nodiscard]] Octets extension(Bytes oid, bool critical, Bytes value);
[[nodiscard]] Octets joined(std::initializer_list<Bytes> parts);

}  // namespace pedigree::station::conformance
