// SPDX-License-Identifier: Apache-2.0
// How MCUboot writes keys and signatures.
#include "core/firmware_image/verify.h"

namespace pedigree::image {

using crypto::KeyType;
using crypto::Scheme;

TlvType hash_tlv(crypto::Hash hash) noexcept {
  if (hash == crypto::Hash::sha256) return TlvType::sha256;
  return hash == crypto::Hash::sha384 ? TlvType::sha384 : TlvType::sha512;
}

Result<TlvType> signature_tlv(KeyType type) noexcept {
  switch (type) {
    case KeyType::p256:
    case KeyType::p384:
      return TlvType::ecdsa;
    case KeyType::ed25519:
      return TlvType::ed25519;
    case KeyType::rsa2048:
      return TlvType::rsa2048_pss;
    case KeyType::rsa3072:
      return TlvType::rsa3072_pss;
    case KeyType::rsa4096:
      break;
  }
  return fail(ErrorCode::unsupported_algorithm);
}

Result<Bytes> encode_key(const crypto::PublicKey& key, MutableBytes out) noexcept {
  Writer writer(out);
  if (crypto::belong_together(key.type, Scheme::rsa_pss)) {
    writer.bytes(key.key);
  } else {
    der::Builder builder(writer);
    x509::write_spki(key, builder);
  }
  return writer.finish();
}

Result<void> verify_signature(const crypto::Crypto& crypto, const crypto::PublicKey& key, crypto::Hash hash,
                              Bytes digest, Bytes signature) noexcept {
  switch (key.type) {
    case KeyType::p256:
    case KeyType::p384: {
      std::array<std::uint8_t, 96> buffer{};
      PEDIGREE_ASSIGN(const Bytes raw,
                      der::ecdsa_to_raw(signature, crypto::coordinate_size(key.type), buffer));
      return crypto.verify_digest(key, {Scheme::ecdsa, hash}, digest, raw);
    }
    case KeyType::ed25519:
      if (signature.size() != crypto::signature_size(key.type)) return fail(ErrorCode::bad_value);
      // The digest is the message: Ed25519 itself hashes it once more.
      return crypto.verify(key, {Scheme::eddsa, crypto::Hash::sha512}, digest, signature);
    default:
      if (signature.size() != crypto::signature_size(key.type)) return fail(ErrorCode::bad_value);
      return crypto.verify_digest(key, {Scheme::rsa_pss, hash}, digest, signature);
  }
}

}  // namespace pedigree::image
