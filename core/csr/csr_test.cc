// SPDX-License-Identifier: Apache-2.0
#include "core/csr/csr.h"

#include <gtest/gtest.h>

#include <set>

#include "core/x509/oids.h"
#include "testing/x509/fake_crypto.h"
#include "testing/x509/make.h"
#include "testing/x509/spoil.h"

namespace pedigree::csr {
namespace {

namespace oid = x509::oid;
using testing::common_name;
using testing::element;
using testing::find;
using testing::Octets;
using testing::sequence;
using testing::unhex;

constexpr crypto::PrivateKey kKey{crypto::KeyType::p256, 1};
constexpr crypto::SignatureAlgorithm kAlgorithm{crypto::Scheme::ecdsa, crypto::Hash::sha256};

class CsrTest : public ::testing::Test {
 protected:
  CsrTest() {
    fields_.subject = subject_;
    fields_.spki = spki_;
  }
  Result<Octets> write() {
    Octets buffer(4096);
    const auto der = write_request(crypto_, fields_, kKey, kAlgorithm, buffer);
    if (!der) return std::unexpected(der.error());
    return Octets(der->begin(), der->end());
  }

  void add(const Result<Attribute>& attribute) {
    ASSERT_TRUE(attribute);
    attributes_.push_back(*attribute);
    fields_.attributes = attributes_;
  }
  void add_challenge() { add(challenge_password("0123456789abcdef", challenge_)); }

