// SPDX-License-Identifier: Apache-2.0
// A slot as a TLS client of the non-secure side sees it, on a simulated device. TLS itself with it:
// device/ports/sim/tls_client_test.cc on the host, testing/mps2/tls_test.cc on the target.
#include "pedigree/slot.h"

#include <gtest/gtest.h>

#include "core/cose/cose.h"
#include "core/der/der.h"
#include "core/x509/certificate.h"
#include "device/ports/sim/test_unit.h"

namespace pedigree::sim {
namespace {

psa_status_t number(ErrorCode code) {
  return static_cast<psa_status_t>(code);
}

class SlotTest : public ::testing::Test {
 protected:
  [[nodiscard]] psa_handle_t service() const { return device_->service_handle(); }

  TestAuthority authority_;
  std::unique_ptr<Device> device_ = open_in_memory();
  Client client_{device_->service_handle()};
};

TEST_F(SlotTest, FindsTheFirstActiveKeyForTls) {
  std::uint32_t slot = 99;
  EXPECT_EQ(pedigree_find_tls_slot(service(), &slot), number(ErrorCode::slot_not_found));
  ASSERT_TRUE(client_.begin({.slot = 1}).has_value());
  client_.provision(authority_, {.slot = 2, .purpose = enrol::Purpose::data});
  EXPECT_EQ(pedigree_find_tls_slot(service(), &slot), number(ErrorCode::slot_not_found))
      << "a pending key for TLS, and an active one for something else";
  EXPECT_EQ(slot, 99U);
  client_.provision(authority_, {.slot = 5});
  client_.provision(authority_, {.slot = 3});
  ASSERT_EQ(pedigree_find_tls_slot(service(), &slot), 0);
  EXPECT_EQ(slot, 3U);
  // While it is to be replaced it goes on serving.
  ASSERT_TRUE(client_.begin({.slot = 3, .replace = true}).has_value());
  ASSERT_EQ(pedigree_find_tls_slot(service(), &slot), 0);
  EXPECT_EQ(slot, 3U);
}

TEST_F(SlotTest, LoadsTheChainThatWasCommitted) {
  const std::uint32_t slot = client_.provision(authority_, {});
  const Octets stored = client_.read_chain(slot).value();
  Octets buffer(stored.size());
  std::size_t size = 0;
  ASSERT_EQ(pedigree_load_chain(service(), slot, buffer.data(), buffer.size(), &size), 0);
  EXPECT_EQ(size, stored.size());
  EXPECT_EQ(buffer, stored);
  size = 7;
  EXPECT_EQ(pedigree_load_chain(service(), slot, buffer.data(), buffer.size() - 1, &size),
            number(ErrorCode::buffer_too_small));
  EXPECT_EQ(size, 7U);
  const std::uint32_t pending = client_.begin({.slot = 7}).value().slot;
  EXPECT_EQ(pedigree_load_chain(service(), pending, buffer.data(), buffer.size(), &size),
            number(ErrorCode::wrong_state));
  EXPECT_EQ(pedigree_load_chain(service(), 8, buffer.data(), buffer.size(), &size),
            number(ErrorCode::slot_not_found));
}

TEST_F(SlotTest, WalksTheCertificatesLeafFirst) {
  const Octets chain = client_.read_chain(client_.provision(authority_, {})).value();
  const auto expected = cose::read_chain(chain).value();
  ASSERT_EQ(expected.count, 2U) << "leaf and intermediate; the root is not stored";
  std::size_t cursor = 0;
  pedigree_certificate_t certificate{};
  for (const Bytes der : expected.view()) {
    ASSERT_EQ(pedigree_next_certificate(chain.data(), chain.size(), &cursor, &certificate), 0);
    EXPECT_TRUE(equal(Bytes(certificate.der, certificate.size), der));
  }
  EXPECT_EQ(cursor, chain.size());
  EXPECT_EQ(pedigree_next_certificate(chain.data(), chain.size(), &cursor, &certificate),
            number(ErrorCode::not_found));
}

TEST(ChainWalk, RefusesWhatIsNoChain) {
  const auto walk = [](const Octets& chain) {
    std::size_t cursor = 0;
    pedigree_certificate_t certificate{};
    psa_status_t status = 0;
    while (status == 0) status = pedigree_next_certificate(chain.data(), chain.size(), &cursor, &certificate);
    return status;
  };
  EXPECT_EQ(walk({0x82, 0x41, 0xaa, 0x42, 0xbb, 0xcc}), number(ErrorCode::not_found));
  EXPECT_EQ(walk({}), number(ErrorCode::truncated));
  EXPECT_EQ(walk({0x82, 0x41, 0xaa}), number(ErrorCode::truncated));
  EXPECT_EQ(walk({0x81, 0x42, 0xaa}), number(ErrorCode::truncated));
  EXPECT_EQ(walk({0x81, 0x59, 0x01}), number(ErrorCode::truncated));
  EXPECT_EQ(walk({0x81, 0x5f, 0x41, 0xaa, 0xff}), number(ErrorCode::bad_tag));
  EXPECT_EQ(walk({0x81, 0x61, 0x61}), number(ErrorCode::bad_tag));
  EXPECT_EQ(walk({0xa1, 0x41, 0xaa}), number(ErrorCode::bad_tag));
  EXPECT_EQ(walk({0x98, 0x18, 0x41, 0xaa}), number(ErrorCode::too_many));
  EXPECT_EQ(walk({0x81, 0x41, 0xaa, 0x00}), number(ErrorCode::trailing_data));
}

TEST_F(SlotTest, KnowsTheCurveOfACertificatesKey) {
  for (const auto& [type, expected] :
       {std::pair(crypto::KeyType::p256, 256U), {crypto::KeyType::p384, 384U}}) {
    const Octets chain = client_.read_chain(client_.provision(authority_, {.type = type})).value();
    std::size_t cursor = 0;
    pedigree_certificate_t leaf{};
    ASSERT_EQ(pedigree_next_certificate(chain.data(), chain.size(), &cursor, &leaf), 0);
    std::uint32_t bits = 0;
    EXPECT_EQ(pedigree_certificate_bits(&leaf, &bits), 0);
    EXPECT_EQ(bits, expected);
    // Cut anywhere before the key, it is refused.
    for (std::size_t size = 0; size < leaf.size; size += 7) {
      const pedigree_certificate_t part{leaf.der, size};
      bits = 0;
      EXPECT_NE(pedigree_certificate_bits(&part, &bits), 0);
      EXPECT_EQ(bits, 0U);
    }
  }
  const auto key = crypto::OpenSslKey::generate(crypto::KeyType::ed25519).value();
  const Octets other = authority_.chain_for(spki_of(authority_.crypto(), key.view()));
  std::size_t cursor = 0;
  pedigree_certificate_t leaf{};
  ASSERT_EQ(pedigree_next_certificate(other.data(), other.size(), &cursor, &leaf), 0);
  std::uint32_t bits = 0;
  EXPECT_EQ(pedigree_certificate_bits(&leaf, &bits), number(ErrorCode::unsupported_algorithm));
}

TEST_F(SlotTest, SignsInTheFormThatTlsSends) {
  const crypto::OpenSslCrypto openssl;
  for (const auto type : {crypto::KeyType::p256, crypto::KeyType::p384}) {
    const std::uint32_t slot = client_.provision(authority_, {.type = type});
    const Octets spki = client_.public_key(slot).value();
    const auto key = x509::parse_spki(spki).value().key.value();
    const auto algorithm = crypto::default_algorithm(type);
    // Often enough for an r or s that starts with a one bit, and for one that is shorter.
    for (unsigned n = 0; n < 600; ++n) {
      Octets digest(type == crypto::KeyType::p256 ? 32 : 48);
      digest[0] = static_cast<std::uint8_t>(n);
      digest[1] = static_cast<std::uint8_t>(n >> 8U);
      std::array<std::uint8_t, PEDIGREE_MAX_ECDSA_SIG_VALUE> signature{};
      std::size_t size = 0;
      ASSERT_EQ(pedigree_sign_ecdsa(service(), slot, digest.data(), digest.size(), signature.data(), &size),
                0);
      // The contract takes r | s; converting refuses every other form of an INTEGER than DER's.
      std::array<std::uint8_t, PEDIGREE_MAX_SIGNATURE> raw{};
      const auto read = der::ecdsa_to_raw(Bytes(signature).first(size), digest.size(), raw);
      ASSERT_TRUE(read.has_value());
      ASSERT_TRUE(openssl.verify_digest(key, algorithm, digest, *read).has_value());
    }
  }
}

TEST_F(SlotTest, WhatTheServiceRefusesToSignIsRefusedWithItsReason) {
  const std::uint32_t identity = client_.provision(authority_, {.purpose = enrol::Purpose::idevid});
  const std::array<std::uint8_t, 32> digest{};
  std::array<std::uint8_t, PEDIGREE_MAX_ECDSA_SIG_VALUE> signature{};
  std::size_t size = 0;
  EXPECT_EQ(pedigree_sign_ecdsa(service(), identity, digest.data(), 32, signature.data(), &size),
            number(ErrorCode::purpose_forbids));
  EXPECT_EQ(pedigree_sign_ecdsa(service(), 8, digest.data(), 32, signature.data(), &size),
            number(ErrorCode::slot_not_found));
  EXPECT_EQ(size, 0U);
}

}  // namespace
}  // namespace pedigree::sim
