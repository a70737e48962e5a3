// SPDX-License-Identifier: Apache-2.0
#include "crypto/shares/shares.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <memory>
#include <mutex>

extern "C" {
#include <libgfshare.h>
}

namespace pedigree::shares {
namespace {

constexpr std::array<std::uint8_t, 4> kMagic{'P', 'K', 'S', '1'};
constexpr std::size_t kSaltAt = 4 + 16 + 2;
constexpr std::size_t kNonceAt = kSaltAt + 16;
constexpr std::size_t kTextAt = kNonceAt + 12;
constexpr std::size_t kTagAt = kTextAt + kSecretSize;

constexpr std::uint64_t kScryptN = 65536;
constexpr std::uint64_t kScryptR = 8;
constexpr std::uint64_t kScryptP = 1;
constexpr std::uint64_t kScryptMemory = std::uint64_t{128} * 1024 * 1024;

struct ContextEnd {
  void operator()(gfshare_ctx* context) const noexcept { gfshare_ctx_free(context); }
};
using Context = std::unique_ptr<gfshare_ctx, ContextEnd>;

struct CipherEnd {
  void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, CipherEnd>;

/// Whether all of a split's random octets came; the library's callback cannot say it.
bool& random_failed() {
  static thread_local bool failed = false;
  return failed;
}

void fill_random(unsigned char* out, unsigned int size) {
  if (RAND_bytes(out, static_cast<int>(size)) != 1) random_failed() = true;
}

/// Until it is set the library has no source of random numbers; its own one is not for secrets.
void use_our_random() {
  static std::once_flag once;
  std::call_once(once, [] { gfshare_fill_rand = fill_random; });
}

bool derive(std::string_view passphrase, Bytes salt, MutableBytes key) {
  return EVP_PBE_scrypt(passphrase.data(), passphrase.size(), salt.data(), salt.size(), kScryptN, kScryptR,
                        kScryptP, kScryptMemory, key.data(), key.size()) == 1;
}

}  // namespace

Result<std::vector<Share>> split(std::span<const std::uint8_t, kSecretSize> secret, std::uint8_t threshold,
                                 std::uint8_t count) {
  if (threshold < 2 || threshold > count || count > kMaxShares) return fail(ErrorCode::bad_value);
  use_our_random();
  random_failed() = false;
  std::array<unsigned char, kMaxShares> numbers{};
  for (std::uint8_t i = 0; i < count; ++i) numbers.at(i) = static_cast<unsigned char>(i + 1);
  SetId set{};
  if (RAND_bytes(set.data(), static_cast<int>(set.size())) != 1) return fail(ErrorCode::no_entropy);
  const Context context(gfshare_ctx_init_enc(numbers.data(), count, threshold, kSecretSize));
  if (!context) return fail(ErrorCode::crypto_failure);
  std::array<std::uint8_t, kSecretSize> copy{};
  std::ranges::copy(secret, copy.begin());
  gfshare_ctx_enc_setsecret(context.get(), copy.data());
  wipe(copy);
  std::vector<Share> made(count);
  for (std::uint8_t i = 0; i < count; ++i) {
    Share& share = made.at(i);
    share.set = set;
    share.threshold = threshold;
    share.index = numbers.at(i);
    gfshare_ctx_enc_getshare(context.get(), i, share.octets.data());
  }
  if (random_failed()) return fail(ErrorCode::no_entropy);
  return made;
}

Result<void> join(std::span<const Share> shares, std::span<std::uint8_t, kSecretSize> secret) {
  if (shares.empty() || shares.size() > kMaxShares || shares.size() < shares.front().threshold) {
    return fail(ErrorCode::bad_value);
  }
  use_our_random();
  std::array<unsigned char, kMaxShares> numbers{};
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const Share& share = shares[i];
    if (share.set != shares.front().set || share.threshold != shares.front().threshold) {
      return fail(ErrorCode::key_mismatch, static_cast<std::uint32_t>(i));
    }
    if (share.index == 0 || std::find(numbers.begin(), numbers.end(), share.index) != numbers.end()) {
      return fail(ErrorCode::bad_value, static_cast<std::uint32_t>(i));
    }
    numbers.at(i) = share.index;
  }
  const Context context(
      gfshare_ctx_init_dec(numbers.data(), static_cast<unsigned int>(shares.size()), kSecretSize));
  if (!context) return fail(ErrorCode::crypto_failure);
  for (std::size_t i = 0; i < shares.size(); ++i) {
    Share copy = shares[i];  // the library takes what it only reads as writable
    gfshare_ctx_dec_giveshare(context.get(), static_cast<unsigned char>(i), copy.octets.data());
  }
  gfshare_ctx_dec_extract(context.get(), secret.data());
  return {};
}

Result<std::array<std::uint8_t, kSealedSize>> seal(const Share& share, std::string_view passphrase) {
  if (passphrase.empty()) return fail(ErrorCode::bad_value);
  std::array<std::uint8_t, kSealedSize> out{};
  std::ranges::copy(kMagic, out.begin());
  std::ranges::copy(share.set, out.begin() + 4);
  out[20] = share.threshold;
  out[21] = share.index;
  if (RAND_bytes(out.data() + kSaltAt, static_cast<int>(kTextAt - kSaltAt)) != 1) {
    return fail(ErrorCode::no_entropy);
  }
  SecretArray<32> key;
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int size = 0;
  const bool done =
      cipher && derive(passphrase, Bytes(out).subspan(kSaltAt, 16), key.span()) &&
      EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.span().data(),
                         out.data() + kNonceAt) == 1 &&
      EVP_EncryptUpdate(cipher.get(), nullptr, &size, out.data(), static_cast<int>(kTextAt)) == 1 &&
      EVP_EncryptUpdate(cipher.get(), out.data() + kTextAt, &size, share.octets.data(),
                        static_cast<int>(kSecretSize)) == 1 &&
      EVP_EncryptFinal_ex(cipher.get(), out.data() + kTagAt, &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, 16, out.data() + kTagAt) == 1;
  if (done) return out;
  ERR_clear_error();
  return fail(ErrorCode::crypto_failure);
}

