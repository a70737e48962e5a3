// SPDX-License-Identifier: Apache-2.0
// Private keys of the host: made, read from and written to PKCS#8 PEM (RFC 5958, RFC 7468 10 and 11).
#pragma once

#include <string>

#include "core/crypto/crypto.h"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace pedigree::crypto {

/// Owns a private key; its memory is wiped when the last owner lets go.
class OpenSslKey {
 public:
  /// Errors: unsupported_algorithm, crypto_failure.
  [[nodiscard]] static Result<OpenSslKey> generate(KeyType type);

  /// Reads the first private key in `pem`: PKCS#8, encrypted or not, or OpenSSL's older forms. An empty
  /// `passphrase` stands for none. The public half must belong to the private one.
  /// Errors: bad_pem, wrong_passphrase, unsupported_algorithm (type or size outside KeyType), invalid_key.
  [[nodiscard]] static Result<OpenSslKey> from_pem(std::string_view pem, std::string_view passphrase);

  /// Takes over an EVP_PKEY, also one of an engine; on failure it is freed. Errors: unsupported_algorithm.
  [[nodiscard]] static Result<OpenSslKey> adopt(evp_pkey_st* key);

  /// PKCS#8 PEM. With a passphrase it is encrypted by AES-256-CBC with a key from scrypt (RFC 7914; N 16384,
  /// r 8, p 5). Without one the text is the secret: the caller wipes it. Errors: crypto_failure.
  [[nodiscard]] Result<std::string> to_pem(std::string_view passphrase) const;

  OpenSslKey(OpenSslKey&& other) noexcept;
  OpenSslKey& operator=(OpenSslKey&& other) noexcept;
  OpenSslKey(const OpenSslKey&) = delete;
  OpenSslKey& operator=(const OpenSslKey&) = delete;
  ~OpenSslKey();

  /// For Crypto::sign and public_key; valid as long as this object.
  [[nodiscard]] PrivateKey view() const noexcept { return {type_, reinterpret_cast<std::uintptr_t>(key_)}; }
  [[nodiscard]] KeyType type() const noexcept { return type_; }
  /// Borrowed, for OpenSSL's own interfaces such as TLS.
  [[nodiscard]] evp_pkey_st* get() const noexcept { return key_; }

 private:
  OpenSslKey(evp_pkey_st* key, KeyType type) noexcept : key_(key), type_(type) {}
  evp_pkey_st* key_;
  KeyType type_;
};

}  // namespace pedigree::crypto
