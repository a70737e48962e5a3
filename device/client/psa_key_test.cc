// SPDX-License-Identifier: Apache-2.0
// A slot's key as a key of PSA Crypto: what a TLS library asks of one. The program's other keys, those of the
// simulated device's own key store among them, go on as before.
#include "pedigree/psa_key.h"

#include <gtest/gtest.h>

#include "device/ports/sim/test_unit.h"
#include "psa/crypto.h"

namespace pedigree::sim {
namespace {

constexpr psa_algorithm_t kAnyEcdsa = PSA_ALG_ECDSA(PSA_ALG_SHA_256);

class PsaKeyTest : public ::testing::Test {
 protected:
  ~PsaKeyTest() override {
    for (std::uint32_t slot = 1; slot <= PEDIGREE_MAX_SLOTS; ++slot) pedigree_psa_forget_key(slot);
  }
  [[nodiscard]] psa_key_id_t register_key(std::uint32_t slot, std::uint32_t bits = 256) const {
    std::uint32_t id = 0;
    EXPECT_EQ(pedigree_psa_register_key(device_->service_handle(), slot, bits, &id), 0);
    return id;
  }

  TestAuthority authority_;
  std::unique_ptr<Device> device_ = open_in_memory();
  Client client_{device_->service_handle()};
  std::array<std::uint8_t, 32> digest_{1, 2, 3};
  std::array<std::uint8_t, 96> signature_{};
  std::size_t size_ = 0;
};

TEST_F(PsaKeyTest, SignsAndGivesItsPublicKeyAsPsaCryptoHasThem) {
  for (const auto& [type, bits] : {std::pair(crypto::KeyType::p256, 256U), {crypto::KeyType::p384, 384U}}) {
    const psa_key_id_t key = register_key(client_.provision(authority_, {.type = type}), bits);
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    ASSERT_EQ(psa_get_key_attributes(key, &attributes), PSA_SUCCESS);
    EXPECT_EQ(psa_get_key_type(&attributes), PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1));
    EXPECT_EQ(psa_get_key_bits(&attributes), bits);
    EXPECT_NE(psa_get_key_usage_flags(&attributes) & PSA_KEY_USAGE_SIGN_HASH, 0U);
    EXPECT_EQ(psa_get_key_usage_flags(&attributes) & (PSA_KEY_USAGE_EXPORT | PSA_KEY_USAGE_COPY), 0U);
    std::array<std::uint8_t, 97> point{};
    std::size_t point_size = 0;
    ASSERT_EQ(psa_export_public_key(key, point.data(), point.size(), &point_size), PSA_SUCCESS);
    ASSERT_EQ(psa_sign_hash(key, kAnyEcdsa, digest_.data(), digest_.size(), signature_.data(),
                            signature_.size(), &size_),
              PSA_SUCCESS);
    EXPECT_EQ(size_, bits / 4);
    // PSA Crypto itself imports that point and verifies with it: a real key of its own, untouched by ours.
    psa_key_attributes_t imported = PSA_KEY_ATTRIBUTES_INIT;
    psa_set_key_type(&imported, PSA_KEY_TYPE_ECC_PUBLIC_KEY(PSA_ECC_FAMILY_SECP_R1));
    psa_set_key_usage_flags(&imported, PSA_KEY_USAGE_VERIFY_HASH);
    psa_set_key_algorithm(&imported, kAnyEcdsa);
    psa_key_id_t verifier = 0;
    ASSERT_EQ(psa_import_key(&imported, point.data(), point_size, &verifier), PSA_SUCCESS);
    EXPECT_EQ(psa_verify_hash(verifier, kAnyEcdsa, digest_.data(), digest_.size(), signature_.data(), size_),
              PSA_SUCCESS);
    std::array<std::uint8_t, 97> again{};
    std::size_t again_size = 0;
    EXPECT_EQ(psa_export_public_key(verifier, again.data(), again.size(), &again_size), PSA_SUCCESS);
    EXPECT_EQ(again, point);
    psa_destroy_key(verifier);
  }
}

TEST_F(PsaKeyTest, RefusesWhatTheServiceOrPsaCryptoWould) {
  const psa_key_id_t key = register_key(client_.provision(authority_, {}));
  const auto sign = [this](psa_key_id_t id, psa_algorithm_t algorithm, std::size_t size, std::size_t room) {
    return psa_sign_hash(id, algorithm, digest_.data(), size, signature_.data(), room, &size_);
  };
  EXPECT_EQ(sign(key, PSA_ALG_RSA_PSS(PSA_ALG_SHA_256), 32, 96), PSA_ERROR_NOT_PERMITTED);
  EXPECT_EQ(sign(key, kAnyEcdsa, 20, 96), PSA_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(sign(key, kAnyEcdsa, 32, 63), PSA_ERROR_BUFFER_TOO_SMALL);
  std::array<std::uint8_t, 64> point{};
  EXPECT_EQ(psa_export_public_key(key, point.data(), point.size(), &size_), PSA_ERROR_BUFFER_TOO_SMALL);
  std::array<std::uint8_t, 32> scalar{};
  EXPECT_NE(psa_export_key(key, scalar.data(), scalar.size(), &size_), PSA_SUCCESS);
  EXPECT_NE(psa_destroy_key(key), PSA_SUCCESS) << "PSA Crypto does not know it";

  // An identity key signs no digest, under whatever name.
  const psa_key_id_t identity =
      register_key(client_.provision(authority_, {.purpose = enrol::Purpose::idevid}));
  EXPECT_EQ(sign(identity, kAnyEcdsa, 32, 96), PSA_ERROR_NOT_PERMITTED);
  // Nobody registered it; it was taken back; its slot is empty.
  EXPECT_EQ(sign(PEDIGREE_PSA_KEY_BASE + 7, kAnyEcdsa, 32, 96), PSA_ERROR_INVALID_HANDLE);
  pedigree_psa_forget_key(key - PEDIGREE_PSA_KEY_BASE);
  EXPECT_EQ(sign(key, kAnyEcdsa, 32, 96), PSA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(sign(register_key(6), kAnyEcdsa, 32, 96), PSA_ERROR_INVALID_HANDLE);
  std::uint32_t id = 0;
  EXPECT_NE(pedigree_psa_register_key(device_->service_handle(), 0, 256, &id), 0);
  EXPECT_NE(pedigree_psa_register_key(device_->service_handle(), 9, 256, &id), 0);
  EXPECT_NE(pedigree_psa_register_key(device_->service_handle(), 1, 521, &id), 0);
}

TEST_F(PsaKeyTest, APendingKeysPublicKeyIsNotGivenForTheActiveOne) {
  const std::uint32_t slot = client_.provision(authority_, {});
  const psa_key_id_t key = register_key(slot);
  ASSERT_TRUE(client_.begin({.slot = slot, .replace = true}).has_value());
  std::array<std::uint8_t, 65> point{};
  EXPECT_EQ(psa_export_public_key(key, point.data(), point.size(), &size_), PSA_ERROR_BAD_STATE);
  EXPECT_EQ(psa_sign_hash(key, kAnyEcdsa, digest_.data(), digest_.size(), signature_.data(),
                          signature_.size(), &size_),
            PSA_SUCCESS)
      << "the active one goes on signing";
}

}  // namespace
}  // namespace pedigree::sim
