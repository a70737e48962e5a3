// SPDX-License-Identifier: Apache-2.0
// Signed lists of revoked signers: who may make one, and whose images it stops.
#include <gtest/gtest.h>

#include "core/x509/oids.h"
#include "testing/images/revocations.h"

namespace pedigree::testing {
namespace {

class RevocationTest : public ::testing::Test {
 protected:
  Result<image::RevocationList> verify(Bytes message) {
    path_ = {};
    return image::verify_list(pki_.crypto(), message, pki_.trust(), scratch_, path_);
  }
  /// "" where the list is good.
  std::string verdict(Bytes message) {
    const auto list = verify(message);
    return list ? std::string() : std::string(name(list.error().code));
  }
  /// Of a list by such a signer.
  std::string verdict_of(const ListSignerSpec& spec) {
    return verdict(make_list(pki_, make_list_signer(pki_, spec), 1, {}));
  }

  ImagePki pki_;
  Octets scratch_ = Octets(image::kRevocationScratch);
  x509::Verdict path_;
};

const Bytes kPurpose = image::kSignerRevocationPurpose;
const Bytes kCodeSigning = x509::oid::kCodeSigning;
const Bytes kAny = x509::oid::kAnyExtendedKeyUsage;

TEST_F(RevocationTest, AListSaysWhoIsRevoked) {
  const TestSigner revoked = pki_.make_signer(crypto::KeyType::p256);
  const TestSigner other = pki_.make_signer(crypto::KeyType::p256);
  const TestSigner lister = make_list_signer(pki_);
  const auto check = [&](const image::RevocationList& list, const TestSigner& signer) {
    cose::X5Chain chain;
    for (const Octets& certificate : signer.chain) chain.certificates[chain.count++] = certificate;
    const auto checked = image::check_not_revoked(pki_.crypto(), list, chain);
    return checked ? std::string("good")
                   : std::string(name(checked.error().code)) + " " + std::to_string(checked.error().offset);
  };
  const Octets of_signer = make_list(pki_, lister, 5, {key_hash(pki_, revoked.chain[0]), Sha256{1}});
  const auto list = verify(of_signer);
  ASSERT_TRUE(list) << name(list.error().code);
  EXPECT_EQ(list->number, 5U);
  EXPECT_EQ(check(*list, revoked), "signer_revoked 0");
  EXPECT_EQ(check(*list, other), "good");
  // An OEM's intermediate takes all its signers along.
  const Octets of_oem = make_list(pki_, lister, 6, {key_hash(pki_, other.chain[1])});
  EXPECT_EQ(check(*verify(of_oem), other), "signer_revoked 1");
  EXPECT_EQ(check(*verify(of_oem), revoked), "good");
}

TEST_F(RevocationTest, EveryKeyTypeAndTheLongestList) {
  using enum crypto::KeyType;
  std::vector<Sha256> keys(image::kMaxRevocations);
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i].fill(static_cast<std::uint8_t>(i));
  for (const auto type : {p256, p384, ed25519, rsa2048}) {
    ListSignerSpec spec;
    spec.type = type;
    const Octets list = make_list(pki_, make_list_signer(pki_, spec), 1, keys);
    EXPECT_EQ(verdict(list), "") << crypto::name(type);
    EXPECT_LE(list.size(), image::kMaxRevocationList);
  }
}

TEST_F(RevocationTest, OnlyWhomTheRootHasNamedMaySign) {
  EXPECT_EQ(verdict_of({}), "");
  EXPECT_EQ(verdict_of({.intermediate = std::vector{kPurpose}}), "");
  EXPECT_EQ(verdict_of({.intermediate = std::vector{kCodeSigning, kPurpose}}), "");
  EXPECT_EQ(verdict_of({.purposes = {}}), "list_refused") << "for any purpose, so also as a key of devices";
  EXPECT_EQ(verdict_of({.purposes = {kPurpose, kCodeSigning}}), "list_refused");
  EXPECT_EQ(verdict_of({.purposes = {kCodeSigning}}), "list_refused") << "a firmware signer";
  EXPECT_EQ(verdict_of({.key_usage = x509::kKeyCertSign}), "list_refused");
  EXPECT_EQ(verdict_of({.intermediate = std::vector{kCodeSigning}}), "list_refused") << "an OEM";
  EXPECT_EQ(verdict_of({.intermediate = std::vector<Bytes>{}}), "list_refused") << "a CA of devices";
  EXPECT_EQ(verdict_of({.intermediate = std::vector{kAny}}), "list_refused") << "a CA of anything";
}

TEST_F(RevocationTest, ForeignAndChangedListsAreRefused) {
  const TestSigner lister = make_list_signer(pki_);
  const ImagePki foreign;
  EXPECT_EQ(verdict(make_list(foreign, make_list_signer(foreign), 1, {})), "list_refused");
  EXPECT_EQ(path_.code, ErrorCode::untrusted_root) << "the verdict says what is wrong with the path";
  const Octets list = make_list(pki_, lister, 1, {Sha256{7}});
  ASSERT_EQ(verdict(list), "");
  for (std::size_t i = 0; i < list.size(); ++i) {
    Octets changed = list;
    changed[i] ^= 1U;
    const auto verified = verify(changed);
    ASSERT_FALSE(verified) << "octet " << i;
  }
  for (std::size_t size = 0; size < list.size(); ++size) ASSERT_FALSE(verify(Bytes(list).first(size)));
  Octets untagged(list.begin() + 1, list.end());
  EXPECT_EQ(verdict(untagged), "list_refused");
  Octets longer = list;
  longer.push_back(0);
  EXPECT_EQ(verdict(longer), "list_refused");
  EXPECT_EQ(verdict(make_list(pki_, lister, 1, {key_hash(pki_, pki_.root())})), "list_refused")
      << "the root is not revoked by what it has certified";
}

TEST_F(RevocationTest, AnotherStatementOfTheSignerIsNoList) {
  const TestSigner lister = make_list_signer(pki_);
  Octets payload(100);
  Writer out(payload);
  image::write_revocations(1, 1750000000, {}, out);
  payload.resize(out.size());
  cose::Sign1Fields fields;
  const std::vector<Bytes> chain(lister.chain.begin(), lister.chain.end());
  fields.payload = payload;
  fields.x5chain = chain;
  fields.external_aad = as_bytes("something else");
  Octets buffer(8192);
  const auto message = cose::write_sign1(pki_.crypto(), fields, lister.key.view(), buffer);
  ASSERT_TRUE(message);
  EXPECT_EQ(verdict(*message), "list_refused");
}

}  // namespace
}  // namespace pedigree::testing
