// SPDX-License-Identifier: Apache-2.0
#include "server/http/verify_request.h"

#include <gtest/gtest.h>

#include "core/cbor/cbor.h"
#include "server/http/cbor_value.h"
#include "testing/support/octets.h"

namespace pedigree::http {
namespace {

namespace json = boost::json;
using testing::base64;
using testing::Octets;
using testing::repeated;
using testing::unhex;

const Octets kToken = unhex("d28443a10126a0410040");
const Octets kLeaf = repeated(0x30, 400);
const Octets kIssuer = repeated(0x31, 401);

json::object good_item() {
  return {{"token", base64(kToken)},
          {"chain", json::array{base64(kLeaf), base64(kIssuer)}},
          {"nonce", std::string(64, 'a')},
          {"ear", "jwt"}};
}

void expect_good(const VerifyItem& item) {
  EXPECT_EQ(item.fault, "");
  EXPECT_TRUE(equal(item.token, kToken));
  ASSERT_EQ(item.chain.size(), 2U);
  EXPECT_TRUE(equal(item.chain[0], kLeaf));
  EXPECT_TRUE(equal(item.chain[1], kIssuer));
  EXPECT_TRUE(equal(item.nonce, repeated(0xaa, 32)));
  EXPECT_EQ(item.ear, EarForm::jwt);
}

Octets cbor_item(Bytes token, Bytes nonce) {
  return testing::written([&](Writer& out) {
    cbor::Encoder encoder(out);
    encoder.map(4);
    encoder.tstr("token");
    encoder.bstr(token);
    encoder.tstr("nonce");
    encoder.bstr(nonce);
    encoder.tstr("chain");
    encoder.array(2);
    encoder.bstr(kLeaf);
    encoder.bstr(kIssuer);
    encoder.tstr("ear");
    encoder.tstr("jwt");
  });
}

Octets cbor_array(const std::vector<Octets>& items) {
  return testing::written([&](Writer& out) {
    cbor::Encoder encoder(out);
    encoder.array(items.size());
    for (const Octets& item : items) encoder.raw(item);
  });
}

TEST(VerifyRequest, ReadsOneItemInBothForms) {
  const auto from_json = VerifyRequest::parse_json(json::serialize(good_item()), false);
  ASSERT_TRUE(from_json) << from_json.error();
  ASSERT_EQ(from_json->items().size(), 1U);
  expect_good(from_json->items()[0]);
  const Octets body = cbor_item(kToken, repeated(0xaa, 32));
  const auto from_cbor = VerifyRequest::parse_cbor(body, false);
  ASSERT_TRUE(from_cbor) << from_cbor.error();
  expect_good(from_cbor->items()[0]);
}

TEST(VerifyRequest, AFaultyItemLeavesItsNeighboursAlone) {
  const std::vector<json::value> bad = {
      nullptr,
      json::object{},
      json::object{{"token", ""}},
      json::object{{"token", "not base64"}},
      json::object{{"token", 5}},
      json::object{{"token", base64(kToken)}, {"nonce", "aa"}},
      json::object{{"token", base64(kToken)}, {"nonce", std::string(64, 'A')}},
      json::object{{"token", base64(kToken)}, {"chain", json::array{}}},
      json::object{{"token", base64(kToken)}, {"chain", base64(kLeaf)}},
      json::object{{"token", base64(kToken)}, {"chain", json::array{1}}},
      json::object{{"token", base64(kToken)}, {"chain", json::array(9, json::value(base64(kLeaf)))}},
      json::object{{"token", base64(kToken)}, {"ear", "xml"}},
      json::object{{"token", base64(kToken)}, {"tokens", 1}},
  };
  json::array body{good_item()};
  for (const json::value& one : bad) body.push_back(one);
  body.push_back(good_item());
  const std::string text = json::serialize(body);
  const auto request = VerifyRequest::parse_json(text, true);
  ASSERT_TRUE(request) << request.error();
  ASSERT_EQ(request->items().size(), bad.size() + 2);
  expect_good(request->items().front());
  expect_good(request->items().back());
  for (std::size_t i = 1; i <= bad.size(); ++i) {
    EXPECT_FALSE(request->items()[i].fault.empty()) << json::serialize(bad[i - 1]);
  }
}

TEST(VerifyRequest, TheSameInCbor) {
  const Octets good = cbor_item(kToken, repeated(0xaa, 32));
  std::vector<Octets> items{good};
  items.push_back(unhex("f6"));
  items.push_back(unhex("a0"));
  items.push_back(cbor_item({}, repeated(0xaa, 32)));
  items.push_back(cbor_item(kToken, repeated(0xaa, 31)));
  items.push_back(unhex("a165746f6b656e6161"));                  // a text as token
  items.push_back(unhex("a265746f6b656e416165746f6b656e4161"));  // the token twice
  items.push_back(unhex("a10141aa"));                            // a number as key
  items.push_back(unhex("a265746f6b656e416165636861696e80"));    // an empty chain
  items.push_back(good);
  const Octets body = cbor_array(items);
  const auto request = VerifyRequest::parse_cbor(body, true);
  ASSERT_TRUE(request) << request.error();
  ASSERT_EQ(request->items().size(), items.size());
  expect_good(request->items().front());
  expect_good(request->items().back());
  for (std::size_t i = 1; i + 1 < items.size(); ++i) EXPECT_FALSE(request->items()[i].fault.empty()) << i;
}

TEST(VerifyRequest, ABatchHasAtLeastOneAndAtMost256Items) {
  EXPECT_FALSE(VerifyRequest::parse_json("[]", true));
  EXPECT_FALSE(VerifyRequest::parse_cbor(unhex("80"), true));
  json::array many(VerifyRequest::kMaxItems, json::value(nullptr));
  EXPECT_TRUE(VerifyRequest::parse_json(json::serialize(many), true));
  many.push_back(nullptr);
  EXPECT_FALSE(VerifyRequest::parse_json(json::serialize(many), true));
  const std::vector<Octets> nulls(VerifyRequest::kMaxItems + 1, Octets{0xf6});
  EXPECT_FALSE(VerifyRequest::parse_cbor(cbor_array(nulls), true));
}

TEST(VerifyRequest, ABodyThatIsNoneIsRefusedWhole) {
  for (const char* body : {"", "{", "[1", "{}", "\"a\"", "1"}) {
    EXPECT_FALSE(VerifyRequest::parse_json(body, true)) << body;
  }
  for (const char* body : {"", "82f6", "f6", "81", "81f6f6", "9ff6ff"}) {
    const Octets octets = unhex(body);
    EXPECT_FALSE(VerifyRequest::parse_cbor(octets, true)) << body;
  }
}

TEST(CborValue, SaysTheSameAsJson) {
  const json::value value{
      {"a", json::array{1, -1, true, nullptr, "text"}}, {"b", json::object{}}, {"c", 1.5}};
  EXPECT_EQ(testing::hex(as_bytes(to_cbor(value))), "a36161850120f5f664746578746162a06163fb3ff8000000000000");
}

}  // namespace
}  // namespace pedigree::http
