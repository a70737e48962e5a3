// SPDX-License-Identifier: Apache-2.0
#include "core/grant/grant.h"

#include <gtest/gtest.h>

#include "core/cose/cose.h"
#include "core/x509/builder.h"
#include "core/x509/oids.h"
#include "crypto/openssl/keys.h"
#include "crypto/openssl/openssl_crypto.h"
#include "testing/support/octets.h"

namespace pedigree::grant {
namespace {

using crypto::OpenSslKey;
using testing::Octets;
using testing::repeated;

constexpr std::uint64_t kIssued = 1'800'000'000;
const Octets kDevice = repeated(0x01, enrol::kDeviceIdSize);
const Octets kNonce = repeated(0x22, enrol::kNonceSize);
const Octets kNewRoot = repeated(0x33, sizeof(Sha256));

Grant grant_for(Operation operation) {
  Grant grant{.operation = operation,
              .device_id = kDevice,
              .nonce = kNonce,
              .issued_at = kIssued,
              .expires_at = kIssued + 600};
  if (operation <= Operation::destroy) grant.slot = 3;
  if (operation <= Operation::replace) {
    grant.purpose = Purpose::tls;
    grant.type = crypto::KeyType::p384;
  }
  if (operation == Operation::repin) grant.root = kNewRoot;
  return grant;
}

constexpr Operation kOperations[] = {Operation::begin, Operation::replace, Operation::destroy,
                                     Operation::repin, Operation::decommission};

Octets payload_of(const Grant& grant) {
  return testing::written([&](Writer& out) { encode(grant, out); });
}

TEST(GrantPayload, IsReadBackAsItWasWritten) {
  for (const Operation operation : kOperations) {
    SCOPED_TRACE(name(operation));
    const Grant grant = grant_for(operation);
    const Octets payload = payload_of(grant);
    EXPECT_LE(payload.size(), kMaxPayload);
    const auto read = decode(payload);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->operation, operation);
    EXPECT_TRUE(equal(read->device_id, kDevice) && equal(read->nonce, kNonce));
    EXPECT_EQ(read->issued_at, grant.issued_at);
    EXPECT_EQ(read->expires_at, grant.expires_at);
    EXPECT_EQ(read->slot, grant.slot);
    EXPECT_EQ(read->purpose, grant.purpose);
    EXPECT_EQ(read->type, grant.type);
    EXPECT_TRUE(equal(read->root, grant.root));
  }
}

TEST(GrantPayload, EveryCutAndEveryAddedOctetIsRefused) {
  for (const Operation operation : kOperations) {
    Octets payload = payload_of(grant_for(operation));
    for (std::size_t size = 0; size < payload.size(); ++size) {
      EXPECT_EQ(decode(Bytes(payload).first(size)).error().code, ErrorCode::grant_malformed) << size;
    }
    payload.push_back(0);
    EXPECT_EQ(decode(payload).error().code, ErrorCode::grant_malformed);
  }
}

TEST(GrantPayload, ValuesOutsideTheirRangeAreRefused) {
  const auto refused = [](auto change) {
    Grant grant = grant_for(Operation::begin);
    change(grant);
    const auto read = decode(payload_of(grant));
    return !read && read.error().code == ErrorCode::grant_malformed;
  };
  EXPECT_TRUE(refused([](Grant& m) { m.slot = 0; }));
  EXPECT_TRUE(refused([](Grant& m) { m.slot = enrol::kMaxSlots + 1; }));
  EXPECT_TRUE(refused([](Grant& m) { m.purpose = static_cast<Purpose>(5); }));
  EXPECT_TRUE(refused([](Grant& m) { m.type = static_cast<crypto::KeyType>(7); }));
  EXPECT_TRUE(refused([](Grant& m) { m.expires_at = m.issued_at; }));
  EXPECT_TRUE(refused([](Grant& m) { m.expires_at = UINT64_MAX; }));
  EXPECT_TRUE(refused([](Grant& m) { m.device_id = Bytes(kDevice).first(32); }));
  EXPECT_TRUE(refused([](Grant& m) { m.nonce = kDevice; }));
  Octets unknown = payload_of(grant_for(Operation::decommission));
  ASSERT_EQ(unknown[2], static_cast<std::uint8_t>(Operation::decommission));
  unknown[2] = 6;
  EXPECT_EQ(decode(unknown).error().code, ErrorCode::grant_malformed);
  unknown[2] = static_cast<std::uint8_t>(Operation::destroy);
  EXPECT_EQ(decode(unknown).error().code, ErrorCode::grant_malformed) << "the slot is missing";
}

/// A root and its delegate for grants.
class SignedGrantTest : public ::testing::Test {
 protected:
  struct Wish {
    der::UnixTime not_before = 1'700'000'000;
    der::UnixTime not_after = 1'900'000'000;
    std::vector<Bytes> purposes{kKeyPurpose};
    bool ca = false;
    std::uint16_t key_usage = x509::kDigitalSignature;
  };

