// SPDX-License-Identifier: Apache-2.0
// The only crypto contract of core: digest, verify, sign, random. Back ends: crypto/psa, crypto/openssl.
//
// It is an object passed as a parameter rather than symbols resolved at link time, because one host program
// holds both a simulated device (PSA) and an authority (OpenSSL), and because the differential tests ask
// both.
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/error.h"

namespace pedigree::crypto {

/// Hash functions (FIPS 180-4). Numbers travel: extend, never renumber.
enum class Hash : std::uint8_t { sha256 = 1, sha384 = 2, sha512 = 3 };

/// Octets of a digest: 32, 48 or 64.
[[nodiscard]] constexpr std::size_t digest_size(Hash hash) noexcept {
  return hash == Hash::sha256 ? 32 : hash == Hash::sha384 ? 48 : 64;
}

/// Octets of the longest digest.
inline constexpr std::size_t kMaxDigestSize = 64;

/// Numbers travel in messages and stored records: extend, never renumber.
enum class KeyType : std::uint8_t { p256 = 1, p384 = 2, ed25519 = 3, rsa2048 = 4, rsa3072 = 5, rsa4096 = 6 };

/// Signature schemes: ECDSA (FIPS 186-5), EdDSA (RFC 8032), RSASSA-PKCS1-v1_5 and RSASSA-PSS (RFC 8017).
enum class Scheme : std::uint8_t { ecdsa = 1, eddsa = 2, rsa_pkcs1 = 3, rsa_pss = 4 };

/// A signature algorithm. `hash` is ignored for EdDSA (Ed25519 hashes inside). RSA-PSS uses MGF1 with the
/// same hash and a salt as long as the digest (RFC 4055 3.1; the only form accepted).
struct SignatureAlgorithm {
  Scheme scheme{};
  Hash hash{};
  friend constexpr bool operator==(const SignatureAlgorithm&, const SignatureAlgorithm&) = default;
};

/// The algorithm that a key of this type signs with unless told otherwise: ECDSA with the hash of the curve's
/// size, Ed25519, RSA PKCS#1 v1.5 with SHA-256.
[[nodiscard]] constexpr SignatureAlgorithm default_algorithm(KeyType type) noexcept {
  switch (type) {
    case KeyType::p384:
      return {Scheme::ecdsa, Hash::sha384};
    case KeyType::ed25519:
      return {Scheme::eddsa, Hash::sha512};
    case KeyType::rsa2048:
    case KeyType::rsa3072:
    case KeyType::rsa4096:
      return {Scheme::rsa_pkcs1, Hash::sha256};
    case KeyType::p256:
      break;
  }
  return {Scheme::ecdsa, Hash::sha256};
}

/// Whether keys of this type are used with this scheme at all, in any back end.
[[nodiscard]] constexpr bool belong_together(KeyType type, Scheme scheme) noexcept {
  switch (type) {
    case KeyType::p256:
    case KeyType::p384:
      return scheme == Scheme::ecdsa;
    case KeyType::ed25519:
      return scheme == Scheme::eddsa;
    case KeyType::rsa2048:
    case KeyType::rsa3072:
    case KeyType::rsa4096:
      return scheme == Scheme::rsa_pkcs1 || scheme == Scheme::rsa_pss;
  }
  return false;
}

/// Octets of one coordinate, and of r and of s: 32 for P-256, 48 for P-384.
[[nodiscard]] constexpr std::size_t coordinate_size(KeyType type) noexcept {
  return type == KeyType::p384 ? 48 : 32;
}

/// "P-256", "Ed25519", "RSA-2048"... Static storage.
[[nodiscard]] std::string_view name(KeyType type) noexcept;
/// "ecdsa-with-SHA256", "Ed25519", "RSASSA-PSS-SHA384"... Static storage.
[[nodiscard]] std::string_view name(SignatureAlgorithm algorithm) noexcept;

/// A public key as borrowed octets:
/// P-256 / P-384: uncompressed point 0x04 | X | Y, 65 / 97 octets (SEC 1 2.3.3);
/// Ed25519: 32 octets (RFC 8032 5.1.5); RSA: DER RSAPublicKey (RFC 8017 A.1.1).
struct PublicKey {
  KeyType type{};
  Bytes key;
};

/// Octets of the largest `PublicKey::key` (RSA-4096: 526) and of the largest signature (RSA-4096: 512).
inline constexpr std::size_t kMaxPublicKeySize = 526;
inline constexpr std::size_t kMaxSignatureSize = 512;

/// Octets of a signature in this contract's form. ECDSA is r | s, each of the curve's size (64 or 96, RFC
/// 9053 2.1; X.509's DER form is converted in core), Ed25519 64, RSA as long as the modulus.
[[nodiscard]] constexpr std::size_t signature_size(KeyType type) noexcept {
  switch (type) {
    case KeyType::p384:
      return 96;
    case KeyType::rsa2048:
      return 256;
    case KeyType::rsa3072:
      return 384;
    case KeyType::rsa4096:
      return 512;
    case KeyType::p256:
    case KeyType::ed25519:
      break;
  }
  return 64;
}

/// A private key that lives in the back end: `handle` is a psa_key_id_t (crypto/psa) or an EVP_PKEY* that the
/// caller owns (crypto/openssl). Copying it copies no secret.
struct PrivateKey {
  KeyType type{};
  std::uintptr_t handle = 0;
};

/// A digest on its way: what a PieceSource may ask while it hands out pieces.
class RunningDigest {
 public:
  constexpr RunningDigest() noexcept = default;
  RunningDigest(const RunningDigest&) = delete;
  RunningDigest& operator=(const RunningDigest&) = delete;
  /// Digest of all pieces handed out so far, into the first digest_size(hash) octets of `out`; the digest
  /// goes on. Errors: buffer_too_small, crypto_failure.
  [[nodiscard]] virtual Result<void> value(MutableBytes out) const noexcept = 0;

