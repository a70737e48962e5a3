// SPDX-License-Identifier: Apache-2.0
// SubjectPublicKeyInfo, and signatures by the keys in it.
#include "core/x509/certificate.h"
#include "core/x509/oids.h"
#include "core/x509/signed.h"

namespace pedigree::x509 {
namespace {

using crypto::KeyType;
using crypto::PublicKey;
using crypto::Scheme;

constexpr std::size_t kMaxExponent = 8;  // octets; more only slows verification

// ECParameters must name a curve (RFC 5480 2.1.1). KeyType{}: another one.
KeyType read_curve(der::Cursor& in) noexcept {
  in.oid();
  if (equal(in.content(), oid::kSecp256r1)) return KeyType::p256;
  return equal(in.content(), oid::kSecp384r1) ? KeyType::p384 : KeyType{};
}

// RSAPublicKey (RFC 8017 A.1.1). KeyType{}: of another size.
KeyType read_rsa_key(der::Cursor& in) noexcept {
  const Bytes key = in.content();
  const der::Inside octets(in);
  const der::Inside sequence(in, der::kSequence);
  in.unsigned_integer();
  const Bytes modulus = in.content();
  in.unsigned_integer();
  const Bytes exponent = in.content();
  if (!in.ok()) return {};
  const bool odd = (modulus.back() & exponent.back() & 1U) != 0;
  const bool one = exponent.size() == 1 && exponent[0] == 1;
  in.require(odd && !one && exponent.size() <= kMaxExponent, ErrorCode::invalid_key, key.data());
  // A modulus of exactly 8n bits has its highest bit set.
  if (modulus[0] < 0x80) return {};
  if (modulus.size() == 256) return KeyType::rsa2048;
  if (modulus.size() == 384) return KeyType::rsa3072;
  return modulus.size() == 512 ? KeyType::rsa4096 : KeyType{};
}

// Points must be uncompressed (RFC 5480 2.2 allows no less).
bool has_form_of(KeyType type, const Bytes& key) noexcept {
  if (!kEcdsaOnly && type == KeyType::ed25519) return key.size() == 32;
  return key.size() == 1 + 2 * crypto::coordinate_size(type) && key[0] == 4;
}

// OIDs of signatures over MD2, MD5 and SHA-1: named to people as weak rather than as unknown.
bool is_weak(const Bytes& oid) noexcept {
  static constexpr std::uint8_t kRsaPrefix[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01};
  static constexpr std::uint8_t kEcdsaWithSha1[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01};
  if (equal(oid, kEcdsaWithSha1)) return true;
  return oid.size() == 9 && equal(oid.first(8), kRsaPrefix) && oid[8] >= 2 && oid[8] <= 5;
}

bool is_rsa(KeyType type) noexcept {
  return type == KeyType::rsa2048 || type == KeyType::rsa3072 || type == KeyType::rsa4096;
}

}  // namespace

void read_spki(der::Cursor& in, SubjectPublicKeyInfo& spki) noexcept {
  const der::Inside sequence(in, der::kSequence, spki.whole);
  KeyType type{};
  bool rsa = false;
  {
    const der::Inside algorithm(in, der::kSequence);
    in.oid();
    spki.oid = in.content();
    if (equal(spki.oid, oid::kEcPublicKey)) {
      type = read_curve(in);
    } else if (!kEcdsaOnly && equal(spki.oid, oid::kRsaEncryption)) {
      rsa = true;
      in.null();  // RFC 3279 2.3.1
    } else if (!kEcdsaOnly && equal(spki.oid, oid::kEd25519)) {
      type = KeyType::ed25519;  // RFC 8410 3: no parameters
    } else {
      read_unknown_parameters(in);
    }
  }
  in.bit_string_octets();
  const Bytes key = in.content();
  if (type != KeyType{}) in.require(has_form_of(type, key), ErrorCode::invalid_key);
  if (!kEcdsaOnly && rsa) type = read_rsa_key(in);
  if (type != KeyType{}) spki.key.emplace(type, key);
}

Result<SubjectPublicKeyInfo> parse_spki(Bytes der, std::uint32_t base) noexcept {
  Reader in(der, base);
  return der::read_with_cursor(in, [](der::Cursor& cursor) {
    SubjectPublicKeyInfo spki;
    read_spki(cursor, spki);
    cursor.finish();
    return spki;
  });
}

void write_spki(const PublicKey& key, der::Builder& out) noexcept {
  const std::size_t sequence = out.open(der::kSequence);
  const std::size_t algorithm = out.open(der::kSequence);
  if (!kEcdsaOnly && key.type == KeyType::ed25519) {
    out.oid(oid::kEd25519);
  } else if (!kEcdsaOnly && is_rsa(key.type)) {
    out.oid(oid::kRsaEncryption);
    out.null();
  } else {
    out.oid(oid::kEcPublicKey);
    out.oid(key.type == KeyType::p256 ? Bytes(oid::kSecp256r1) : Bytes(oid::kSecp384r1));
  }
  out.close(algorithm);
  out.bit_string(key.key);
  out.close(sequence);
}

bool verify_signature(const crypto::Crypto& crypto, const SubjectPublicKeyInfo& key,
                      const SignedObject& object, Error& error) noexcept {
  const AlgorithmIdentifier& algorithm = object.algorithm;
  if (!algorithm.signature || !key.key) {
    error = {is_weak(algorithm.oid) ? ErrorCode::weak_algorithm : ErrorCode::unsupported_algorithm};
    return false;
  }
  std::array<std::uint8_t, 96> buffer{};
  Bytes raw = object.signature;
  if (kEcdsaOnly || algorithm.signature->scheme == Scheme::ecdsa) {
    const KeyType type = key.key->type;
    if (!kEcdsaOnly && type != KeyType::p256 && type != KeyType::p384) {
      error = {ErrorCode::wrong_key_type};
      return false;
    }
    const MutableBytes numbers(buffer.data(), 2 * crypto::coordinate_size(type));
    der::Cursor in(raw);
    der::read_ecdsa_signature(in, numbers);
    in.finish();
    if (!in.ok()) {
      error = {ErrorCode::invalid_signature, in.error().offset};
      return false;
    }
    raw = numbers;
  }
  const auto verified = crypto.verify(*key.key, *algorithm.signature, object.to_be_signed, raw);
  if (!verified) error = verified.error();
  return verified.has_value();
}

Result<void> verify_signature(const crypto::Crypto& crypto, const SubjectPublicKeyInfo& key,
                              const SignedObject& object) noexcept {
  Error error;
  if (!verify_signature(crypto, key, object, error)) return std::unexpected(error);
  return {};
}

Result<void> verify_signature(const crypto::Crypto& crypto, const SubjectPublicKeyInfo& key,
                              const AlgorithmIdentifier& algorithm, Bytes message, Bytes signature) noexcept {
  return verify_signature(crypto, key, {message, algorithm, signature});
}

}  // namespace pedigree::x509
