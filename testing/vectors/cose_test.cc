// SPDX-License-Identifier: Apache-2.0
// cose-wg/Examples over both crypto back ends: sign1-tests, ecdsa-examples, x509-examples.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <map>

#include "core/cose/cose.h"
#include "core/x509/certificate.h"
#include "testing/crypto/backends.h"
#include "testing/support/octets.h"

namespace pedigree::testing {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

// What is refused before any signature is verified, and as what. Those of ecdsa-examples are out of scope:
// they are good messages of an algorithm (ES512) and a curve (P-521) that Pedigree does not have.
const std::map<std::string, std::string_view> kRefused = {
    {"sign-fail-01", "bad_tag"},                // tag 998
    {"sign-fail-03", "unsupported_algorithm"},  // algorithm -999
    {"sign-fail-04", "unsupported_algorithm"},  // algorithm "unknown"
    {"ecdsa-sig-03", "unsupported_algorithm"},  // ES512 with P-521
    {"ecdsa-sig-04", "unsupported_algorithm"},  // ES512 with P-256
};

Octets base64url(std::string text) {
  std::ranges::replace(text, '-', '+');
  std::ranges::replace(text, '_', '/');
  return unbase64(text);
}

std::string text_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value == nullptr ? std::string() : std::string(value->as_string());
}

Octets coordinate(const json::object& key, const std::string& name) {
  return key.contains(name) ? base64url(text_at(key, name)) : unhex(text_at(key, name + "_hex"));
}

struct Example {
  std::string name;
  Octets message;
  Octets external;
  Octets point;
  crypto::KeyType type{};
  bool fails = false;
};

Example read_example(const fs::path& file) {
  const json::object root = json::parse(read_text(file)).as_object();
  const json::object& sign = root.at("input").at("sign0").as_object();
  const json::object& key = sign.at("key").as_object();
  Example example{.name = file.stem().string(),
                  .message = unhex(text_at(root.at("output").as_object(), "cbor")),
                  .external = unhex(text_at(sign, "external")),
                  .point = {0x04},
                  .type = text_at(key, "crv") == "P-384" ? crypto::KeyType::p384 : crypto::KeyType::p256,
                  .fails = root.contains("fail") && root.at("fail").as_bool()};
  for (const char* name : {"x", "y"}) {
    const Octets value = coordinate(key, name);
    example.point.insert(example.point.end(), value.begin(), value.end());
  }
  return example;
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

void check_example(const Example& example) {
  const auto message = cose::Sign1::parse(example.message);
  const auto refused = kRefused.find(example.name);
  if (refused != kRefused.end()) {
    ASSERT_FALSE(message) << example.name;
    EXPECT_EQ(name(message.error().code), refused->second) << example.name;
    return;
  }
  ASSERT_TRUE(message) << example.name << ": " << name(message.error().code);
  for (const Backend* backend : backends()) {
    Octets scratch(500);
    const auto verdict =
        message->verify(backend->crypto(), {example.type, example.point}, example.external, scratch);
    EXPECT_EQ(verdict.has_value(), !example.fails) << example.name << " over " << backend->crypto().backend();
    if (!verdict) {
      EXPECT_EQ(verdict.error().code, ErrorCode::invalid_signature) << example.name;
    }
  }
}

TEST(CoseVectors, Sign1AndEcdsa) {
  const auto folder = vectors_dir();
  if (!folder) GTEST_SKIP() << "no vectors";
  std::size_t count = 0;
  for (const char* part : {"sign1-tests", "ecdsa-examples"}) {
    for (const fs::path& file : files_in(*folder / "cose" / part)) {
      check_example(read_example(file));
      ++count;
    }
  }
  EXPECT_EQ(count, 13U);
}

/// One signer of a COSE_Sign (RFC 9052 4.1), which Pedigree does not read as a message; its headers and its
/// x5chain are those that COSE_Sign1 has.
struct Signer {
  Octets to_be_signed;
  Bytes signature;
  std::map<std::int64_t, Bytes> unprotected;
};

Signer read_signer(Bytes message) {
  Reader in(message);
  EXPECT_EQ(cbor::read_tag(in), 98U);
  EXPECT_EQ(cbor::read_array(in), 4U);
  const Bytes body_protected = cbor::read_bstr(in).value();
  (void)cbor::skip(in).value();
  const Bytes payload = cbor::read_bstr(in).value();
  EXPECT_EQ(cbor::read_array(in), 1U);
  EXPECT_EQ(cbor::read_array(in), 3U);
  const Bytes sign_protected = cbor::read_bstr(in).value();
  Signer signer;
  const std::size_t count = cbor::read_unique_map(in).value();
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t label = cbor::read_int(in).value();
    signer.unprotected[label] = cbor::skip(in).value();
  }
  signer.signature = cbor::read_bstr(in).value();
  EXPECT_TRUE(in.finish());
  signer.to_be_signed = written([&](Writer& out) {
    cbor::Encoder encoder(out);
    encoder.array(5);
    encoder.tstr("Signature");
    encoder.bstr(body_protected);
    encoder.bstr(sign_protected);
    encoder.bstr({});
    encoder.bstr(payload);
  });
  return signer;
}

