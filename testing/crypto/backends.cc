// SPDX-License-Identifier: Apache-2.0
#include "testing/crypto/backends.h"

#include <psa/crypto.h>

#include <array>
#include <stdexcept>
#include <utility>

#include "core/crypto/rsa_key.h"
#include "crypto/openssl/keys.h"
#include "crypto/openssl/openssl_crypto.h"
#include "crypto/psa/psa_crypto.h"

namespace pedigree::testing {
namespace {

using crypto::KeyType;
using crypto::Scheme;

class OpenSslTestKey final : public TestKey {
 public:
  explicit OpenSslTestKey(crypto::OpenSslKey key) : key_(std::move(key)) {}
  [[nodiscard]] crypto::PrivateKey view() const override { return key_.view(); }

 private:
  crypto::OpenSslKey key_;
};

class OpenSslBackend final : public Backend {
 public:
  [[nodiscard]] const crypto::Crypto& crypto() const override { return crypto_; }
  [[nodiscard]] std::unique_ptr<TestKey> generate(KeyType type,
                                                  crypto::SignatureAlgorithm /*algorithm*/) const override {
    auto key = crypto::OpenSslKey::generate(type);
    if (!key) throw std::runtime_error("OpenSSL made no key");
    return std::make_unique<OpenSslTestKey>(std::move(*key));
  }

 private:
  crypto::OpenSslCrypto crypto_;
};

class PsaTestKey final : public TestKey {
 public:
  PsaTestKey(KeyType type, psa_key_id_t id) : type_(type), id_(id) {}
  ~PsaTestKey() override { psa_destroy_key(id_); }
  PsaTestKey(const PsaTestKey&) = delete;
  PsaTestKey& operator=(const PsaTestKey&) = delete;
  [[nodiscard]] crypto::PrivateKey view() const override { return {type_, id_}; }

 private:
  KeyType type_;
  psa_key_id_t id_;
};

class PsaBackend final : public Backend {
 public:
  PsaBackend() {
    if (psa_crypto_init() != PSA_SUCCESS) throw std::runtime_error("psa_crypto_init failed");
  }
  [[nodiscard]] const crypto::Crypto& crypto() const override { return crypto_; }
  [[nodiscard]] std::unique_ptr<TestKey> generate(KeyType type,
                                                  crypto::SignatureAlgorithm algorithm) const override {
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_SIGN_HASH);
    if (const std::size_t bits = crypto::modulus_bits(type); bits != 0) {
      psa_set_key_type(&attributes, PSA_KEY_TYPE_RSA_KEY_PAIR);
      psa_set_key_bits(&attributes, bits);
      psa_set_key_algorithm(&attributes, algorithm.scheme == Scheme::rsa_pss
                                             ? PSA_ALG_RSA_PSS(PSA_ALG_ANY_HASH)
                                             : PSA_ALG_RSA_PKCS1V15_SIGN(PSA_ALG_ANY_HASH));
    } else {
      psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1));
      psa_set_key_bits(&attributes, crypto::coordinate_size(type) * 8);
      psa_set_key_algorithm(&attributes, PSA_ALG_DETERMINISTIC_ECDSA(PSA_ALG_ANY_HASH));
    }
    psa_key_id_t id = 0;
    if (psa_generate_key(&attributes, &id) != PSA_SUCCESS) throw std::runtime_error("PSA made no key");
    return std::make_unique<PsaTestKey>(type, id);
  }

 private:
  crypto::PsaCrypto crypto_;
};

}  // namespace

const Backend& openssl_backend() {
  static const OpenSslBackend backend;
  return backend;
}

const Backend& psa_backend() {
  static const PsaBackend backend;
  return backend;
}

std::vector<const Backend*> backends() {
  return {&openssl_backend(), &psa_backend()};
}

OwnedPublicKey public_key_of(const Backend& backend, const TestKey& key) {
  std::array<std::uint8_t, crypto::kMaxPublicKeySize> buffer{};
  const auto exported = backend.crypto().public_key(key.view(), buffer);
  if (!exported) throw std::runtime_error("no public key");
  return {exported->type, {exported->key.begin(), exported->key.end()}};
}

std::vector<crypto::SignatureAlgorithm> all_algorithms() {
  std::vector<crypto::SignatureAlgorithm> algorithms;
  for (const Scheme scheme : {Scheme::ecdsa, Scheme::rsa_pkcs1, Scheme::rsa_pss}) {
    for (const crypto::Hash hash : {crypto::Hash::sha256, crypto::Hash::sha384, crypto::Hash::sha512}) {
      algorithms.push_back({scheme, hash});
    }
  }
  algorithms.push_back({Scheme::eddsa, crypto::Hash::sha512});
  return algorithms;
}

std::ostream& operator<<(std::ostream& out, const Backend* backend) {
  return out << (backend == &openssl_backend() ? "OpenSSL" : "MbedTLS");
}

}  // namespace pedigree::testing
