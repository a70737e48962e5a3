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

// ECParameters must name a curve (RFC 5480 2.1.1); the point must be uncompressed (2.2 allows no less).
std::optional<KeyType> ec_type(der::Cursor& parameters, const Bytes& point, std::uint32_t offset) noexcept {
  const Bytes curve = parameters.oid();
  parameters.finish();
  const bool p256 = equal(curve, oid::kSecp256r1);
  if (!p256 && !equal(curve, oid::kSecp384r1)) return {};
  const KeyType type = p256 ? KeyType::p256 : KeyType::p384;
  const bool uncompressed = point.size() == 1 + 2 * crypto::coordinate_size(type) && point[0] == 4;
  parameters.require(uncompressed, ErrorCode::invalid_key, offset);
  return type;
}

// RSAPublicKey (RFC 8017 A.1.1); parameters are NULL (RFC 3279 2.3.1).
std::optional<KeyType> rsa_type(der::Cursor& parameters, Bytes key, std::uint32_t offset) noexcept {
  parameters.null();
  parameters.finish();
  der::Cursor in = parameters.inside(key, offset);
  der::Cursor fields = in.open_only(der::kSequence);
  const Bytes modulus = fields.unsigned_integer();
  const Bytes exponent = fields.unsigned_integer();
  fields.finish();
  if (!fields.ok()) return {};
  const bool odd = (modulus.back() & exponent.back() & 1U) != 0;
  const bool one = exponent.size() == 1 && exponent[0] == 1;
  fields.require(odd && !one && exponent.size() <= kMaxExponent, ErrorCode::invalid_key, offset);
  // A modulus of exactly 8n bits has its highest bit set.
  if (modulus[0] < 0x80) return {};
  if (modulus.size() == 256) return KeyType::rsa2048;
  if (modulus.size() == 384) return KeyType::rsa3072;
  if (modulus.size() == 512) return KeyType::rsa4096;
  return {};
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

namespace {

void read_content(const der::Cursor& in, const der::Element& sequence, SubjectPublicKeyInfo& spki) noexcept {
  der::Cursor fields = in.inside(sequence);
  der::Cursor parameters = fields.open(der::kSequence);
  spki.whole = sequence.whole;
  spki.oid = parameters.oid();
  const Bytes key = fields.bit_string_octets();
  fields.finish();
  const auto offset = fields.offset() - static_cast<std::uint32_t>(key.size());
  std::optional<KeyType> type;
  if (equal(spki.oid, oid::kEcPublicKey)) {
    type = ec_type(parameters, key, offset);
  } else if (!kEcdsaOnly && equal(spki.oid, oid::kRsaEncryption)) {
    type = rsa_type(parameters, key, offset);
  } else if (!kEcdsaOnly && equal(spki.oid, oid::kEd25519)) {
    parameters.finish();  // RFC 8410 3: absent
    parameters.require(key.size() == 32, ErrorCode::invalid_key, offset);
    type = KeyType::ed25519;
  } else {
    check_unknown_parameters(parameters);
  }
  if (type) spki.key.emplace(*type, key);
}

}  // namespace

void read_spki(der::Cursor& in, SubjectPublicKeyInfo& out) noexcept {
  read_content(in, in.read(der::kSequence), out);
}

Result<SubjectPublicKeyInfo> parse_spki(Bytes der, std::uint32_t base) noexcept {
  Reader in(der, base);
  return der::read_with_cursor(in, [](der::Cursor& cursor) {
    const der::Element sequence = cursor.read(der::kSequence);
    cursor.finish();
    SubjectPublicKeyInfo spki;
    read_content(cursor, sequence, spki);
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

Result<void> verify_signature(const crypto::Crypto& crypto, const SubjectPublicKeyInfo& key,
                              const SignedObject& object) noexcept {
  const AlgorithmIdentifier& algorithm = object.algorithm;
  if (is_weak(algorithm.oid)) return fail(ErrorCode::weak_algorithm);
  if (!algorithm.signature || !key.key) return fail(ErrorCode::unsupported_algorithm);
  std::array<std::uint8_t, 96> buffer;
  Bytes raw = object.signature;
  if (algorithm.signature->scheme == Scheme::ecdsa) {
    const KeyType type = key.key->type;
    if (type != KeyType::p256 && type != KeyType::p384) return fail(ErrorCode::wrong_key_type);
    const auto converted = der::ecdsa_to_raw(object.signature, crypto::coordinate_size(type), buffer);
    if (!converted) return fail(ErrorCode::invalid_signature, converted.error().offset);
    raw = *converted;
  }
  return crypto.verify(*key.key, *algorithm.signature, object.to_be_signed, raw);
}

Result<void> verify_signature(const crypto::Crypto& crypto, const SubjectPublicKeyInfo& key,
                              const AlgorithmIdentifier& algorithm, Bytes message, Bytes signature) noexcept {
  return verify_signature(crypto, key, {message, algorithm, signature});
}

}  // namespace pedigree::x509
