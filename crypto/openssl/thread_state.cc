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

class Running final : public RunningDigest {
 public:
  Running(const EVP_MD_CTX* context, Hash hash) noexcept : context_(context), size_(digest_size(hash)) {}
  [[nodiscard]] Result<void> value(MutableBytes out) const noexcept override {
    if (out.size() < size_) return fail(ErrorCode::buffer_too_small);
    const DigestContext copy(EVP_MD_CTX_new());
    if (copy == nullptr || EVP_MD_CTX_copy_ex(copy.get(), context_) != 1 ||
        EVP_DigestFinal_ex(copy.get(), out.data(), nullptr) != 1) {
      return fail(ErrorCode::crypto_failure);
    }
    return {};
  }

 private:
  const EVP_MD_CTX* context_;
  std::size_t size_;
};

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

Result<void> digest_pieces(Hash hash, PieceSource& source, MutableBytes out) noexcept {
  const DigestContext context(EVP_MD_CTX_new());
  const EVP_MD* digest = ThreadState::get().digest(hash);
  if (context == nullptr || digest == nullptr || EVP_DigestInit_ex2(context.get(), digest, nullptr) != 1) {
    return fail(ErrorCode::crypto_failure);
  }
  const Running running(context.get(), hash);
  while (true) {
    PEDIGREE_ASSIGN(const Bytes piece, source.next(running));
    if (piece.empty()) break;
    if (EVP_DigestUpdate(context.get(), piece.data(), piece.size()) != 1) {
      return fail(ErrorCode::crypto_failure);
    }
  }
  if (EVP_DigestFinal_ex(context.get(), out.data(), nullptr) != 1) return fail(ErrorCode::crypto_failure);
  return {};
}

}  // namespace pedigree::crypto::openssl
