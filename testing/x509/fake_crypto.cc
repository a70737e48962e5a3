// SPDX-License-Identifier: Apache-2.0
#include "testing/x509/fake_crypto.h"

#include "core/der/der.h"

namespace pedigree::testing {
namespace {

using crypto::KeyType;
using crypto::Scheme;

// FNV-1a, stretched by a generator: different inputs give different octets, which is all that tests need.
class Checksum {
 public:
  void add(Bytes octets) noexcept {
    for (const std::uint8_t octet : octets) state_ = (state_ ^ octet) * 0x100000001b3U;
  }
  void fill(MutableBytes out) noexcept {
    for (std::uint8_t& octet : out) {
      state_ = state_ * 6364136223846793005U + 1442695040888963407U;
      octet = static_cast<std::uint8_t>(state_ >> 56U);
    }
  }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325U;
};

bool belongs(KeyType type, Scheme scheme) noexcept {
  if (type == KeyType::p256 || type == KeyType::p384) return scheme == Scheme::ecdsa;
  if (type == KeyType::ed25519) return scheme == Scheme::eddsa;
  return scheme == Scheme::rsa_pkcs1 || scheme == Scheme::rsa_pss;
}

void make_signature(Bytes key, crypto::SignatureAlgorithm algorithm, Bytes message,
                    MutableBytes out) noexcept {
  Checksum sum;
  const std::uint8_t how[] = {static_cast<std::uint8_t>(algorithm.scheme),
                              static_cast<std::uint8_t>(algorithm.hash)};
  sum.add(how);
  sum.add(key);
  sum.add(message);
  sum.fill(out);
}

class Running final : public crypto::RunningDigest {
 public:
  Running(const Checksum& sum, std::size_t size) noexcept : sum_(sum), size_(size) {}
  [[nodiscard]] Result<void> value(MutableBytes out) const noexcept override {
    if (out.size() < size_) return fail(ErrorCode::buffer_too_small);
    Checksum copy = sum_;
    copy.fill(out.first(size_));
    return {};
  }