  testing::FakeCrypto crypto_;
  std::vector<Attribute> attributes_;
  std::array<std::uint8_t, 260> challenge_;
  std::array<std::uint8_t, 200> extensions_;
  Octets subject_ = common_name("Device");
  Octets spki_ = testing::spki_of(crypto_, kKey);
  RequestFields fields_;
};

TEST_F(CsrTest, RoundTripsWithoutAttributes) {
  const Octets der = write().value();
  const auto request = Request::parse(der);
  ASSERT_TRUE(request) << name(request.error().code) << request.error().offset;
  EXPECT_TRUE(equal(request->subject(), subject_));
  EXPECT_TRUE(equal(request->spki().whole, spki_));
  EXPECT_TRUE(request->attributes().empty());
  EXPECT_TRUE(request->challenge_password().empty());
  EXPECT_TRUE(request->verify(crypto_));
}

TEST_F(CsrTest, RoundTripsEveryAttribute) {
  x509::ExtensionSet extensions;
  extensions.key_usage = x509::kDigitalSignature;
  const Octets types[] = {unhex("2a0309"), unhex("2a0301"), unhex("2a0305")};
  const Octets values[] = {unhex("0401ff"), element(der::kOctetString, Octets(200, 1)), unhex("0500")};
  const Attribute attributes[] = {{types[0], values[0]}, {types[1], values[1]}, {types[2], values[2]}};
  add_challenge();
  add(extension_request(extensions, extensions_));
  for (const Attribute& attribute : attributes) add(attribute);
  const Octets der = write().value();
  const auto request = Request::parse(der);
  ASSERT_TRUE(request) << name(request.error().code) << request.error().offset;
  EXPECT_EQ(as_text(request->challenge_password()), "0123456789abcdef");
  EXPECT_FALSE(request->requested_extensions().empty());
  for (const Attribute& attribute : attributes) {
    EXPECT_TRUE(equal(request->find_attribute(attribute.oid), attribute.value));
  }
  EXPECT_TRUE(request->find_attribute(unhex("2a0306")).empty());
  EXPECT_TRUE(request->verify(crypto_));
}

// Each order of attributes gives the same octets: those of DER's SET OF.
TEST_F(CsrTest, WritesAttributesInDerOrder) {
  const Octets types[] = {unhex("2a0301"), unhex("2a0302"), unhex("2a0303"), unhex("2a0304")};
  const Octets values[] = {unhex("0500"), unhex("040101"), unhex("0500"),
                           element(der::kOctetString, Octets(150, 1))};
  std::array<std::size_t, 4> order = {0, 1, 2, 3};
  std::set<Octets> seen;
  do {
    std::array<Attribute, 4> attributes;
    for (std::size_t i = 0; i < 4; ++i) attributes[i] = {types[order[i]], values[order[i]]};
    fields_.attributes = attributes;
    const Octets der = write().value();
    ASSERT_TRUE(Request::parse(der));
    seen.insert(der);
  } while (std::next_permutation(order.begin(), order.end()));
  EXPECT_EQ(seen.size(), 1U);
}

TEST_F(CsrTest, RefusesToWriteWhatItCannotRead) {
  const Octets type = unhex("2a0301");
  const Octets value = unhex("0500");
  const Attribute twice[] = {{type, value}, {type, value}};
  fields_.attributes = twice;
  EXPECT_EQ(write().error().code, ErrorCode::bad_attribute);
  std::vector<Octets> types;
  std::vector<Attribute> many;
  for (std::uint8_t i = 0; i < 11; ++i) types.push_back({0x2a, i});
  for (const Octets& one : types) many.push_back({one, value});
  fields_.attributes = std::span(many).first(10);
  EXPECT_TRUE(Request::parse(write().value()));
  fields_.attributes = many;
  EXPECT_EQ(write().error().code, ErrorCode::too_many);
}

TEST_F(CsrTest, WritesChallengePasswordsThatItReads) {
  const auto refused = [this](std::string_view text) { return challenge_password(text, challenge_).error(); };
  EXPECT_EQ(refused("").code, ErrorCode::bad_attribute);
  EXPECT_EQ(refused("no*star").code, ErrorCode::bad_attribute);
  EXPECT_EQ(refused(std::string(256, 'a')).code, ErrorCode::bad_attribute);
  const std::string longest(255, 'a');
  add(challenge_password(longest, challenge_));
  EXPECT_EQ(as_text(Request::parse(write().value())->challenge_password()), longest);
  std::array<std::uint8_t, 5> small{};
  EXPECT_EQ(challenge_password("abcd", small).error(), (Error{ErrorCode::buffer_too_small, 6}));
}

TEST_F(CsrTest, NamesTheSizeItNeeds) {
  add_challenge();
  std::array<std::uint8_t, 100> small{};
  const auto refused = write_request(crypto_, fields_, kKey, kAlgorithm, small);
  EXPECT_EQ(refused.error().code, ErrorCode::buffer_too_small);
  Octets enough(refused.error().offset);
  EXPECT_TRUE(write_request(crypto_, fields_, kKey, kAlgorithm, enough));
}

TEST_F(CsrTest, AsksForOneExtensionAtLeast) {
  EXPECT_EQ(extension_request({}, extensions_).error().code, ErrorCode::bad_attribute);
  x509::ExtensionSet extensions;
  extensions.key_usage = x509::kDigitalSignature;
  std::array<std::uint8_t, 17> small{};
  EXPECT_EQ(extension_request(extensions, small).error(), (Error{ErrorCode::buffer_too_small, 18}));
}

TEST_F(CsrTest, RefusesAForeignSignature) {
  Octets der = write().value();
  der.back() ^= 1U;
  EXPECT_EQ(Request::parse(der)->verify(crypto_).error().code, ErrorCode::invalid_signature);
}

TEST_F(CsrTest, RefusesEveryTruncation) {
  add_challenge();
  const Octets der = write().value();
  for (std::size_t size = 0; size < der.size(); ++size) {
    const Octets cut(der.begin(), der.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(Request::parse(cut).error(), (Error{ErrorCode::truncated, 0}));
  }
}

// Every way to spoil DER, in every element: refused, with the reason and where.
TEST_F(CsrTest, RefusesEverySpoiltElement) {
  using testing::Fault;
  const Octets type = unhex("2a0309");
  const Octets value = unhex("3005 0500 0101ff");
  x509::ExtensionSet extensions;
  extensions.key_usage = x509::kDigitalSignature;
  extensions.basic_constraints = x509::BasicConstraints{};
  add_challenge();
  add(extension_request(extensions, extensions_));
  add(Attribute{type, value});
  const Octets good = write().value();
  const testing::Parse parse = testing::parse_as<Request>;
  using Paths = std::set<std::string>;
  for (const Fault fault : {Fault::indefinite_length, Fault::non_minimal_length, Fault::oversized_length}) {
    EXPECT_EQ(accepted_with(fault, good, parse), Paths());
  }
  // What is inside an attribute that is not known is its own: it must be DER, and no more.
  EXPECT_EQ(accepted_with(Fault::trailing_data, good, parse), (Paths{"0.0.3.0.1.0"}));
  // An RDN may be repeated, and a value of that attribute.
  EXPECT_EQ(accepted_with(Fault::repeated, good, parse),
            (Paths{"0.0.1.0", "0.0.3.0.1.0", "0.0.3.0.1.0.0", "0.0.3.0.1.0.1"}));
  // A key whose algorithm and curve are exchanged is of an unknown kind; extensions have no order.
  EXPECT_EQ(accepted_with(Fault::reordered, good, parse),
            (Paths{"0.0.2.0.0", "0.0.3.0.1.0.0", "0.0.3.2.1.0.0"}));
}

// A request with these attributes is refused with this code at this offset from where `part` begins.
void expect_refused(const Octets& attributes, const Octets& part, ErrorCode code, std::uint32_t within,
                    const char* version = "020100") {
  const testing::FakeCrypto crypto;
  const Octets info =
      sequence({unhex(version), common_name("Device"), testing::spki_of(crypto, kKey), attributes});
  const Octets der = sequence({info, sequence({element(der::kOid, oid::kEcdsaWithSha256)}), unhex("030100")});
  const auto request = Request::parse(der);
  ASSERT_FALSE(request);
  EXPECT_EQ(name(request.error().code), name(code));
  EXPECT_EQ(request.error().offset, find(der, part) + within);
}

Octets attribute(Bytes type, std::initializer_list<Bytes> values) {
  return sequence({element(der::kOid, type), element(der::kSet, values)});
}

TEST(Csr, RefusesBadAttributes) {
  const Octets a = attribute(unhex("2a0301"), {unhex("0500")});
  const Octets b = attribute(unhex("2a0302"), {unhex("0500")});
  expect_refused(element(0xa0, {b, a}), a, ErrorCode::wrong_order, 0);
  expect_refused(element(0xa0, {a, a}), a, ErrorCode::bad_attribute, static_cast<std::uint32_t>(a.size()));
  expect_refused(element(0xa0, attribute(unhex("2a0301"), {})), unhex("2a0301 3100"),
                 ErrorCode::bad_attribute, 5);
  const Octets unsorted = attribute(unhex("2a0301"), {unhex("020102"), unhex("020101")});
  expect_refused(element(0xa0, unsorted), unsorted, ErrorCode::wrong_order, 12);
  Octets deep = unhex("0500");
  for (int i = 0; i < 1000; ++i) deep = sequence({deep});
  expect_refused(element(0xa0, attribute(unhex("2a0301"), {deep})), deep, ErrorCode::too_deep, 16 * 4);
  expect_refused({}, unhex("300a 0608 2a8648ce3d040302"), ErrorCode::truncated, 0);
  expect_refused(unhex("a000 0500"), unhex("a000 0500"), ErrorCode::trailing_data, 2);
  expect_refused(unhex("a000"), unhex("020101 30"), ErrorCode::unsupported_version, 0, "020101");
}

TEST(Csr, RefusesBadKnownAttributes) {
  const auto refuse = [](const Octets& one, ErrorCode code) {
    const Octets set = element(0xa0, one);
    const Octets values(one.begin() + static_cast<std::ptrdiff_t>(find(one, unhex("31"))), one.end());
    expect_refused(set, values, code, 2);
  };
  refuse(attribute(oid::kChallengePassword, {unhex("0c00")}), ErrorCode::bad_attribute);
  refuse(attribute(oid::kChallengePassword, {unhex("0401aa")}), ErrorCode::bad_attribute);
  refuse(attribute(oid::kChallengePassword, {unhex("13012a")}), ErrorCode::bad_attribute);
  refuse(attribute(oid::kExtensionRequest, {unhex("0500")}), ErrorCode::bad_attribute);
  const Octets empty = attribute(oid::kExtensionRequest, {unhex("3000")});
  expect_refused(element(0xa0, empty), unhex("3102 3000"), ErrorCode::bad_extension, 4);
  const Octets two = attribute(oid::kChallengePassword, {unhex("130161"), unhex("130162")});
  expect_refused(element(0xa0, two), unhex("130162"), ErrorCode::bad_attribute, 0);
}

}  // namespace
}  // namespace pedigree::csr
