// SPDX-License-Identifier: Apache-2.0
#include "crypto/openssl/ed25519.h"

#include <openssl/err.h>

namespace pedigree::crypto::openssl {
namespace {

constexpr std::size_t kKeySize = 32;

/// The field's prime 2^255 - 19 and the curve's constant d (RFC 8032 5.1), made once for each thread.
struct Field {
  BigNumber p = parse("7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed");
  BigNumber d = parse("52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3");
  BigNumberContext context{BN_CTX_new()};

  static BigNumber parse(const char* hex) noexcept {
    BIGNUM* number = nullptr;
    BN_hex2bn(&number, hex);
    return BigNumber(number);
  }
  [[nodiscard]] bool usable() const noexcept { return p != nullptr && d != nullptr && context != nullptr; }
};

enum class Verdict : std::uint8_t { good, bad, failed };

/// On the curve if x^2 = u / v with u = y^2 - 1 and v = d y^2 + 1 has a root (5.1.3), that is u v is a
/// square. x = 0 has order 1 or 2, y = 0 order 4, and doubling to y = 0 (x^2 = -y^2, so d y^4 + 2 y^2 = 1)
/// order 8.
Verdict judge(const BIGNUM* y, const Field& field) noexcept {
  BN_CTX* context = field.context.get();
  const BIGNUM* p = field.p.get();
  const BigNumber y2(BN_new());
  const BigNumber u(BN_new());
  const BigNumber v(BN_new());
  const BigNumber product(BN_new());
  const BigNumber order8(BN_new());
  if (!y2 || !u || !v || !product || !order8) return Verdict::failed;
  const bool computed = BN_mod_sqr(y2.get(), y, p, context) == 1 &&
                        BN_mod_sub(u.get(), y2.get(), BN_value_one(), p, context) == 1 &&
                        BN_mod_mul(v.get(), field.d.get(), y2.get(), p, context) == 1 &&
                        BN_mod_add(v.get(), v.get(), BN_value_one(), p, context) == 1 &&
                        BN_mod_mul(product.get(), u.get(), v.get(), p, context) == 1 &&
                        // d y^4 + 2 y^2 - 1 = y^2 v + u
                        BN_mod_mul(order8.get(), y2.get(), v.get(), p, context) == 1 &&
                        BN_mod_add(order8.get(), order8.get(), u.get(), p, context) == 1;
  if (!computed) return Verdict::failed;
  const int square = BN_kronecker(product.get(), p, context);
  if (square < -1) return Verdict::failed;
  const bool small = BN_is_zero(y) || BN_is_zero(u.get()) || BN_is_zero(order8.get());
  return square == 1 && !small ? Verdict::good : Verdict::bad;
}

}  // namespace

Result<void> check_ed25519_key(Bytes key) noexcept {
  if (key.size() != kKeySize) return fail(ErrorCode::invalid_key);
  thread_local const Field field;
  std::array<std::uint8_t, kKeySize> octets;
  std::copy(key.begin(), key.end(), octets.begin());
  octets.back() &= 0x7fU;  // without the sign of x
  const BigNumber y(BN_lebin2bn(octets.data(), static_cast<int>(octets.size()), nullptr));
  if (!field.usable() || y == nullptr) return fail(ErrorCode::crypto_failure);
  if (BN_cmp(y.get(), field.p.get()) >= 0) return fail(ErrorCode::invalid_key);
  switch (judge(y.get(), field)) {
    case Verdict::good:
      return {};
    case Verdict::bad:
      return fail(ErrorCode::invalid_key);
    case Verdict::failed:
      break;
  }
  ERR_clear_error();
  return fail(ErrorCode::crypto_failure);
}

Result<void> ed25519_verify(Bytes key, Bytes message, Bytes signature) noexcept {
  PEDIGREE_TRY(check_ed25519_key(key));
  const Key loaded(EVP_PKEY_new_raw_public_key_ex(nullptr, "ED25519", nullptr, key.data(), key.size()));
  EVP_MD_CTX* context = ThreadState::get().digest_context();
  if (loaded == nullptr || context == nullptr ||
      EVP_DigestVerifyInit_ex(context, nullptr, nullptr, nullptr, nullptr, loaded.get(), nullptr) != 1) {
    ERR_clear_error();
    return fail(ErrorCode::crypto_failure);
  }
  const int verified =
      EVP_DigestVerify(context, signature.data(), signature.size(), message.data(), message.size());
  EVP_MD_CTX_reset(context);
  if (verified != 1) {
    ERR_clear_error();
    return fail(ErrorCode::invalid_signature);
  }
  return {};
}

Result<void> ed25519_sign(EVP_PKEY* key, Bytes message, MutableBytes out) noexcept {
  // Its own context: the thread's must not keep a reference to a private key.
  const DigestContext context(EVP_MD_CTX_new());
  std::size_t size = out.size();
  if (context == nullptr ||
      EVP_DigestSignInit_ex(context.get(), nullptr, nullptr, nullptr, nullptr, key, nullptr) != 1 ||
      EVP_DigestSign(context.get(), out.data(), &size, message.data(), message.size()) != 1 ||
      size != out.size()) {
    ERR_clear_error();
    return fail(ErrorCode::crypto_failure);
  }
  return {};
}

}  // namespace pedigree::crypto::openssl
