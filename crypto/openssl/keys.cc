// SPDX-License-Identifier: Apache-2.0
#include "crypto/openssl/keys.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>

#include <array>
#include <optional>
#include <utility>

#include "crypto/openssl/handles.h"

namespace pedigree::crypto {
namespace {

using openssl::Key;

constexpr std::uint64_t kScryptN = 16384;
constexpr std::uint64_t kScryptR = 8;
constexpr std::uint64_t kScryptP = 5;

/// The contract's type of a key, by its curve's name or its modulus.
std::optional<KeyType> type_of(const EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "ED25519") == 1) return KeyType::ed25519;
  if (EVP_PKEY_is_a(key, "RSA") == 1) {
    switch (EVP_PKEY_get_bits(key)) {
      case 2048:
        return KeyType::rsa2048;
      case 3072:
        return KeyType::rsa3072;
      case 4096:
        return KeyType::rsa4096;
      default:
        return std::nullopt;
    }
  }
  std::array<char, 64> group{};
  std::size_t size = 0;
  if (EVP_PKEY_is_a(key, "EC") != 1 ||
      EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size(), &size) !=
          1) {
    return std::nullopt;
  }
  const std::string_view name(group.data(), size);
  if (name == "prime256v1" || name == "P-256") return KeyType::p256;
  if (name == "secp384r1" || name == "P-384") return KeyType::p384;
  return std::nullopt;
}

EVP_PKEY* generate_key(KeyType type) {
  switch (type) {
    case KeyType::p256:
      return EVP_EC_gen("P-256");
    case KeyType::p384:
      return EVP_EC_gen("P-384");
    case KeyType::ed25519:
      return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
    case KeyType::rsa2048:
      return EVP_RSA_gen(2048);
    case KeyType::rsa3072:
      return EVP_RSA_gen(3072);
    case KeyType::rsa4096:
      return EVP_RSA_gen(4096);
  }
  return nullptr;
}

struct PassphraseRequest {
  std::string_view passphrase;
  bool asked = false;
};

/// PEM's callback: OpenSSL would otherwise ask on the terminal.
int give_passphrase(char* buffer, int size, int /*for_writing*/, void* context) {
  auto& request = *static_cast<PassphraseRequest*>(context);
  request.asked = true;
  if (request.passphrase.empty() || std::cmp_greater(request.passphrase.size(), size)) return -1;
  std::copy(request.passphrase.begin(), request.passphrase.end(), buffer);
  return static_cast<int>(request.passphrase.size());
}

openssl::Pkcs8 encrypt(PKCS8_PRIV_KEY_INFO* info, std::string_view passphrase) {
  X509_ALGOR* algorithm =
      PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), nullptr, 0, nullptr, kScryptN, kScryptR, kScryptP);
  if (algorithm == nullptr) return nullptr;
  // Takes the algorithm over when it succeeds, and only then.
  X509_SIG* encrypted =
      PKCS8_set0_pbe(passphrase.data(), static_cast<int>(passphrase.size()), info, algorithm);
  if (encrypted == nullptr) X509_ALGOR_free(algorithm);
  return openssl::Pkcs8(encrypted);
}

}  // namespace

Result<OpenSslKey> OpenSslKey::generate(KeyType type) {
  if (name(type) == "unknown key type") return fail(ErrorCode::unsupported_algorithm);
  EVP_PKEY* key = generate_key(type);
  if (key == nullptr) {
    ERR_clear_error();
    return fail(ErrorCode::crypto_failure);
  }
  return OpenSslKey(key, type);
}

Result<OpenSslKey> OpenSslKey::from_pem(std::string_view pem, std::string_view passphrase) {
  const openssl::Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (bio == nullptr) return fail(ErrorCode::crypto_failure);
  PassphraseRequest request{passphrase};
  Key key(PEM_read_bio_PrivateKey_ex(bio.get(), nullptr, give_passphrase, &request, nullptr, nullptr));
  ERR_clear_error();
  if (key == nullptr) return fail(request.asked ? ErrorCode::wrong_passphrase : ErrorCode::bad_pem);
  const std::optional<KeyType> type = type_of(key.get());
  if (!type) return fail(ErrorCode::unsupported_algorithm);
  const openssl::KeyContext check(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  const bool matches = check != nullptr && EVP_PKEY_pairwise_check(check.get()) == 1;
  ERR_clear_error();
  if (!matches) return fail(ErrorCode::invalid_key);
  return OpenSslKey(key.release(), *type);
}

Result<OpenSslKey> OpenSslKey::adopt(evp_pkey_st* key) {
  Key owned(key);
  const std::optional<KeyType> type = type_of(owned.get());
  ERR_clear_error();
  if (!type) return fail(ErrorCode::unsupported_algorithm);
  return OpenSslKey(owned.release(), *type);
}

Result<std::string> OpenSslKey::to_pem(std::string_view passphrase) const {
  const openssl::Bio bio(BIO_new(BIO_s_mem()));  // wiped by OpenSSL when it grows and when it is freed
  const openssl::PrivateKeyInfo info(EVP_PKEY2PKCS8(key_));
  bool written = false;
  if (bio != nullptr && info != nullptr) {
    if (passphrase.empty()) {
      written = PEM_write_bio_PKCS8_PRIV_KEY_INFO(bio.get(), info.get()) == 1;
    } else if (const openssl::Pkcs8 encrypted = encrypt(info.get(), passphrase)) {
      written = PEM_write_bio_PKCS8(bio.get(), encrypted.get()) == 1;
    }
  }
  const char* text = nullptr;
  const long size = written ? BIO_get_mem_data(bio.get(), &text) : 0;
  ERR_clear_error();
  if (size <= 0) return fail(ErrorCode::crypto_failure);
  return std::string(text, static_cast<std::size_t>(size));
}

OpenSslKey::OpenSslKey(OpenSslKey&& other) noexcept
    : key_(std::exchange(other.key_, nullptr)), type_(other.type_) {}

OpenSslKey& OpenSslKey::operator=(OpenSslKey&& other) noexcept {
  std::swap(key_, other.key_);
  std::swap(type_, other.type_);
  return *this;
}

OpenSslKey::~OpenSslKey() {
  EVP_PKEY_free(key_);
}

}  // namespace pedigree::crypto
