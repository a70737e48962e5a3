// SPDX-License-Identifier: Apache-2.0
#include "crypto/openssl/rsa.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include "core/crypto/rsa_key.h"
#include "crypto/openssl/sign_failure.h"

namespace pedigree::crypto::openssl {
namespace {

/// OpenSSL takes numbers in the machine's order.
OSSL_PARAM number_parameter(const char* name, MutableBytes number) noexcept {
  if constexpr (std::endian::native == std::endian::little) std::reverse(number.begin(), number.end());
  return OSSL_PARAM_construct_BN(name, number.data(), number.size());
}

Key load(const RsaPublicKey& key) noexcept {
  std::array<std::uint8_t, 512> modulus;
  std::array<std::uint8_t, 4> exponent;
  std::copy(key.modulus.begin(), key.modulus.end(), modulus.begin());
  std::copy(key.exponent.begin(), key.exponent.end(), exponent.begin());
  OSSL_PARAM parameters[] = {
      number_parameter(OSSL_PKEY_PARAM_RSA_N, MutableBytes(modulus).first(key.modulus.size())),
      number_parameter(OSSL_PKEY_PARAM_RSA_E, MutableBytes(exponent).first(key.exponent.size())),
      OSSL_PARAM_construct_end()};
  const KeyContext maker(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* loaded = nullptr;
  if (maker == nullptr || EVP_PKEY_fromdata_init(maker.get()) != 1 ||
      EVP_PKEY_fromdata(maker.get(), &loaded, EVP_PKEY_PUBLIC_KEY, parameters) != 1) {
    return nullptr;
  }
  return Key(loaded);
}

/// Padding and digest, on a context initialised for signing or verifying.
bool configure(EVP_PKEY_CTX* context, SignatureAlgorithm algorithm) noexcept {
  const EVP_MD* digest = ThreadState::get().digest(algorithm.hash);
  const bool pss = algorithm.scheme == Scheme::rsa_pss;
  return EVP_PKEY_CTX_set_rsa_padding(context, pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) == 1 &&
         EVP_PKEY_CTX_set_signature_md(context, digest) == 1 &&
         (!pss || EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1);
}

}  // namespace

Result<void> rsa_verify(const PublicKey& key, SignatureAlgorithm algorithm, Bytes digest,
                        Bytes signature) noexcept {
  PEDIGREE_ASSIGN(const RsaPublicKey numbers, parse_rsa_public_key(key));
  const Key loaded = load(numbers);
  const KeyContext context(loaded ? EVP_PKEY_CTX_new_from_pkey(nullptr, loaded.get(), nullptr) : nullptr);
  if (context == nullptr || EVP_PKEY_verify_init(context.get()) != 1 ||
      !configure(context.get(), algorithm)) {
    ERR_clear_error();
    return fail(ErrorCode::crypto_failure);
  }
  if (EVP_PKEY_verify(context.get(), signature.data(), signature.size(), digest.data(), digest.size()) != 1) {
    ERR_clear_error();
    return fail(ErrorCode::invalid_signature);
  }
  return {};
}

Result<void> rsa_sign(EVP_PKEY* key, SignatureAlgorithm algorithm, Bytes digest, MutableBytes out) noexcept {
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  std::size_t size = out.size();
  if (context == nullptr || EVP_PKEY_sign_init(context.get()) != 1 || !configure(context.get(), algorithm) ||
      EVP_PKEY_sign(context.get(), out.data(), &size, digest.data(), digest.size()) != 1 ||
      size != out.size()) {
    return fail(take_sign_failure());
  }
  return {};
}

}  // namespace pedigree::crypto::openssl
