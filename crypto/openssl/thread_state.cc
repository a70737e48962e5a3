// SPDX-License-Identifier: Apache-2.0
#include "crypto/openssl/thread_state.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

namespace pedigree::crypto::openssl {
namespace {

Curve make_curve(std::string_view group) noexcept {
  // The parameter's type has no const, but fromdata only reads it.
  OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                                              const_cast<char*>(group.data()), group.size()),
                             OSSL_PARAM_construct_end()};
  const KeyContext maker(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  if (maker == nullptr || EVP_PKEY_fromdata_init(maker.get()) != 1 ||
      EVP_PKEY_fromdata(maker.get(), &key, EVP_PKEY_KEY_PARAMETERS, parameters) != 1) {
    return {};
  }
  return {Key(key), KeyContext(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr))};
}

}  // namespace

ThreadState::ThreadState() noexcept
    : digests_{Digest(EVP_MD_fetch(nullptr, "SHA2-256", nullptr)),
               Digest(EVP_MD_fetch(nullptr, "SHA2-384", nullptr)),
               Digest(EVP_MD_fetch(nullptr, "SHA2-512", nullptr))},
      digest_context_(EVP_MD_CTX_new()),
      hmac_(EVP_MAC_fetch(nullptr, "HMAC", nullptr)),
      p256_(make_curve("P-256")),
      p384_(make_curve("P-384")) {}

ThreadState& ThreadState::get() noexcept {
  thread_local ThreadState state;
  return state;
}

Result<void> digest_parts(Hash hash, std::span<const Bytes> parts, MutableBytes out) noexcept {
  const ThreadState& state = ThreadState::get();
  EVP_MD_CTX* context = state.digest_context();
  const EVP_MD* digest = state.digest(hash);
  if (context == nullptr || digest == nullptr || EVP_DigestInit_ex2(context, digest, nullptr) != 1) {
    return fail(ErrorCode::crypto_failure);
  }
  for (const Bytes part : parts) {
    if (EVP_DigestUpdate(context, part.data(), part.size()) != 1) return fail(ErrorCode::crypto_failure);
  }
  if (EVP_DigestFinal_ex(context, out.data(), nullptr) != 1) return fail(ErrorCode::crypto_failure);
  return {};
}

}  // namespace pedigree::crypto::openssl