  static Octets name_of(std::string_view text) {
    return testing::written([&](Writer& out) {
      der::Builder builder(out);
      const x509::NamePart part{x509::oid::kCommonName, text};
      x509::write_name({&part, 1}, builder);
    });
  }

  Octets spki_of(const OpenSslKey& key) const {
    std::array<std::uint8_t, crypto::kMaxPublicKeySize> buffer{};
    const auto public_key = crypto_.public_key(key.view(), buffer);
    return testing::written([&](Writer& out) {
      der::Builder builder(out);
      x509::write_spki(*public_key, builder);
    });
  }

  Octets certify(std::string_view subject, const OpenSslKey& key, std::string_view issuer,
                 const OpenSslKey& issuer_key, const Wish& wish) const {
    const Octets serial{0x11, 0x22};
    const Octets subject_name = name_of(subject);
    const Octets issuer_name = name_of(issuer);
    const Octets spki = spki_of(key);
    x509::CertificateFields fields;
    fields.serial = serial;
    fields.subject = subject_name;
    fields.issuer = issuer_name;
    fields.not_before = wish.not_before;
    fields.not_after = wish.not_after;
    fields.spki = spki;
    fields.extensions.basic_constraints = x509::BasicConstraints{wish.ca, {}};
    fields.extensions.key_usage = wish.key_usage;
    fields.extensions.ext_key_usage = wish.purposes;
    Octets buffer(4096);
    const auto der = x509::write_certificate(crypto_, fields, issuer_key.view(),
                                             crypto::default_algorithm(issuer_key.type()), buffer);
    return {der->begin(), der->end()};
  }
  Octets root_certificate(const OpenSslKey& key) const {
    return certify("Root", key, "Root", key, {.purposes = {}, .ca = true, .key_usage = x509::kKeyCertSign});
  }
  Octets delegate(const Wish& wish) const { return certify("Grants", key_, "Root", root_key_, wish); }

  Octets signed_by(const Octets& signer, const Grant& grant) const {
    Octets buffer(2 * kMaxSize);
    const auto message = sign(crypto_, grant, signer, root_, key_.view(), buffer);
    if (!message) return {};
    return {message->begin(), message->end()};
  }
  Result<Grant> verified(Bytes message) { return verify(crypto_, message, root_hash_, seen_, scratch_); }
  ErrorCode error_of(Bytes message) {
    const auto result = verified(message);
    return result ? ErrorCode{} : result.error().code;
  }

