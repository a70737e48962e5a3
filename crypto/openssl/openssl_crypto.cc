// SPDX-License-Identifier: Apache-2.0
#include "crypto/openssl/openssl_crypto.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <limits>

#include "core/crypto/rsa_key.h"
#include "crypto/openssl/ecdsa.h"
#include "crypto/openssl/ed25519.h"
#include "crypto/openssl/rsa.h"

namespace pedigree::crypto {
namespace {

bool is_hash(Hash hash) noexcept {
  return hash == Hash::sha256 || hash == Hash::sha384 || hash == Hash::sha512;
}

/// What must hold before a key is looked at. Errors: wrong_key_type, unsupported_algorithm.
Result<void> check_algorithm(KeyType type, SignatureAlgorithm algorithm) noexcept {
  if (!belong_together(type, algorithm.scheme)) return fail(ErrorCode::wrong_key_type);
  if (algorithm.scheme != Scheme::eddsa && !is_hash(algorithm.hash)) {
    return fail(ErrorCode::unsupported_algorithm);
  }
  return {};
}

/// By a function that keys of engines have too, which have no parameters.
Result<Bytes> export_point(EVP_PKEY* key, KeyType type, MutableBytes out) noexcept {
  const std::size_t size = 1 + 2 * coordinate_size(type);
  if (out.size() < size) return fail(ErrorCode::buffer_too_small);
  unsigned char* point = nullptr;
  const std::size_t written = EVP_PKEY_get1_encoded_public_key(key, &point);
  if (written == size) std::copy_n(point, size, out.begin());
  OPENSSL_free(point);
  if (written != size) return fail(ErrorCode::crypto_failure);
  return Bytes(out).first(size);
}

Result<Bytes> export_ed25519(EVP_PKEY* key, MutableBytes out) noexcept {
  std::size_t size = out.size();
  if (size < 32) return fail(ErrorCode::buffer_too_small);
  if (EVP_PKEY_get_raw_public_key(key, out.data(), &size) != 1) return fail(ErrorCode::crypto_failure);
  return Bytes(out).first(size);
}

Result<Bytes> export_rsa(EVP_PKEY* key, MutableBytes out) noexcept {
  unsigned char* der = nullptr;
  const int size = i2d_PublicKey(key, &der);
  if (size <= 0) return fail(ErrorCode::crypto_failure);
  const auto octets = static_cast<std::size_t>(size);
  const bool fits = octets <= out.size();
  if (fits) std::copy_n(der, octets, out.begin());
  OPENSSL_free(der);
  if (!fits) return fail(ErrorCode::buffer_too_small);
  return Bytes(out).first(octets);
}

// A private key travels as a number, which every back end gives its own meaning (core/crypto/crypto.h).
EVP_PKEY* object_of(const PrivateKey& key) noexcept {
  return reinterpret_cast<EVP_PKEY*>(key.handle);  // NOLINT(performance-no-int-to-ptr)
}

}  // namespace

bool OpenSslCrypto::supports(KeyType type, SignatureAlgorithm algorithm) const noexcept {
  return check_algorithm(type, algorithm).has_value();
}

Result<void> OpenSslCrypto::digest(Hash hash, std::span<const Bytes> parts, MutableBytes out) const noexcept {
  if (!is_hash(hash)) return fail(ErrorCode::crypto_failure);
  if (out.size() < digest_size(hash)) return fail(ErrorCode::buffer_too_small);
  return openssl::digest_parts(hash, parts, out);
}

Result<void> OpenSslCrypto::digest(Hash hash, PieceSource& source, MutableBytes out) const noexcept {
  if (!is_hash(hash)) return fail(ErrorCode::crypto_failure);
  if (out.size() < digest_size(hash)) return fail(ErrorCode::buffer_too_small);
  return openssl::digest_pieces(hash, source, out);
}

Result<Sha256> OpenSslCrypto::hmac_sha256(Bytes key, std::span<const Bytes> parts) const noexcept {
  // A context of its own, freed here, so that the thread keeps no key.
  const openssl::MacContext context(EVP_MAC_CTX_new(openssl::ThreadState::get().hmac()));
  char digest_name[] = "SHA2-256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest_name, sizeof(digest_name) - 1),
      OSSL_PARAM_construct_end()};
  constexpr std::uint8_t kNoKey = 0;  // OpenSSL reads a null pointer as "keep the key"
  if (context == nullptr ||
      EVP_MAC_init(context.get(), key.empty() ? &kNoKey : key.data(), key.size(), parameters) != 1) {
    return fail(ErrorCode::crypto_failure);
  }
  for (const Bytes part : parts) {
    if (EVP_MAC_update(context.get(), part.data(), part.size()) != 1) {
      return fail(ErrorCode::crypto_failure);
    }
  }
  Sha256 value{};
  std::size_t size = 0;
  if (EVP_MAC_final(context.get(), value.data(), &size, value.size()) != 1 || size != value.size()) {
    return fail(ErrorCode::crypto_failure);
  }
  return value;
}