 protected:
  ~RunningDigest() = default;
};

/// Hands out a message that is not in memory as a whole. The state of the digest stays with the back end,
/// on its stack, so that nobody can leave one unfinished.
class PieceSource {
 public:
  constexpr PieceSource() noexcept = default;
  PieceSource(const PieceSource&) = delete;
  PieceSource& operator=(const PieceSource&) = delete;
  /// The next piece, borrowed until the next call; empty: that was all. An error ends the digest with it.
  [[nodiscard]] virtual Result<Bytes> next(const RunningDigest& so_far) noexcept = 0;

 protected:
  ~PieceSource() = default;
};

/// A crypto back end. Stateless for the caller; const calls may run on several threads (crypto/openssl), or
/// one at a time where the library allows no more (crypto/psa with Mbed TLS 2.28).
class Crypto {
 public:
  constexpr Crypto() noexcept = default;
  Crypto(const Crypto&) = delete;
  Crypto& operator=(const Crypto&) = delete;

  /// Name of the back end, for messages: "Mbed TLS", "OpenSSL".
  [[nodiscard]] virtual std::string_view backend() const noexcept = 0;

  /// Whether verify and sign take this key with this algorithm.
  [[nodiscard]] virtual bool supports(KeyType type, SignatureAlgorithm algorithm) const noexcept = 0;

  /// Digest of the concatenation of `parts` into the first digest_size(hash) octets of `out`.
  /// Errors: buffer_too_small, crypto_failure.
  [[nodiscard]] virtual Result<void> digest(Hash hash, std::span<const Bytes> parts,
                                            MutableBytes out) const noexcept = 0;

  /// Digest of the pieces of `source`, as above. Errors: buffer_too_small, crypto_failure, those of `source`.
  [[nodiscard]] virtual Result<void> digest(Hash hash, PieceSource& source,
                                            MutableBytes out) const noexcept = 0;

  /// HMAC-SHA256 (RFC 2104) over the concatenation of `parts`. Errors: crypto_failure.
  [[nodiscard]] virtual Result<Sha256> hmac_sha256(Bytes key,
                                                   std::span<const Bytes> parts) const noexcept = 0;

  /// Verifies `signature` (form: signature_size) over `message`.
  /// Errors: unsupported_algorithm, wrong_key_type (scheme and key do not belong together), invalid_key
  /// (length, size, or a point off the curve or at infinity), invalid_signature (wrong length, r or s out
  /// of 1..n-1, or no match).
  [[nodiscard]] virtual Result<void> verify(const PublicKey& key, SignatureAlgorithm algorithm, Bytes message,
                                            Bytes signature) const noexcept = 0;

  /// As verify, over a message whose digest by `algorithm.hash` was computed elsewhere. EdDSA has no such
  /// form (it hashes the message twice): unsupported_algorithm. Errors also: invalid_signature where `digest`
  /// is not digest_size(hash) long.
  [[nodiscard]] virtual Result<void> verify_digest(const PublicKey& key, SignatureAlgorithm algorithm,
                                                   Bytes digest, Bytes signature) const noexcept = 0;

  /// Checks that a public key is well-formed and, for curves, a point on the curve and not infinity.
  /// Errors: unsupported_algorithm, invalid_key.
  [[nodiscard]] virtual Result<void> check_public_key(const PublicKey& key) const noexcept = 0;

  /// Signs `message`; the result is the first signature_size(key.type) octets of `out`, borrowed.
  /// Errors: unsupported_algorithm, wrong_key_type, key_not_found, buffer_too_small, crypto_failure.
  [[nodiscard]] virtual Result<Bytes> sign(const PrivateKey& key, SignatureAlgorithm algorithm, Bytes message,
                                           MutableBytes out) const noexcept = 0;

  /// As sign, over a message whose digest by `algorithm.hash` was computed elsewhere. EdDSA has no such form:
  /// unsupported_algorithm. Errors also: bad_value where `digest` is not digest_size(hash) long.
  [[nodiscard]] virtual Result<Bytes> sign_digest(const PrivateKey& key, SignatureAlgorithm algorithm,
                                                  Bytes digest, MutableBytes out) const noexcept = 0;

  /// The public half of `key`, in the form of PublicKey::key, written to `out` and borrowed from it.
  /// Errors: key_not_found, buffer_too_small, crypto_failure.
  [[nodiscard]] virtual Result<PublicKey> public_key(const PrivateKey& key,
                                                     MutableBytes out) const noexcept = 0;

  /// Fills `out` with cryptographically strong random octets. Errors: no_entropy.
  [[nodiscard]] virtual Result<void> random(MutableBytes out) const noexcept = 0;

  /// SHA-256 of `data`. Errors: crypto_failure.
  [[nodiscard]] Result<Sha256> sha256(Bytes data) const noexcept {
    Sha256 value{};
    const Bytes parts[] = {data};
    PEDIGREE_TRY(digest(Hash::sha256, parts, value));
    return value;
  }

 protected:
  // No virtual destructor: nobody owns a Crypto through the base, and firmware then needs no operator delete.
  ~Crypto() = default;
};

}  // namespace pedigree::crypto