 private:
  const Checksum& sum_;
  std::size_t size_;
};

// RSAPublicKey with an odd modulus of the full size.
void write_rsa_key(Checksum& sum, std::size_t size, der::Builder& out) noexcept {
  std::array<std::uint8_t, 512> modulus{};
  const MutableBytes used = MutableBytes(modulus).first(size);
  sum.fill(used);
  used.front() |= 0x80U;
  used.back() |= 1U;
  const std::size_t sequence = out.open(der::kSequence);
  out.unsigned_integer(used);
  out.integer(65537);
  out.close(sequence);
}

}  // namespace

Result<void> FakeCrypto::digest(crypto::Hash hash, std::span<const Bytes> parts,
                                MutableBytes out) const noexcept {
  if (out.size() < crypto::digest_size(hash)) return fail(ErrorCode::buffer_too_small);
  Checksum sum;
  for (const Bytes part : parts) sum.add(part);
  sum.fill(out.first(crypto::digest_size(hash)));
  return {};
}

Result<void> FakeCrypto::digest(crypto::Hash hash, crypto::PieceSource& source,
                                MutableBytes out) const noexcept {
  if (out.size() < crypto::digest_size(hash)) return fail(ErrorCode::buffer_too_small);
  Checksum sum;
  const Running running(sum, crypto::digest_size(hash));
  while (true) {
    PEDIGREE_ASSIGN(const Bytes piece, source.next(running));
    if (piece.empty()) break;
    sum.add(piece);
  }
  sum.fill(out.first(crypto::digest_size(hash)));
  return {};
}

Result<Sha256> FakeCrypto::hmac_sha256(Bytes key, std::span<const Bytes> parts) const noexcept {
  Checksum sum;
  sum.add(key);
  for (const Bytes part : parts) sum.add(part);
  Sha256 value{};
  sum.fill(value);
  return value;
}

Result<void> FakeCrypto::verify(const crypto::PublicKey& key, crypto::SignatureAlgorithm algorithm,
                                Bytes message, Bytes signature) const noexcept {
  std::array<std::uint8_t, crypto::kMaxDigestSize> buffer{};
  PEDIGREE_TRY(digest(crypto::Hash::sha256, {&message, 1}, buffer));
  return verify_digest(key, algorithm, Bytes(buffer).first(32), signature);
}

Result<void> FakeCrypto::verify_digest(const crypto::PublicKey& key, crypto::SignatureAlgorithm algorithm,
                                       Bytes digest, Bytes signature) const noexcept {
  ++verifications_;
  if (!belongs(key.type, algorithm.scheme)) return fail(ErrorCode::wrong_key_type);
  PEDIGREE_TRY(check_public_key(key));
  std::array<std::uint8_t, crypto::kMaxSignatureSize> buffer{};
  const MutableBytes expected = MutableBytes(buffer).first(crypto::signature_size(key.type));
  make_signature(key.key, algorithm, digest, expected);
  if (!equal(expected, signature)) return fail(ErrorCode::invalid_signature);
  return {};
}

// A curve key of which every coordinate octet is 0xff is this back end's point off the curve.
Result<void> FakeCrypto::check_public_key(const crypto::PublicKey& key) const noexcept {
  const bool curve = key.type == KeyType::p256 || key.type == KeyType::p384;
  if (!curve) return {};
  for (const std::uint8_t octet : key.key.subspan(1)) {
    if (octet != 0xff) return {};
  }
  return fail(ErrorCode::invalid_key);
}

Result<Bytes> FakeCrypto::sign(const crypto::PrivateKey& key, crypto::SignatureAlgorithm algorithm,
                               Bytes message, MutableBytes out) const noexcept {
  std::array<std::uint8_t, crypto::kMaxDigestSize> buffer{};
  PEDIGREE_TRY(digest(crypto::Hash::sha256, {&message, 1}, buffer));
  return sign_digest(key, algorithm, Bytes(buffer).first(32), out);
}

Result<Bytes> FakeCrypto::sign_digest(const crypto::PrivateKey& key, crypto::SignatureAlgorithm algorithm,
                                      Bytes digest, MutableBytes out) const noexcept {
  if (!belongs(key.type, algorithm.scheme)) return fail(ErrorCode::wrong_key_type);
  if (out.size() < crypto::signature_size(key.type)) return fail(ErrorCode::buffer_too_small);
  std::array<std::uint8_t, crypto::kMaxPublicKeySize> buffer{};
  PEDIGREE_ASSIGN(const crypto::PublicKey pub, public_key(key, buffer));
  const MutableBytes signature = out.first(crypto::signature_size(key.type));
  make_signature(pub.key, algorithm, digest, signature);
  return Bytes(signature);
}

Result<crypto::PublicKey> FakeCrypto::public_key(const crypto::PrivateKey& key,
                                                 MutableBytes out) const noexcept {
  Checksum sum;
  std::array<std::uint8_t, 8> handle{};
  for (std::size_t i = 0; i < 8; ++i)
    handle[i] = static_cast<std::uint8_t>(std::uint64_t{key.handle} >> 8 * i);
  sum.add(handle);
  Writer writer(out);
  der::Builder builder(writer);
  std::array<std::uint8_t, 96> octets{};
  switch (key.type) {
    case KeyType::p256:
    case KeyType::p384:
      writer.u8(4);
      sum.fill(octets);
      writer.bytes(Bytes(octets).first(key.type == KeyType::p256 ? 64 : 96));
      break;
    case KeyType::ed25519:
      sum.fill(octets);
      writer.bytes(Bytes(octets).first(32));
      break;
    default:
      write_rsa_key(sum, crypto::signature_size(key.type), builder);
      break;
  }
  PEDIGREE_ASSIGN(const Bytes written, writer.finish());
  return crypto::PublicKey{key.type, written};
}

Result<void> FakeCrypto::random(MutableBytes out) const noexcept {
  Checksum().fill(out);
  return {};
}

}  // namespace pedigree::testing
