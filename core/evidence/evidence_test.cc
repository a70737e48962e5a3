// SPDX-License-Identifier: Apache-2.0
#include "core/evidence/evidence.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "crypto/openssl/keys.h"
#include "crypto/openssl/openssl_crypto.h"
#include "testing/support/octets.h"

namespace pedigree::evidence {
namespace {

using testing::hex;
using testing::Octets;
using testing::outcome;
using testing::repeated;
using testing::unhex;

Octets value_of(Bytes token) {
  return testing::written([&](Writer& out) {
    der::Builder builder(out);
    write_attribute_value(token, builder);
  });
}

Octets der_of(der::Tag tag, const Octets& content) {
  return testing::written([&](Writer& out) { der::Builder(out).element(tag, content); });
}

template <typename... Parts>
Octets joined(const Parts&... parts) {
  Octets all;
  (all.insert(all.end(), parts.begin(), parts.end()), ...);
  return all;
}

const Octets kType = der_of(der::kOid, Octets(std::begin(kStatementType), std::end(kStatementType)));
const Octets kOtherType = der_of(der::kOid, unhex("2a0305"));
const Octets kRecord = unhex("82 73" + hex(as_bytes(kMediaType)) + "43 aabbcc");

Octets statement(const Octets& type, const Octets& value) {
  return der_of(der::kSequence, joined(type, value));
}

Octets bundle(const Octets& statements, const Octets& after = {}) {
  return der_of(der::kSequence, joined(der_of(der::kSequence, statements), after));
}

std::string read(const Octets& value) {
  const auto token = read_attribute_value(value);
  return token ? hex(*token) : std::string(name(token.error().code));
}

TEST(EvidenceAttribute, IsABundleWithOneWrappedToken) {
  const Octets token = unhex("aabbcc");
  const Octets expected = bundle(statement(kType, der_of(der::kOctetString, kRecord)));
  EXPECT_EQ(hex(value_of(token)), hex(expected));
  EXPECT_EQ(read(expected), "aabbcc");
}

TEST(EvidenceAttribute, PassesOverWhatIsNotOurs) {
  const Octets ours = statement(kType, der_of(der::kOctetString, kRecord));
  const Octets other = statement(kOtherType, unhex("0500"));
  EXPECT_EQ(read(bundle(joined(other, ours))), "aabbcc");
  EXPECT_EQ(read(bundle(joined(ours, other), der_of(der::kSequence, unhex("3000")))), "aabbcc");
  EXPECT_EQ(read(bundle(other)), "not_found");
  EXPECT_EQ(read(bundle(joined(ours, ours))), "too_many");
  // Parameters of the media type, and an indicator of the kind of message.
  const Octets more = unhex("83 74" + hex(as_bytes("application/eat+cwt;")) + "43 aabbcc 04");
  EXPECT_EQ(read(bundle(statement(kType, der_of(der::kOctetString, more)))), "aabbcc");
}

TEST(EvidenceAttribute, RefusesWhatIsMalformed) {
  const Octets ours = statement(kType, der_of(der::kOctetString, kRecord));
  EXPECT_EQ(read({}), "bad_attribute");
  EXPECT_EQ(read(bundle({})), "bad_attribute");
  EXPECT_EQ(read(joined(bundle(ours), unhex("0500"))), "bad_attribute");
  EXPECT_EQ(read(bundle(ours, unhex("0500"))), "bad_attribute");
  EXPECT_EQ(read(bundle(statement(kType, joined(der_of(der::kOctetString, kRecord), unhex("0500"))))),
            "bad_attribute");
  EXPECT_EQ(read(bundle(statement(kType, der_of(der::kUtf8String, kRecord)))), "bad_attribute");
  for (const char* record : {"", "80", "81 6161", "82 6161 41aa", "a0"}) {
    EXPECT_EQ(read(bundle(statement(kType, der_of(der::kOctetString, unhex(record))))), "bad_attribute")
        << record;
  }
  EXPECT_EQ(read(bundle(statement(kType, der_of(der::kOctetString, joined(kRecord, unhex("00")))))),
            "bad_attribute");
  const Octets value = bundle(ours);
  for (std::size_t size = 0; size < value.size(); ++size) {
    EXPECT_EQ(read(Octets(value.begin(), value.begin() + static_cast<std::ptrdiff_t>(size))),
              "bad_attribute");
  }
}

TEST(EvidenceAttribute, TravelsInARequest) {
  const crypto::OpenSslCrypto crypto;
  const auto key = crypto::OpenSslKey::generate(crypto::KeyType::p256).value();
  std::array<std::uint8_t, crypto::kMaxPublicKeySize> point{};
  const auto public_key = crypto.public_key(key.view(), point).value();
  const Octets spki = testing::written([&](Writer& out) {
    der::Builder builder(out);
    x509::write_spki(public_key, builder);
  });
  const Octets token = repeated(0x5a, 700);
  const Octets value = value_of(token);
  const csr::Attribute attribute{kAttribute, value};
  csr::RequestFields fields;
  const Octets subject = unhex("3000");
  fields.subject = subject;
  fields.spki = spki;
  fields.attributes = {&attribute, 1};
  Octets buffer(2000);
  const auto write = [&] {
    return csr::write_request(crypto, fields, key.view(), crypto::default_algorithm(key.view().type), buffer);
  };
  const auto der = write();
  ASSERT_TRUE(der) << outcome(der);
  const auto request = csr::Request::parse(*der);
  ASSERT_TRUE(request);
  EXPECT_TRUE(request->verify(crypto));
  EXPECT_EQ(hex(find_token(*request).value()), hex(token));
  fields.attributes = {};
  const auto bare = write();
  ASSERT_TRUE(bare);
  EXPECT_EQ(find_token(*csr::Request::parse(*bare)).error().code, ErrorCode::not_found);
}

TEST(EvidenceAttribute, TheTokenMayStandAtTheEndOfTheOutput) {
  for (const std::size_t size : {1U, 23U, 24U, 200U, 255U, 256U, 700U, 65000U}) {
    const Octets token = repeated(0x5a, size);
    Octets buffer(size + kAttributeOverhead);
    std::ranges::copy(token, buffer.end() - static_cast<std::ptrdiff_t>(size));
    Writer out(buffer);
    der::Builder builder(out);
    write_attribute_value(Bytes(buffer).last(size), builder);
    ASSERT_TRUE(out.fits()) << size;
    EXPECT_EQ(hex(out.written()), hex(value_of(token))) << size;
  }
}

std::string parsed(const std::string& text) {
  return outcome(TokenRequest::parse(unhex(text)));
}

TEST(TokenRequest, HasOneForm) {
  const Octets data = unhex("a2 01 42 3000 02 43 d28400");
  const auto request = TokenRequest::parse(data);
  ASSERT_TRUE(request);
  EXPECT_EQ(hex(request->spki), "3000");
  EXPECT_EQ(hex(request->token), "d28400");
  EXPECT_TRUE(is_token_request(data));
  EXPECT_FALSE(is_token_request(unhex("3000")));
  EXPECT_FALSE(is_token_request({}));
  EXPECT_EQ(parsed("a1 01 42 3000"), "bad_value at 0");
  EXPECT_EQ(parsed("a2 02 42 3000 01 43 d28400"), "bad_value at 1");
  EXPECT_EQ(parsed("a2 01 42 3000 01 43 d28400"), "bad_value at 5");
  EXPECT_EQ(parsed("a2 01 40 02 41 d2"), "bad_value at 1");
  EXPECT_EQ(parsed("a2 01 42 3000 02 43 d28400 00"), "trailing_data at 10");
  EXPECT_EQ(parsed("a2 01 42 3000 02 6161"), "bad_tag at 6");
  EXPECT_EQ(parsed("3000"), "bad_tag at 0");
  EXPECT_EQ(parsed(""), "truncated at 0");
}

TEST(TokenRequest, RoundTripsAndTheTokenMayStandAtTheEndOfTheOutput) {
  rc::check([](const Octets& spki, const Octets& token) {
    RC_PRE(!spki.empty() && !token.empty());
    const Octets data = testing::written([&](Writer& out) { write_token_request({spki, token}, out); });
    const auto request = TokenRequest::parse(data);
    RC_ASSERT(request.has_value());
    RC_ASSERT(equal(request->spki, spki) && equal(request->token, token));
    Octets buffer(spki.size() + token.size() + 10);
    std::ranges::copy(token, buffer.end() - static_cast<std::ptrdiff_t>(token.size()));
    Writer out(buffer);
    write_token_request({spki, Bytes(buffer).last(token.size())}, out);
    RC_ASSERT(out.fits() && equal(out.written(), data));
  });
}

}  // namespace
}  // namespace pedigree::evidence
