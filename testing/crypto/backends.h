// SPDX-License-Identifier: Apache-2.0
// Both back ends of core/crypto behind one handle, with keys that end with the test.
#pragma once

#include <memory>
#include <ostream>
#include <span>
#include <vector>

#include "core/crypto/crypto.h"

namespace pedigree::testing {

/// A private key of one back end and its public half.
class TestKey {
 public:
  TestKey() = default;
  TestKey(const TestKey&) = delete;
  TestKey& operator=(const TestKey&) = delete;
  virtual ~TestKey() = default;
  [[nodiscard]] virtual crypto::PrivateKey view() const = 0;
};

class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;
  [[nodiscard]] virtual const crypto::Crypto& crypto() const = 0;
  /// Makes a key that signs with this algorithm. Throws std::runtime_error on failure.
  [[nodiscard]] virtual std::unique_ptr<TestKey> generate(crypto::KeyType type,
                                                          crypto::SignatureAlgorithm algorithm) const = 0;
};

[[nodiscard]] const Backend& openssl_backend();
/// Initialises PSA at the first call.
[[nodiscard]] const Backend& psa_backend();
[[nodiscard]] std::vector<const Backend*> backends();

/// The public half of a key, as an owner.
struct OwnedPublicKey {
  crypto::KeyType type{};
  std::vector<std::uint8_t> octets;
  [[nodiscard]] crypto::PublicKey view() const { return {type, octets}; }
};
[[nodiscard]] OwnedPublicKey public_key_of(const Backend& backend, const TestKey& key);

inline constexpr crypto::KeyType kKeyTypes[] = {crypto::KeyType::p256,    crypto::KeyType::p384,
                                                crypto::KeyType::ed25519, crypto::KeyType::rsa2048,
                                                crypto::KeyType::rsa3072, crypto::KeyType::rsa4096};
/// Every algorithm of the contract.
[[nodiscard]] std::vector<crypto::SignatureAlgorithm> all_algorithms();

/// For GoogleTest's names and messages: "OpenSSL", "MbedTLS".
std::ostream& operator<<(std::ostream& out, const Backend* backend);

}  // namespace pedigree::testing