Result<void> OpenSslCrypto::verify(const PublicKey& key, SignatureAlgorithm algorithm, Bytes message,
                                   Bytes signature) const noexcept {
  PEDIGREE_TRY(check_algorithm(key.type, algorithm));
  if (algorithm.scheme == Scheme::eddsa) {
    if (signature.size() == signature_size(key.type)) {
      return openssl::ed25519_verify(key.key, message, signature);
    }
    PEDIGREE_TRY(OpenSslCrypto::check_public_key(key));
    return fail(ErrorCode::invalid_signature);
  }
  std::array<std::uint8_t, kMaxDigestSize> digest;
  PEDIGREE_TRY(openssl::digest_parts(algorithm.hash, {&message, 1}, digest));
  return OpenSslCrypto::verify_digest(key, algorithm, Bytes(digest).first(digest_size(algorithm.hash)),
                                      signature);
}

Result<void> OpenSslCrypto::verify_digest(const PublicKey& key, SignatureAlgorithm algorithm, Bytes digest,
                                          Bytes signature) const noexcept {
  PEDIGREE_TRY(check_algorithm(key.type, algorithm));
  if (algorithm.scheme == Scheme::eddsa) return fail(ErrorCode::unsupported_algorithm);
  if (signature.size() != signature_size(key.type) || digest.size() != digest_size(algorithm.hash)) {
    PEDIGREE_TRY(OpenSslCrypto::check_public_key(key));
    return fail(ErrorCode::invalid_signature);
  }
  if (algorithm.scheme == Scheme::ecdsa) return openssl::ecdsa_verify(key, digest, signature);
  return openssl::rsa_verify(key, algorithm, digest, signature);
}

Result<void> OpenSslCrypto::check_public_key(const PublicKey& key) const noexcept {
  switch (key.type) {
    case KeyType::p256:
    case KeyType::p384:
      return openssl::load_point(key);
    case KeyType::ed25519:
      return openssl::check_ed25519_key(key.key);
    case KeyType::rsa2048:
    case KeyType::rsa3072:
    case KeyType::rsa4096:
      PEDIGREE_TRY(parse_rsa_public_key(key));
      return {};
  }
  return fail(ErrorCode::unsupported_algorithm);
}

Result<Bytes> OpenSslCrypto::sign(const PrivateKey& key, SignatureAlgorithm algorithm, Bytes message,
                                  MutableBytes out) const noexcept {
  PEDIGREE_TRY(check_algorithm(key.type, algorithm));
  if (algorithm.scheme != Scheme::eddsa) {
    std::array<std::uint8_t, kMaxDigestSize> digest;
    PEDIGREE_TRY(openssl::digest_parts(algorithm.hash, {&message, 1}, digest));
    return OpenSslCrypto::sign_digest(key, algorithm, Bytes(digest).first(digest_size(algorithm.hash)), out);
  }
  EVP_PKEY* const handle = object_of(key);
  if (handle == nullptr) return fail(ErrorCode::key_not_found);
  const std::size_t size = signature_size(key.type);
  if (out.size() < size) return fail(ErrorCode::buffer_too_small);
  PEDIGREE_TRY(openssl::ed25519_sign(handle, message, out.first(size)));
  return Bytes(out).first(size);
}

Result<Bytes> OpenSslCrypto::sign_digest(const PrivateKey& key, SignatureAlgorithm algorithm, Bytes digest,
                                         MutableBytes out) const noexcept {
  PEDIGREE_TRY(check_algorithm(key.type, algorithm));
  if (algorithm.scheme == Scheme::eddsa) return fail(ErrorCode::unsupported_algorithm);
  if (digest.size() != digest_size(algorithm.hash)) return fail(ErrorCode::bad_value);
  EVP_PKEY* const handle = object_of(key);
  if (handle == nullptr) return fail(ErrorCode::key_not_found);
  const std::size_t size = signature_size(key.type);
  if (out.size() < size) return fail(ErrorCode::buffer_too_small);
  const MutableBytes signature = out.first(size);
  if (algorithm.scheme == Scheme::ecdsa) {
    PEDIGREE_TRY(openssl::ecdsa_sign(handle, digest, signature));
  } else {
    PEDIGREE_TRY(openssl::rsa_sign(handle, algorithm, digest, signature));
  }
  return signature;
}

Result<PublicKey> OpenSslCrypto::public_key(const PrivateKey& key, MutableBytes out) const noexcept {
  EVP_PKEY* const handle = object_of(key);
  if (handle == nullptr) return fail(ErrorCode::key_not_found);
  Result<Bytes> exported = fail(ErrorCode::crypto_failure);
  if (key.type == KeyType::p256 || key.type == KeyType::p384) {
    exported = export_point(handle, key.type, out);
  } else if (key.type == KeyType::ed25519) {
    exported = export_ed25519(handle, out);
  } else {
    exported = export_rsa(handle, out);
  }
  if (!exported) {
    ERR_clear_error();
    return std::unexpected(exported.error());
  }
  return PublicKey{key.type, *exported};
}

Result<void> OpenSslCrypto::random(MutableBytes out) const noexcept {
  while (!out.empty()) {
    const std::size_t count = std::min<std::size_t>(out.size(), std::numeric_limits<int>::max());
    if (RAND_bytes(out.data(), static_cast<int>(count)) != 1) {
      ERR_clear_error();
      return fail(ErrorCode::no_entropy);
    }
    out = out.subspan(count);
  }
  return {};
}

}  // namespace pedigree::crypto