// In scope: the x5chain of one and of two certificates. Out of scope: x5bag (signed-01, signed-02) and x5t
// (signed-05), which Pedigree neither writes nor reads.
TEST(CoseVectors, X5Chain) {
  const auto folder = vectors_dir();
  if (!folder) GTEST_SKIP() << "no vectors";
  const fs::path examples = *folder / "cose" / "x509-examples";
  const Octets alice = read_file(examples / "alice.der");
  const Octets ca = read_file(examples / "ca.der");
  std::map<std::string, std::size_t> chains;
  for (const fs::path& file : files_in(examples)) {
    const json::value root = json::parse(read_text(file));
    const Octets message = unhex(text_at(root.at("output").as_object(), "cbor"));
    EXPECT_EQ(cose::Sign1::parse(message).error(), (Error{ErrorCode::bad_tag, 0})) << file;
    const Signer signer = read_signer(message);
    const auto header = signer.unprotected.find(33);
    if (header == signer.unprotected.end()) continue;
    Reader in(header->second);
    const auto chain = cose::read_x5chain(in);
    ASSERT_TRUE(chain) << file;
    chains[file.stem().string()] = chain->count;
    EXPECT_TRUE(equal(chain->certificates[0], alice));
    EXPECT_TRUE(chain->count == 1 || equal(chain->certificates[1], ca));
    EXPECT_EQ(written([&](Writer& out) {
                cbor::Encoder encoder(out);
                cose::write_x5chain(chain->view(), encoder);
              }),
              Octets(header->second.begin(), header->second.end()));
    // The examples' certificates have a keyUsage with trailing zero bits, which DER forbids (X.690 11.2.2);
    // so the key comes from the description.
    EXPECT_EQ(x509::Certificate::parse(alice).error().code, ErrorCode::non_minimal);
    const json::value& key = root.at("input").at("sign").at("signers").at(0).at("key");
    Octets point{0x04};
    for (const char* axis : {"x", "y"})
      std::ranges::copy(coordinate(key.as_object(), axis), std::back_inserter(point));
    for (const Backend* backend : backends()) {
      EXPECT_TRUE(backend->crypto().verify({crypto::KeyType::p256, point},
                                           crypto::default_algorithm(crypto::KeyType::p256),
                                           signer.to_be_signed, signer.signature))
          << file << " over " << backend->crypto().backend();
    }
  }
  EXPECT_EQ(chains, (std::map<std::string, std::size_t>{{"signed-03", 1}, {"signed-04", 2}}));
}

}  // namespace
}  // namespace pedigree::testing
