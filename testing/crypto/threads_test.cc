// SPDX-License-Identifier: Apache-2.0
// The OpenSSL back end on several threads at once, with one shared private key.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>

#include "testing/crypto/backends.h"

namespace pedigree::testing {
namespace {

TEST(OpenSslThreads, SignAndVerifyWithOneKey) {
  const Backend& backend = openssl_backend();
  const auto algorithm = crypto::default_algorithm(crypto::KeyType::p256);
  const auto key = backend.generate(crypto::KeyType::p256, algorithm);
  const OwnedPublicKey public_key = public_key_of(backend, *key);
  std::atomic<int> verified = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        std::array<std::uint8_t, 64> buffer{};
        const auto message = as_bytes("message");
        const auto signature = backend.crypto().sign(key->view(), algorithm, message, buffer);
        if (!signature) continue;
        if (backend.crypto().verify(public_key.view(), algorithm, message, *signature)) ++verified;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(verified, 200);
}

}  // namespace
}  // namespace pedigree::testing