  crypto::OpenSslCrypto crypto_;
  OpenSslKey root_key_ = *OpenSslKey::generate(crypto::KeyType::p256);
  OpenSslKey key_ = *OpenSslKey::generate(crypto::KeyType::p256);
  Octets root_ = root_certificate(root_key_);
  Sha256 root_hash_ = *crypto_.sha256(spki_of(root_key_));
  Octets signer_ = delegate({});
  Seen seen_;
  std::array<std::uint8_t, kScratch> scratch_{};
};

TEST_F(SignedGrantTest, ADelegatesSignatureHoldsAndTellsTheTime) {
  for (const Operation operation : kOperations) {
    const Octets message = signed_by(signer_, grant_for(operation));
    ASSERT_LE(message.size(), 1100U) << "fits the smallest device";
    const auto result = verified(message);
    ASSERT_TRUE(result.has_value()) << name(result.error().code);
    EXPECT_EQ(result->operation, operation);
  }
  EXPECT_EQ(seen_.time, kIssued);
  EXPECT_EQ(seen_.signer_since, 1'700'000'000U);
}

TEST_F(SignedGrantTest, OneAlgorithmAlone) {
  const Grant grant = grant_for(Operation::begin);
  const OpenSslKey p256 = *OpenSslKey::generate(crypto::KeyType::p256);
  key_ = *OpenSslKey::generate(crypto::KeyType::p384);
  Octets buffer(2 * kMaxSize);
  const Octets signer = delegate({});
  EXPECT_EQ(sign(crypto_, grant, signer, root_, key_.view(), buffer).error().code, ErrorCode::wrong_key_type);
  EXPECT_EQ(error_of(*sign(crypto_, grant, signer, root_, p256.view(), buffer)), ErrorCode::wrong_key_type);
}

TEST_F(SignedGrantTest, NoOctetMayBeChanged) {
  const Octets message = signed_by(signer_, grant_for(Operation::replace));
  const auto root = std::search(message.begin(), message.end(), root_.begin(), root_.end());
  ASSERT_NE(root, message.end());
  const auto root_start = static_cast<std::size_t>(root - message.begin());
  for (std::size_t i = 0; i < message.size(); ++i) {
    // Of the root its key is known, and nothing else of its certificate is relied upon.
    if (i >= root_start && i < root_start + root_.size()) continue;
    for (const std::uint8_t bit : {std::uint8_t{0x01}, std::uint8_t{0x40}}) {
      Octets changed = message;
      changed[i] = static_cast<std::uint8_t>(changed[i] ^ bit);
      EXPECT_FALSE(verified(changed).has_value()) << i;
    }
  }
  EXPECT_EQ(seen_.time, 0U) << "what does not verify is not seen";
}

TEST_F(SignedGrantTest, EveryCutIsRefused) {
  const Octets message = signed_by(signer_, grant_for(Operation::replace));
  for (std::size_t size = 0; size < message.size(); ++size) {
    EXPECT_EQ(error_of(Bytes(message).first(size)), ErrorCode::grant_malformed);
  }
  Octets longer = message;
  longer.push_back(0);
  EXPECT_EQ(error_of(longer), ErrorCode::grant_malformed);
  longer.resize(kMaxSize + 1);
  EXPECT_EQ(error_of(longer), ErrorCode::grant_malformed);
}

TEST_F(SignedGrantTest, OnlyADelegateForGrantsMaySign) {
  const Grant grant = grant_for(Operation::begin);
  const auto with = [&](const Wish& wish) { return error_of(signed_by(delegate(wish), grant)); };
  EXPECT_EQ(with({.purposes = {}}), ErrorCode::grant_signer_refused) << "a device's certificate";
  EXPECT_EQ(with({.purposes = {x509::oid::kCodeSigning}}), ErrorCode::grant_signer_refused);
  EXPECT_EQ(with({.purposes = {kKeyPurpose, x509::oid::kCodeSigning}}), ErrorCode::grant_signer_refused)
      << "for grants alone";
  EXPECT_EQ(with({.ca = true}), ErrorCode::target_is_ca);
  EXPECT_EQ(with({.key_usage = x509::kKeyAgreement}), ErrorCode::key_usage_forbids);
  EXPECT_EQ(seen_.time, 0U);
}

TEST_F(SignedGrantTest, OnlyTheRootItselfNamesDelegates) {
  const Grant grant = grant_for(Operation::begin);
  // A CA below the root signs a certificate with the purpose, and passes for the root by its name.
  const OpenSslKey ca_key = *OpenSslKey::generate(crypto::KeyType::p256);
  const Octets ca = certify("Root", ca_key, "Root", root_key_,
                            {.purposes = {}, .ca = true, .key_usage = x509::kKeyCertSign});
  const Octets forged = certify("Grants", key_, "Root", ca_key, {});
  Octets buffer(2 * kMaxSize);
  EXPECT_EQ(error_of(*sign(crypto_, grant, forged, ca, key_.view(), buffer)),
            ErrorCode::grant_signer_refused);
  EXPECT_EQ(error_of(*sign(crypto_, grant, forged, root_, key_.view(), buffer)),
            ErrorCode::invalid_signature);
  // Another root, in every way alike.
  const Octets other = root_certificate(ca_key);
  EXPECT_EQ(error_of(*sign(crypto_, grant, forged, other, key_.view(), buffer)),
            ErrorCode::grant_signer_refused);
}

TEST_F(SignedGrantTest, TheRootAndOneDelegateAndNothingBetween) {
  const Octets payload = payload_of(grant_for(Operation::begin));
  Octets buffer(3 * kMaxSize);
  const auto with = [&](std::vector<Bytes> chain) {
    cose::Sign1Fields fields;
    fields.payload = payload;
    fields.external_aad = as_bytes(kContext);
    fields.x5chain = chain;
    return error_of(*cose::write_sign1(crypto_, fields, key_.view(), buffer));
  };
  EXPECT_EQ(with({signer_, root_}), ErrorCode{});
  EXPECT_EQ(with({signer_}), ErrorCode::grant_malformed);
  EXPECT_EQ(with({signer_, root_, root_}), ErrorCode::grant_malformed);
}

TEST_F(SignedGrantTest, ASignatureOverSomethingElseIsNone) {
  const Octets payload = payload_of(grant_for(Operation::begin));
  const Bytes chain[] = {signer_, root_};
  cose::Sign1Fields fields;
  fields.payload = payload;
  fields.x5chain = chain;
  fields.external_aad = as_bytes("Pedigree signer revocations");
  Octets buffer(2 * kMaxSize);
  EXPECT_EQ(error_of(*cose::write_sign1(crypto_, fields, key_.view(), buffer)), ErrorCode::invalid_signature);
}

TEST_F(SignedGrantTest, TimeOnlyGoesOn) {
  Grant later = grant_for(Operation::begin);
  later.issued_at += 10'000;
  later.expires_at += 10'000;
  ASSERT_EQ(error_of(signed_by(signer_, later)), ErrorCode{});
  EXPECT_EQ(error_of(signed_by(signer_, grant_for(Operation::begin))), ErrorCode::grant_expired);
  EXPECT_EQ(seen_.time, later.issued_at);
  // Issued before the latest that was seen, by another clock, and not expired: allowed, and time stays.
  Grant beside = later;
  beside.issued_at -= 100;
  EXPECT_EQ(error_of(signed_by(signer_, beside)), ErrorCode{});
  EXPECT_EQ(seen_.time, later.issued_at);
}

TEST_F(SignedGrantTest, ASignersCertificateEnds) {
  const Grant grant = grant_for(Operation::begin);
  const auto issued = static_cast<der::UnixTime>(kIssued);
  EXPECT_EQ(error_of(signed_by(delegate({.not_after = issued - 1}), grant)), ErrorCode::grant_expired);
  EXPECT_EQ(error_of(signed_by(delegate({.not_before = issued + 1}), grant)),
            ErrorCode::grant_signer_refused);
  EXPECT_EQ(error_of(signed_by(delegate({.not_after = issued}), grant)), ErrorCode{});
  // A grant dated back into the validity of a signer that has expired since.
  seen_.time = kIssued + 300;
  EXPECT_EQ(error_of(signed_by(delegate({.not_after = issued + 200}), grant)), ErrorCode::grant_expired);
}

TEST_F(SignedGrantTest, ANewSignerEndsTheOldOne) {
  const Grant grant = grant_for(Operation::begin);
  const Octets newer = delegate({.not_before = 1'750'000'000});
  EXPECT_EQ(error_of(signed_by(signer_, grant)), ErrorCode{});
  EXPECT_EQ(error_of(signed_by(newer, grant)), ErrorCode{});
  EXPECT_EQ(error_of(signed_by(signer_, grant)), ErrorCode::grant_signer_refused);
  EXPECT_EQ(error_of(signed_by(newer, grant)), ErrorCode{});
}

}  // namespace
}  // namespace pedigree::grant
