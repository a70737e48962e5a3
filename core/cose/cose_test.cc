// SPDX-License-Identifier: Apache-2.0
#include "core/cose/cose.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "crypto/openssl/keys.h"
#include "crypto/openssl/openssl_crypto.h"
#include "testing/support/octets.h"

namespace pedigree::cose {
namespace {

using testing::Octets;
using testing::outcome;
using testing::repeated;
using testing::unhex;
using testing::written;

std::string parse_error(const std::string& hex) {
  return outcome(Sign1::parse(unhex(hex)));
}

Octets x5chain_of(std::span<const Bytes> chain) {
  return written([&](Writer& out) {
    cbor::Encoder encoder(out);
    write_x5chain(chain, encoder);
  });
}

TEST(X5Chain, OneIsABareStringAndMoreAreAnArray) {
  const Octets a = unhex("3001aa");
  const Octets b = unhex("3001bb");
  const Bytes chain[] = {a, b};
  EXPECT_EQ(x5chain_of(std::span(chain).first(1)), unhex("43 3001aa"));
  EXPECT_EQ(x5chain_of(chain), unhex("82 43 3001aa 43 3001bb"));
  for (const std::size_t count : {1U, 2U}) {
    const Octets data = x5chain_of(std::span(chain).first(count));
    Reader in(data);
    const auto read = read_x5chain(in);
    ASSERT_TRUE(read);
    EXPECT_TRUE(in.empty());
    ASSERT_EQ(read->view().size(), count);
    EXPECT_TRUE(equal(read->view()[0], a));
  }
}

TEST(X5Chain, RefusesWhatRfc9360DoesNotAllow) {
  const auto error = [](const std::string& hex) {
    const Octets data = unhex(hex);
    Reader in(data);
    const auto result = read_x5chain(in);
    EXPECT_EQ(in.size(), result ? 0 : data.size());
    return outcome(result);
  };
  EXPECT_EQ(error("80"), "empty_chain at 0");
  EXPECT_EQ(error("81 41aa"), "bad_value at 0");
  EXPECT_EQ(error("40"), "bad_value at 0");
  EXPECT_EQ(error("82 41aa 40"), "bad_value at 3");
  EXPECT_EQ(error("82 41aa 6161"), "bad_tag at 3");
  EXPECT_EQ(error("6161"), "bad_tag at 0");
  EXPECT_EQ(error("89 41aa41aa41aa41aa41aa41aa41aa41aa41aa"), "too_many at 0");
  EXPECT_EQ(error("9f 41aa 41aa ff"), "indefinite_length at 0");
  EXPECT_EQ(error("82 41aa"), "truncated at 3");
  EXPECT_EQ(error(""), "truncated at 0");
}

TEST(Chain, OnTheWireIsAlwaysAnArray) {
  const Octets a = unhex("3001aa");
  const Bytes chain[] = {a};
  const Octets data = written([&](Writer& out) {
    cbor::Encoder encoder(out);
    write_chain(chain, encoder);
  });
  EXPECT_EQ(data, unhex("81 43 3001aa"));
  EXPECT_EQ(read_chain(data)->count, 1U);
  EXPECT_EQ(read_chain(unhex("80")).error(), (Error{ErrorCode::empty_chain, 0}));
  EXPECT_EQ(read_chain(unhex("43 3001aa")).error(), (Error{ErrorCode::bad_tag, 0}));
  EXPECT_EQ(read_chain(unhex("81 43 3001aa 00")).error(), (Error{ErrorCode::trailing_data, 5}));
  EXPECT_EQ(read_chain(unhex("89 41aa41aa41aa41aa41aa41aa41aa41aa41aa")).error(),
            (Error{ErrorCode::too_many, 0}));
}

TEST(Sign1, ReadsBothHeaders) {
  const Octets data = unhex("d2 84 47 a2 01 26 04 42 3131 a1 18 21 43 3001aa 43 616263 41 99");
  const auto message = Sign1::parse(data);
  ASSERT_TRUE(message) << name(message.error().code) << message.error().offset;
  EXPECT_EQ(message->algorithm(), Algorithm::es256);
  EXPECT_TRUE(equal(message->protected_header(), unhex("a20126 04423131")));
  EXPECT_TRUE(equal(message->unprotected_header(), unhex("a1 1821 43 3001aa")));
  EXPECT_TRUE(equal(message->key_id().value(), unhex("3131")));
  EXPECT_EQ(message->x5chain()->count, 1U);
  EXPECT_TRUE(equal(message->payload().value(), unhex("616263")));
  EXPECT_TRUE(equal(message->signature(), unhex("99")));
  EXPECT_FALSE(Sign1::parse(unhex("84 43a10126 a0 f6 4199"))->payload().has_value());
  EXPECT_EQ(Sign1::parse(unhex("84 44a1013822 a0 f6 4199"))->algorithm(), Algorithm::es384);
  EXPECT_EQ(Sign1::parse(unhex("84 43a10127 a0 f6 4199"))->algorithm(), Algorithm::eddsa);
}

TEST(Sign1, RefusesMalformedMessages) {
  EXPECT_EQ(parse_error(""), "truncated at 0");
  EXPECT_EQ(parse_error("d1 84 43a10126 a0 f6 4199"), "bad_tag at 0");
  EXPECT_EQ(parse_error("d903e6 84 43a10126 a0 f6 4199"), "bad_tag at 0");
  EXPECT_EQ(parse_error("d2 d2 84 43a10126 a0 f6 4199"), "bad_tag at 1");
  EXPECT_EQ(parse_error("83 43a10126 a0 f6"), "bad_value at 0");
  EXPECT_EQ(parse_error("85 43a10126 a0 f6 4199 00"), "bad_value at 0");
  EXPECT_EQ(parse_error("9f 43a10126 a0 f6 4199 ff"), "indefinite_length at 0");
  EXPECT_EQ(parse_error("84 a10126 a0 f6 4199"), "bad_tag at 1");
  EXPECT_EQ(parse_error("84 43a10126 80 f6 4199"), "bad_tag at 5");
  EXPECT_EQ(parse_error("84 43a10126 a0 f7 4199"), "bad_tag at 6");
  EXPECT_EQ(parse_error("84 43a10126 a0 f6 f6"), "bad_tag at 7");
  EXPECT_EQ(parse_error("84 43a10126 a0 f6 4199 00"), "trailing_data at 9");
  EXPECT_EQ(parse_error("84 44a1012600 a0 f6 4199"), "trailing_data at 5");
  EXPECT_EQ(parse_error("84 41a1 a0 f6 4199"), "truncated at 3");
  EXPECT_EQ(parse_error("84 43 80 0126 a0 f6 4199"), "bad_tag at 2");
  EXPECT_EQ(parse_error("84 45bf0126ff00 a0 f6 4199"), "indefinite_length at 2");
}

TEST(Sign1, RefusesBadHeaders) {
  EXPECT_EQ(parse_error("84 40 a0 f6 4199"), "missing_field at 2");
  EXPECT_EQ(parse_error("84 43a10125 a0 f6 4199"), "unsupported_algorithm at 4");
  EXPECT_EQ(parse_error("84 44a101613f a0 f6 4199"), "unsupported_algorithm at 4");
  EXPECT_EQ(parse_error("84 43a10140 a0 f6 4199"), "bad_tag at 4");
  EXPECT_EQ(parse_error("84 45a201260126 a0 f6 4199"), "duplicate at 5");
  EXPECT_EQ(parse_error("84 43a10126 a10126 f6 4199"), "duplicate at 6");  // in both headers
  EXPECT_EQ(parse_error("84 43a10126 a2 04 4131 04 4132 f6 4199"), "duplicate at 9");
  EXPECT_EQ(parse_error("84 43a10126 a1 40 00 f6 4199"), "bad_tag at 6");  // a label that is a bstr
  EXPECT_EQ(parse_error("84 43a10126 a1 04 00 f6 4199"), "bad_tag at 7");  // kid that is no bstr
  EXPECT_EQ(parse_error("84 43a10126 a1 1821 80 f6 4199"), "empty_chain at 8");
  // Unknown labels are passed over, text and large integers too.
  EXPECT_EQ(parse_error("84 43a10126 a3 1863 00 6178 80 1bffffffffffffffff 01 f6 4199"), "accepted");
}

TEST(Sign1, RefusesOtherForms) {
  EXPECT_EQ(parse_error("9804 43a10126 a0 f6 4199"), "non_minimal at 0");
  EXPECT_EQ(parse_error("d812 84 43a10126 a0 f6 4199"), "non_minimal at 0");
  EXPECT_EQ(parse_error("84 5803a10126 a0 f6 4199"), "non_minimal at 1");
  EXPECT_EQ(parse_error("84 44a1180126 a0 f6 4199"), "non_minimal at 3");
  EXPECT_EQ(parse_error("84 43a10126 a1 1804 4131 f6 4199"), "non_minimal at 6");
  EXPECT_EQ(parse_error("84 43a10126 bfff f6 4199"), "indefinite_length at 5");
  EXPECT_EQ(parse_error("84 43a10126 a0 5f4100ff 4199"), "indefinite_length at 6");
  EXPECT_EQ(parse_error("84 43a10126 a0 f6 5f4199ff"), "indefinite_length at 7");
  EXPECT_EQ(parse_error("84 a0 43a10126 f6 4199"), "bad_tag at 1");  // headers exchanged
  EXPECT_EQ(parse_error("84 43a10126 a0 4199 f6"), "bad_tag at 8");  // payload and signature exchanged
  EXPECT_EQ(parse_error("84 43a10126 a0 f6 5bffffffffffffffff"), "truncated at 16");
  std::string deep = "84 43a10126 a1 1863 ";
  for (int i = 0; i < 1000; ++i) deep += "81";
  EXPECT_EQ(parse_error(deep + "00 f6 4199"), "too_deep at " + std::to_string(8 + cbor::kMaxDepth));
}

TEST(Sign1, CriticalHeaders) {
  EXPECT_EQ(parse_error("84 46a2 0126 02 81 01 a0 f6 4199"), "accepted");
  EXPECT_EQ(parse_error("84 4a a3 0126 02 81 1863 1863 00 a0 f6 4199"), "unknown_critical_header at 7");
  EXPECT_EQ(parse_error("84 4a a3 0126 02 81 6178 6178 00 a0 f6 4199"), "unknown_critical_header at 7");
  EXPECT_EQ(parse_error("84 45a2 0126 02 80 a0 f6 4199"), "bad_value at 6");
  EXPECT_EQ(parse_error("84 46a2 0126 02 81 04 a0 f6 4199"), "bad_header at 7");  // listed, but not there
  EXPECT_EQ(parse_error("84 43a10126 a1 02 81 01 f6 4199"), "bad_header at 6");   // unprotected
  EXPECT_EQ(parse_error("84 45a2 0126 02 01 a0 f6 4199"), "bad_tag at 6");
}

TEST(Sign1, RefusesTruncationAtEveryLength) {
  const Octets data = unhex("d2 84 47 a2 01 26 04 42 3131 a1 18 21 82 43 3001aa 43 3001bb 43 616263 42 9999");
  ASSERT_TRUE(Sign1::parse(data));
  for (std::size_t size = 0; size < data.size(); ++size) {
    // An exact copy, so that AddressSanitizer sees a read past the end.
    const Octets cut(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(size));
    const auto result = Sign1::parse(cut);
    ASSERT_FALSE(result) << size;
    EXPECT_EQ(result.error().code, ErrorCode::truncated) << size;
    EXPECT_LE(result.error().offset, size);
  }
}

class Sign1Keys : public ::testing::TestWithParam<crypto::KeyType> {
 protected:
  crypto::OpenSslCrypto crypto_;
  std::array<std::uint8_t, crypto::kMaxPublicKeySize> key_buffer_{};
};

TEST_P(Sign1Keys, SignsAndVerifies) {
  const auto key = crypto::OpenSslKey::generate(GetParam()).value();
  const auto public_key = crypto_.public_key(key.view(), key_buffer_).value();
  const Octets certificate = unhex("3001aa");
  const Bytes chain[] = {certificate, certificate};
  const Octets payload = unhex("a10102");
  const Octets aad = unhex("00ff");
  const Octets key_id = unhex("3131");
  for (const bool detached : {false, true}) {
    const Sign1Fields fields{.payload = payload,
                             .detached = detached,
                             .external_aad = aad,
                             .x5chain = chain,
                             .key_id = key_id,
                             .tagged = detached};
    Octets buffer(400);
    const auto data = write_sign1(crypto_, fields, key.view(), buffer);
    ASSERT_TRUE(data) << name(data.error().code);
    const auto message = Sign1::parse(*data);
    ASSERT_TRUE(message) << name(message.error().code);
    EXPECT_EQ(message->algorithm(), algorithm_for(GetParam()));
    EXPECT_EQ(message->x5chain()->count, 2U);
    EXPECT_EQ(message->payload().has_value(), !detached);
    Octets scratch(payload.size() + aad.size() + message->protected_header().size() + 64);
    const std::optional<Bytes> given = detached ? std::optional<Bytes>(payload) : std::nullopt;
    EXPECT_TRUE(message->verify(crypto_, public_key, aad, scratch, given));
    const auto error = [&](const crypto::PublicKey& by, Bytes with, std::optional<Bytes> of) {
      return name(message->verify(crypto_, by, with, scratch, of).error().code);
    };
    EXPECT_EQ(error(public_key, unhex("00fe"), given), "invalid_signature");
    if (detached) {
      EXPECT_EQ(error(public_key, aad, {}), "payload_missing");
      EXPECT_EQ(error(public_key, aad, Bytes(aad)), "invalid_signature");
    }
    const auto other = GetParam() == crypto::KeyType::p256 ? crypto::KeyType::p384 : crypto::KeyType::p256;
    EXPECT_EQ(error({other, public_key.key}, aad, given), "wrong_key_type");
    Octets small(20);
    EXPECT_EQ(message->verify(crypto_, public_key, aad, small, given).error().code,
              ErrorCode::buffer_too_small);
  }
}

TEST_P(Sign1Keys, EveryFlippedBitIsSeen) {
  const auto key = crypto::OpenSslKey::generate(GetParam()).value();
  const auto public_key = crypto_.public_key(key.view(), key_buffer_).value();
  const Octets payload = unhex("a10102");
  Octets buffer(300);
  const Bytes data = *write_sign1(crypto_, {.payload = payload}, key.view(), buffer);
  Octets scratch(200);
  for (std::size_t bit = 0; bit < 8 * data.size(); bit += 5) {
    Octets changed(data.begin(), data.end());
    changed[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    const auto message = Sign1::parse(changed);
    EXPECT_FALSE(message && message->verify(crypto_, public_key, {}, scratch)) << bit;
  }
}

TEST_P(Sign1Keys, RefusesSignaturesWithAZeroHalfOrOfAnotherSize) {
  const auto key = crypto::OpenSslKey::generate(GetParam()).value();
  const auto public_key = crypto_.public_key(key.view(), key_buffer_).value();
  Octets buffer(300);
  const Bytes data = *write_sign1(crypto_, {.payload = {}}, key.view(), buffer);
  Octets scratch(200);
  const std::size_t size = crypto::signature_size(GetParam());
  for (const std::size_t at : {data.size() - size, data.size() - size / 2}) {  // r, s
    Octets changed(data.begin(), data.end());
    std::fill_n(changed.begin() + static_cast<std::ptrdiff_t>(at), size / 2, std::uint8_t{0});
    const auto message = Sign1::parse(changed);
    ASSERT_TRUE(message);
    EXPECT_EQ(outcome(message->verify(crypto_, public_key, {}, scratch)), "invalid_signature at 0");
  }
  const Octets empty_signature = unhex("84 43a10126 a0 40 40");
  const auto message = Sign1::parse(empty_signature);
  const auto verified = message->verify(crypto_, public_key, {}, scratch);
  EXPECT_EQ(outcome(verified),
            GetParam() == crypto::KeyType::p256 ? "invalid_signature at 0" : "wrong_key_type at 0");
}

TEST_P(Sign1Keys, SaysHowLargeABufferItNeeds) {
  const auto key = crypto::OpenSslKey::generate(GetParam()).value();
  const Octets payload = repeated(7, 300);
  const Sign1Fields fields{.payload = payload};
  const auto error = write_sign1(crypto_, fields, key.view(), {}).error();
  ASSERT_EQ(error.code, ErrorCode::buffer_too_small);
  Octets exact(error.offset);
  EXPECT_TRUE(write_sign1(crypto_, fields, key.view(), exact));
  Octets less(error.offset - 1);
  EXPECT_EQ(write_sign1(crypto_, fields, key.view(), less).error(), error);
}

INSTANTIATE_TEST_SUITE_P(Keys, Sign1Keys,
                         ::testing::Values(crypto::KeyType::p256, crypto::KeyType::p384,
                                           crypto::KeyType::ed25519),
                         [](const auto& key) {
                           return std::string(key.param == crypto::KeyType::p256   ? "P256"
                                              : key.param == crypto::KeyType::p384 ? "P384"
                                                                                   : "Ed25519");
                         });

TEST(Sign1, RsaSignsByPs256) {
  const crypto::OpenSslCrypto crypto;
  const auto key = crypto::OpenSslKey::generate(crypto::KeyType::rsa2048).value();
  Octets key_buffer(crypto::kMaxPublicKeySize);
  const auto public_key = crypto.public_key(key.view(), key_buffer).value();
  const Octets payload = unhex("a10102");
  Octets buffer(700);
  const auto data = write_sign1(crypto, {.payload = payload}, key.view(), buffer);
  ASSERT_TRUE(data);
  EXPECT_EQ(data->size(), sign1_size({.payload = payload}, crypto::KeyType::rsa2048));
  const auto message = Sign1::parse(*data);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->algorithm(), Algorithm::ps256);
  Octets scratch(200);
  EXPECT_TRUE(message->verify(crypto, public_key, {}, scratch));
  EXPECT_EQ(outcome(message->verify(crypto, public_key, as_bytes("other"), scratch)),
            "invalid_signature at 0");
}

TEST(Sign1, OtherKeysHaveNoAlgorithmHere) {
  EXPECT_EQ(algorithm_for(static_cast<crypto::KeyType>(99)).error().code, ErrorCode::unsupported_algorithm);
  EXPECT_EQ(signature_algorithm(static_cast<Algorithm>(-38)).error().code, ErrorCode::unsupported_algorithm);
}

TEST(ChainProperties, ChainsRoundTrip) {
  EXPECT_TRUE(rc::check([](std::vector<Octets> certificates) {
    std::erase_if(certificates, [](const Octets& c) { return c.empty(); });
    RC_PRE(!certificates.empty());
    if (certificates.size() > kMaxX5Chain) certificates.resize(kMaxX5Chain);
    const std::vector<Bytes> chain(certificates.begin(), certificates.end());
    const Octets wire = written([&](Writer& out) {
      cbor::Encoder encoder(out);
      write_chain(chain, encoder);
    });
    const auto read = read_chain(wire);
    RC_ASSERT(read.has_value());
    RC_ASSERT(read->count == chain.size());
    for (std::size_t i = 0; i < chain.size(); ++i) RC_ASSERT(equal(read->certificates[i], chain[i]));
    const Octets header = x5chain_of(chain);
    Reader in(header);
    RC_ASSERT(read_x5chain(in)->count == chain.size());
    RC_ASSERT(in.empty());
  }));
}

std::string added(const std::string& message, const std::string& x5chain) {
  const Octets octets = unhex(message);
  const Octets chain = unhex(x5chain);
  Octets buffer(200);
  Writer out(buffer);
  const auto result = add_x5chain(octets, chain, out);
  if (!result) {
    EXPECT_EQ(out.size(), 0U);
    return outcome(result);
  }
  return testing::hex(out.written());
}

TEST(AddX5Chain, ChangesNothingButTheUnprotectedHeader) {
  EXPECT_EQ(added("d2 84 43a10126 a0 43616263 4199", "43 3001aa"),
            "d28443a10126a1182143"
            "3001aa"
            "43616263"
            "4199");
  EXPECT_EQ(added("84 43a10126 a1 04 423131 f6 4199", "82 41aa 41bb"),
            "8443a10126a20442"
            "3131"
            "182182"
            "41aa41bb"
            "f6"
            "4199");
  EXPECT_EQ(added("84 40 a1 6178 00 40 40", "41aa"),
            "8440a26178001821"
            "41aa"
            "40"
            "40");
}

TEST(AddX5Chain, RefusesASecondChainAndWhatIsNoSign1) {
  EXPECT_EQ(added("d2 84 43a10126 a1 1821 41cc f6 4199", "41aa"), "duplicate at 7");
  EXPECT_EQ(added("84 47a20126182141cc a0 f6 4199", "41aa"), "duplicate at 3");
  EXPECT_EQ(added("d1 84 43a10126 a0 f6 4199", "41aa"), "bad_tag at 0");
  EXPECT_EQ(added("83 43a10126 a0 f6", "41aa"), "bad_value at 0");
  EXPECT_EQ(added("84 44a1012600 a0 f6 4199", "41aa"), "trailing_data at 5");
  EXPECT_EQ(added("84 43a10126 a0 f6 4199 00", "41aa"), "trailing_data at 9");
  EXPECT_EQ(added("84 43a10126 a0 f6 f6", "41aa"), "bad_tag at 7");
  EXPECT_EQ(added("84 43a10126 a0 f6", "41aa"), "truncated at 7");
  EXPECT_EQ(added("", "41aa"), "truncated at 0");
  for (const char* chain : {"", "41", "82 41aa", "41aa 00", "5f41aaff"}) {
    EXPECT_EQ(added("84 43a10126 a0 f6 4199", chain), "bad_header at 0") << chain;
  }
  std::string full = "84 43a10126 b820";
  for (int i = 0; i < 32; ++i)
    full += "18" + testing::hex(repeated(static_cast<std::uint8_t>(50 + i), 1)) + "00";
  EXPECT_EQ(added(full + "f6 4199", "41aa"), "too_many at 7");
}

TEST(AddX5Chain, TheInputsMayStandAtTheEndOfTheOutput) {
  const Octets message = unhex("d2 84 43a10126 a1 04 423131 43616263 4199");
  const Octets chain = unhex("82 41aa 41bb");
  const Octets expected = unhex(added("d2 84 43a10126 a1 04 423131 43616263 4199", "82 41aa 41bb"));
  Octets buffer(message.size() + chain.size() + 16);
  const auto middle = buffer.end() - static_cast<std::ptrdiff_t>(message.size());
  std::ranges::copy(message, middle);
  std::ranges::copy(chain, middle - static_cast<std::ptrdiff_t>(chain.size()));
  Writer out(buffer);
  const Bytes inputs = Bytes(buffer).last(message.size() + chain.size());
  ASSERT_TRUE(add_x5chain(inputs.subspan(chain.size()), inputs.first(chain.size()), out));
  EXPECT_EQ(testing::hex(out.written()), testing::hex(expected));
}

}  // namespace
}  // namespace pedigree::cose
