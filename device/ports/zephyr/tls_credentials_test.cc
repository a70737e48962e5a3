// SPDX-License-Identifier: Apache-2.0
// TLS credentials as Zephyr's sockets would find them: one certificate a tag, and a key of PSA Crypto that
// signs with the slot's own.
#include <gtest/gtest.h>

#include <cerrno>
#include <map>

#include "core/cose/cose.h"
#include "device/ports/sim/test_unit.h"
#include "pedigree/zephyr.h"
#include "psa/crypto.h"

namespace {

using Key = std::pair<sec_tag_t, tls_credential_type>;
std::map<Key, std::pair<const void*, std::size_t>> credentials;
std::size_t room = 16;

}  // namespace

// Zephyr's volatile store: it refers to what it is given.
extern "C" {
int tls_credential_add(sec_tag_t tag, enum tls_credential_type type, const void* cred, size_t credlen) {
  if (credentials.size() == room) return -ENOMEM;
  return credentials.try_emplace({tag, type}, cred, credlen).second ? 0 : -EEXIST;
}
int tls_credential_delete(sec_tag_t tag, enum tls_credential_type type) {
  return credentials.erase({tag, type}) == 1 ? 0 : -ENOENT;
}
psa_handle_t pedigree_stub_handle = 0;
}

namespace pedigree::sim {
namespace {

constexpr sec_tag_t kTag = 40;

class TlsCredentials : public ::testing::Test {
 protected:
  ~TlsCredentials() override {
    pedigree_tls_credentials_delete();
    EXPECT_TRUE(credentials.empty());
    room = 16;
  }
  int add(std::uint32_t slot, std::size_t capacity = 3) {
    count_ = capacity;
    return pedigree_tls_credentials_add(device_->service_handle(), slot, kTag, tags_.data(), &count_);
  }

  TestAuthority authority_;
  std::unique_ptr<Device> device_ = open_in_memory();
  Client client_{device_->service_handle()};
  std::array<sec_tag_t, 3> tags_{};
  std::size_t count_ = 0;
};

TEST_F(TlsCredentials, ChainAndKeyOfTheSlotAreThere) {
  for (const auto type : {crypto::KeyType::p256, crypto::KeyType::p384}) {
    const std::uint32_t slot = client_.provision(authority_, {.type = type});
    ASSERT_EQ(add(slot), 0);
    ASSERT_EQ(count_, 2U);
    EXPECT_EQ(tags_[0], kTag);
    EXPECT_EQ(tags_[1], kTag + 1);
    const Octets chain = client_.read_chain(slot).value();
    const auto expected = cose::read_chain(chain).value();
    for (std::size_t i = 0; i < 2; ++i) {
      const auto& [data, size] = credentials.at({tags_[i], TLS_CREDENTIAL_PUBLIC_CERTIFICATE});
      EXPECT_TRUE(equal(Bytes(static_cast<const std::uint8_t*>(data), size), expected.view()[i]));
    }
    const auto& [id, id_size] = credentials.at({kTag, TLS_CREDENTIAL_PRIVATE_KEY_PSA});
    ASSERT_EQ(id_size, sizeof(psa_key_id_t));
    std::array<std::uint8_t, 48> digest{1};
    std::array<std::uint8_t, 96> signature{};
    std::size_t size = 0;
    EXPECT_EQ(psa_sign_hash(*static_cast<const psa_key_id_t*>(id), PSA_ALG_ECDSA(PSA_ALG_SHA_384),
                            digest.data(), digest.size(), signature.data(), signature.size(), &size),
              PSA_SUCCESS);
    EXPECT_EQ(size, type == crypto::KeyType::p256 ? 64U : 96U);
    EXPECT_EQ(add(slot), -EEXIST) << "one slot at a time";
    pedigree_tls_credentials_delete();
    EXPECT_TRUE(credentials.empty());
    EXPECT_NE(psa_sign_hash(*static_cast<const psa_key_id_t*>(id), PSA_ALG_ECDSA(PSA_ALG_SHA_384),
                            digest.data(), digest.size(), signature.data(), signature.size(), &size),
              PSA_SUCCESS);
  }
}

TEST_F(TlsCredentials, NothingIsLeftBehindWhereItFails) {
  const std::uint32_t slot = client_.provision(authority_, {});
  EXPECT_EQ(add(8), static_cast<int>(ErrorCode::slot_not_found));
  EXPECT_EQ(add(client_.begin({.slot = 7}).value().slot), static_cast<int>(ErrorCode::wrong_state));
  EXPECT_EQ(add(slot, 1), -ENOMEM) << "two certificates, room for one tag";
  EXPECT_TRUE(credentials.empty());
  for (room = 0; room < 3; ++room) {
    EXPECT_EQ(add(slot), -ENOMEM) << room;
    EXPECT_TRUE(credentials.empty());
  }
  room = 3;
  EXPECT_EQ(add(slot), 0);
}

TEST_F(TlsCredentials, ATagOfSomebodyElseIsNotTaken) {
  const std::uint32_t slot = client_.provision(authority_, {});
  const std::uint8_t theirs = 1;
  ASSERT_EQ(tls_credential_add(kTag + 1, TLS_CREDENTIAL_PUBLIC_CERTIFICATE, &theirs, 1), 0);
  EXPECT_EQ(add(slot), -EEXIST);
  EXPECT_EQ(credentials.size(), 1U) << "theirs";
  EXPECT_EQ(tls_credential_delete(kTag + 1, TLS_CREDENTIAL_PUBLIC_CERTIFICATE), 0);
}

}  // namespace
}  // namespace pedigree::sim