Result<Share> open(Bytes sealed, std::string_view passphrase) {
  if (sealed.size() != kSealedSize || !equal(sealed.first(4), kMagic)) return fail(ErrorCode::bad_value);
  Share share;
  std::ranges::copy(sealed.subspan(4, share.set.size()), share.set.begin());
  share.threshold = sealed[20];
  share.index = sealed[21];
  if (share.threshold < 2 || share.index == 0 || share.index > kMaxShares) return fail(ErrorCode::bad_value);
  SecretArray<32> key;
  const Cipher cipher(EVP_CIPHER_CTX_new());
  if (!cipher || !derive(passphrase, sealed.subspan(kSaltAt, 16), key.span())) {
    ERR_clear_error();
    return fail(ErrorCode::crypto_failure);
  }
  std::array<std::uint8_t, 16> tag{};
  std::ranges::copy(sealed.subspan(kTagAt), tag.begin());
  int size = 0;
  std::array<std::uint8_t, 16> rest{};
  const bool done =
      EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.span().data(),
                         sealed.data() + kNonceAt) == 1 &&
      EVP_DecryptUpdate(cipher.get(), nullptr, &size, sealed.data(), static_cast<int>(kTextAt)) == 1 &&
      EVP_DecryptUpdate(cipher.get(), share.octets.data(), &size, sealed.data() + kTextAt,
                        static_cast<int>(kSecretSize)) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, 16, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), rest.data(), &size) == 1;
  ERR_clear_error();
  if (!done) return fail(ErrorCode::wrong_passphrase);
  return share;
}

}  // namespace pedigree::shares
