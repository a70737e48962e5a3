// SPDX-License-Identifier: Apache-2.0
// A receipt that is an attestation token: what it must be over, and by whom.
#include "authority/receipt.h"

#include <gtest/gtest.h>

#include "core/cose/cose.h"
#include "core/evidence/challenge.h"
#include "core/psa_token/psa_token.h"
#include "core/x509/builder.h"
#include "core/x509/oids.h"
#include "crypto/openssl/keys.h"
#include "crypto/openssl/openssl_crypto.h"
#include "testing/support/octets.h"

namespace pedigree::authority {
namespace {

using testing::Octets;
using testing::written;

const crypto::OpenSslCrypto kCrypto;

/// A certificate for this key, self-issued: enough for a receipt, which looks at the leaf's key alone.
Octets certificate_of(const crypto::OpenSslKey& key) {
  std::array<std::uint8_t, crypto::kMaxPublicKeySize> point{};
  const auto half = kCrypto.public_key(key.view(), point).value();
  const Octets spki = written([&](Writer& out) {
    der::Builder builder(out);
    x509::write_spki(half, builder);
  });
  const x509::NamePart parts[] = {{x509::oid::kCommonName, "device"}};
  const Octets name = written([&](Writer& out) {
    der::Builder builder(out);
    x509::write_name(parts, builder);
  });
  const Octets serial{0x11};
  x509::CertificateFields fields;
  fields.serial = serial;
  fields.issuer = name;
  fields.subject = name;
  fields.spki = spki;
  fields.not_after = 2000000000;
  Octets buffer(2048);
  const Bytes der = x509::write_certificate(kCrypto, fields, key.view(),
                                            crypto::default_algorithm(crypto::KeyType::p256), buffer)
                        .value();
  return {der.begin(), der.end()};
}

class TokenReceiptTest : public ::testing::Test {
 protected:
  /// What the token is over and says; a test changes one of them.
  struct Wish {
    std::uint32_t slot = 3;
    std::int32_t client = 0x100;
    Octets nonce = Octets(32, 7);
    Octets chain_sha256;
    Octets device;
    evidence::Statement statement = evidence::Statement::receipt;
    const crypto::OpenSslKey* key = nullptr;
  };

  TokenReceiptTest() {
    device_.fill(0xd5);
    device_[0] = 0x01;
    const Octets wire = written([&](Writer& out) {
      cbor::Encoder encoder(out);
      cose::write_chain(chain_, encoder);
    });
    const Sha256 digest = kCrypto.sha256(wire).value();
    wish_.chain_sha256.assign(digest.begin(), digest.end());
    wish_.device.assign(device_.begin(), device_.end());
    wish_.key = &key_;
  }

  Octets receipt() const {
    const Octets payload = written([&](Writer& out) {
      enrol::encode(enrol::Receipt{wish_.slot, wish_.chain_sha256, wish_.nonce, wish_.device}, out);
    });
    const Bytes part = payload;
    const auto challenge = evidence::statement_challenge(wish_.statement, {&part, 1}, kCrypto).value();
    return token(challenge);
  }

  Octets token(Bytes challenge) const {
    const Octets value(32, 1);
    const psa_token::SoftwareComponent component{.measurement_value = value, .signer_id = value};
    const Octets claims = written([&](Writer& out) {
      psa_token::write_claims({.nonce = challenge,
                               .instance_id = wish_.device,
                               .implementation_id = value,
                               .client_id = wish_.client,
                               .security_lifecycle = 0x3000,
                               .software_components = {&component, 1}},
                              out);
    });
    cose::Sign1Fields fields;
    fields.payload = claims;
    Octets buffer(2048);
    const Bytes message = cose::write_sign1(kCrypto, fields, wish_.key->view(), buffer).value();
    return {message.begin(), message.end()};
  }

  std::string verdict(const Octets& receipt) const {
    const auto answer = verify_receipt(kCrypto, chain_, device_, Octets(32, 7), receipt);
    return answer ? "accepted" : answer.error().detail;
  }

  crypto::OpenSslKey key_ = crypto::OpenSslKey::generate(crypto::KeyType::p256).value();
  crypto::OpenSslKey other_ = crypto::OpenSslKey::generate(crypto::KeyType::p256).value();
  Octets leaf_ = certificate_of(key_);
  std::vector<Bytes> chain_{leaf_};
  registry::DeviceId device_{};
  Wish wish_;
};

TEST_F(TokenReceiptTest, IsAcceptedForEverySlotADeviceMayHave) {
  for (std::uint32_t slot = 1; slot <= enrol::kMaxSlots; ++slot) {
    wish_.slot = slot;
    EXPECT_EQ(verdict(receipt()), "accepted") << slot;
  }
}

TEST_F(TokenReceiptTest, IsRefusedOverAnythingElse) {
  const std::string other = "the receipt is a token over another chain or nonce";
  wish_.slot = 9;
  EXPECT_EQ(verdict(receipt()), other);
  wish_.slot = 1;
  wish_.nonce[0] ^= 1;
  EXPECT_EQ(verdict(receipt()), other);
  wish_.nonce[0] ^= 1;
  wish_.chain_sha256[31] ^= 1;
  EXPECT_EQ(verdict(receipt()), other);
  wish_.chain_sha256[31] ^= 1;
  wish_.statement = evidence::Statement::evidence;
  EXPECT_EQ(verdict(receipt()), other);
}

// The bare hash of a receipt can be had by anybody through attest.
TEST_F(TokenReceiptTest, ABareHashIsNoStatement) {
  const Octets payload = written([&](Writer& out) {
    enrol::encode(enrol::Receipt{wish_.slot, wish_.chain_sha256, wish_.nonce, wish_.device}, out);
  });
  const Sha256 hash = kCrypto.sha256(payload).value();
  EXPECT_EQ(verdict(token(hash)), "the receipt is a token over another chain or nonce");
}

TEST_F(TokenReceiptTest, IsRefusedByAnotherDeviceKeyOrSide) {
  wish_.client = -1;
  EXPECT_EQ(verdict(receipt()), "the receipt is not by the secure service");
  wish_.client = 0x100;
  wish_.key = &other_;
  EXPECT_EQ(verdict(receipt()), "the receipt is not signed by the certified key");
  wish_.key = &key_;
  wish_.device[5] ^= 1;
  EXPECT_EQ(verdict(receipt()), "the receipt is by another device");
}

}  // namespace
}  // namespace pedigree::authority
