// SPDX-License-Identifier: Apache-2.0
// OpenSSL 3.0 marks methods of keys as deprecated, but in Debian 12 nothing else takes a key from outside.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "crypto/openssl/token_key.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "core/crypto/rsa_key.h"
#include "crypto/openssl/handles.h"
#include "crypto/openssl/sign_failure.h"

namespace pedigree::crypto {
namespace {

using openssl::BigNumber;
using openssl::Deleter;
using pkcs11::Mechanism;
using pkcs11::TokenKey;
using CurveKey = std::unique_ptr<EC_KEY, Deleter<EC_KEY_free>>;
using RsaKey = std::unique_ptr<RSA, Deleter<RSA_free>>;
using CurveSignature = std::unique_ptr<ECDSA_SIG, Deleter<ECDSA_SIG_free>>;

void free_key(void* /*parent*/, void* key, CRYPTO_EX_DATA* /*data*/, int /*index*/, long /*number*/,
              void* /*context*/) {
  delete static_cast<TokenKey*>(key);
}

int curve_index() {
  static const int index = EC_KEY_get_ex_new_index(0, nullptr, nullptr, nullptr, free_key);
  return index;
}

int rsa_index() {
  static const int index = RSA_get_ex_new_index(0, nullptr, nullptr, nullptr, free_key);
  return index;
}

ECDSA_SIG* sign_on_curve(const unsigned char* digest, int size, const BIGNUM* /*inverse*/,
                         const BIGNUM* /*r*/, EC_KEY* key) {
  auto* const token = static_cast<TokenKey*>(EC_KEY_get_ex_data(key, curve_index()));
  std::array<std::uint8_t, kMaxSignatureSize> raw;  // NOLINT: what is read was written
  const auto signed_size = token->sign(Mechanism::ecdsa, Bytes(digest, static_cast<std::size_t>(size)), raw);
  if (!signed_size) {
    openssl::raise_sign_failure(signed_size.error().code);
    return nullptr;
  }
  const std::size_t half = *signed_size / 2;
  CurveSignature signature(ECDSA_SIG_new());
  BigNumber r(BN_bin2bn(raw.data(), static_cast<int>(half), nullptr));
  BigNumber s(BN_bin2bn(raw.data() + half, static_cast<int>(half), nullptr));
  if (!signature || !r || !s || ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) return nullptr;
  (void)r.release();
  (void)s.release();
  if (ECDSA_do_verify(digest, size, signature.get(), key) != 1) {
    openssl::raise_sign_failure(ErrorCode::crypto_failure);
    return nullptr;
  }
  return signature.release();
}

int sign_by_rsa(int size, const unsigned char* input, unsigned char* output, RSA* key, int padding) {
  auto* const token = static_cast<TokenKey*>(RSA_get_ex_data(key, rsa_index()));
  if (padding != RSA_PKCS1_PADDING && padding != RSA_NO_PADDING) {
    openssl::raise_sign_failure(ErrorCode::unsupported_algorithm);
    return -1;
  }
  const Bytes message(input, static_cast<std::size_t>(size));
  const auto octets = static_cast<std::size_t>(RSA_size(key));
  const auto done = token->sign(padding == RSA_NO_PADDING ? Mechanism::rsa_raw : Mechanism::rsa_pkcs1,
                                message, {output, octets});
  if (!done) {
    openssl::raise_sign_failure(done.error().code);
    return -1;
  }
  std::array<std::uint8_t, kMaxSignatureSize> opened;  // NOLINT: what is read was written
  const int opened_size =
      *done == octets ? RSA_public_decrypt(static_cast<int>(octets), output, opened.data(), key, padding)
                      : -1;
  if (opened_size != size || !equal(Bytes(opened).first(message.size()), message)) {
    openssl::raise_sign_failure(ErrorCode::crypto_failure);
    return -1;
  }
  return static_cast<int>(octets);
}

const EC_KEY_METHOD* curve_method() {
  // Lives until the program ends, as keys may.
  static EC_KEY_METHOD* const method = [] {
    EC_KEY_METHOD* made = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
    if (made == nullptr) return made;
    int (*sign)(int, const unsigned char*, int, unsigned char*, unsigned int*, const BIGNUM*, const BIGNUM*,
                EC_KEY*) = nullptr;
    EC_KEY_METHOD_get_sign(made, &sign, nullptr, nullptr);
    EC_KEY_METHOD_set_sign(made, sign, nullptr, sign_on_curve);
    return made;
  }();
  return method;
}

const RSA_METHOD* rsa_method() {
  static RSA_METHOD* const method = [] {
    RSA_METHOD* made = RSA_meth_dup(RSA_get_default_method());
    if (made != nullptr) RSA_meth_set_priv_enc(made, sign_by_rsa);
    return made;
  }();
  return method;
}

EVP_PKEY* wrap_curve(std::unique_ptr<TokenKey>& token) {
  const pkcs11::PublicHalf& half = token->public_half();
  CurveKey key(EC_KEY_new_by_curve_name(half.type == KeyType::p384 ? NID_secp384r1 : NID_X9_62_prime256v1));
  openssl::Key wrapped(EVP_PKEY_new());
  if (!key || !wrapped || curve_method() == nullptr ||
      EC_KEY_oct2key(key.get(), half.point.data(), half.point.size(), nullptr) != 1 ||
      EC_KEY_check_key(key.get()) != 1 || EC_KEY_set_method(key.get(), curve_method()) != 1 ||
      EC_KEY_set_ex_data(key.get(), curve_index(), token.get()) != 1) {
    return nullptr;
  }
  (void)token.release();  // the key's from here on
  return EVP_PKEY_set1_EC_KEY(wrapped.get(), key.get()) == 1 ? wrapped.release() : nullptr;
}

EVP_PKEY* wrap_rsa(std::unique_ptr<TokenKey>& token) {
  const pkcs11::PublicHalf& half = token->public_half();
  RsaKey key(RSA_new());
  openssl::Key wrapped(EVP_PKEY_new());
  BigNumber modulus(BN_bin2bn(half.modulus.data(), static_cast<int>(half.modulus.size()), nullptr));
  BigNumber exponent(BN_bin2bn(half.exponent.data(), static_cast<int>(half.exponent.size()), nullptr));
  if (!key || !wrapped || !modulus || !exponent || rsa_method() == nullptr ||
      RSA_set0_key(key.get(), modulus.get(), exponent.get(), nullptr) != 1) {
    return nullptr;
  }
  (void)modulus.release();
  (void)exponent.release();
  if (RSA_set_method(key.get(), rsa_method()) != 1 ||
      RSA_set_ex_data(key.get(), rsa_index(), token.get()) != 1) {
    return nullptr;
  }
  (void)token.release();
  return EVP_PKEY_set1_RSA(wrapped.get(), key.get()) == 1 ? wrapped.release() : nullptr;
}

Result<OpenSslKey> wrap(std::unique_ptr<TokenKey> token) {
  const bool rsa = !token->public_half().modulus.empty();
  EVP_PKEY* const key = rsa ? wrap_rsa(token) : wrap_curve(token);
  if (key == nullptr) {
    ERR_clear_error();
    return fail(ErrorCode::invalid_key);
  }
  return OpenSslKey::adopt(key);
}

Result<pkcs11::PublicHalf> public_half(const PublicKey& key) {
  pkcs11::PublicHalf half;
  half.type = key.type;
  if (key.type == KeyType::ed25519) return fail(ErrorCode::key_mismatch);
  if (key.type == KeyType::p256 || key.type == KeyType::p384) {
    half.point.assign(key.key.begin(), key.key.end());
    return half;
  }
  PEDIGREE_ASSIGN(const RsaPublicKey numbers, parse_rsa_public_key(key));
  half.modulus.assign(numbers.modulus.begin(), numbers.modulus.end());
  half.exponent.assign(numbers.exponent.begin(), numbers.exponent.end());
  return half;
}

}  // namespace

Result<OpenSslKey> open_token_key(const pkcs11::Uri& uri, std::string_view pin,
                                  const pkcs11::Limits& limits) {
  PEDIGREE_ASSIGN(auto token, TokenKey::open(uri, pin, limits));
  return wrap(std::move(token));
}

Result<OpenSslKey> expect_token_key(const pkcs11::Uri& uri, std::string_view pin, const PublicKey& expected,
                                    const pkcs11::Limits& limits) {
  PEDIGREE_ASSIGN(auto half, public_half(expected));
  PEDIGREE_ASSIGN(auto token, TokenKey::expect(uri, pin, std::move(half), limits));
  return wrap(std::move(token));
}

pkcs11::TokenKey* token_of(const OpenSslKey& key) noexcept {
  switch (EVP_PKEY_get_base_id(key.get())) {
    case EVP_PKEY_EC:
      return static_cast<TokenKey*>(EC_KEY_get_ex_data(EVP_PKEY_get0_EC_KEY(key.get()), curve_index()));
    case EVP_PKEY_RSA:
      return static_cast<TokenKey*>(RSA_get_ex_data(EVP_PKEY_get0_RSA(key.get()), rsa_index()));
    default:
      return nullptr;
  }
}

}  // namespace pedigree::crypto
