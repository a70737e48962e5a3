// SPDX-License-Identifier: Apache-2.0
#include "core/psa_token/psa_token.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>

#include "core/cose/cose.h"
#include "crypto/openssl/openssl_crypto.h"
#include "testing/support/octets.h"

namespace pedigree::psa_token {
namespace {

using testing::hex;
using testing::Octets;
using testing::outcome;
using testing::repeated;
using testing::unhex;
using testing::written;

// The example of RFC 9783 A.1, and the key that signed it.
constexpr const char* kRfcSign1 =
    "d28443a10126a0590100a8190100582101020202020202020202020202020202020202020202020202020202020202020219"
    "095c582000000000000000000000000000000000000000000000000000000000000000000a58200101010101010101010101"
    "01010101010101010101010101010101010101010119095a1a7fffffff19095b19300019010978217461673a707361636572"
    "7469666965642e6f72672c323032333a7073612374666d19010c48000000000000000019095f81a305582004040404040404"
    "0404040404040404040404040404040404040404040404040402582003030303030303030303030303030303030303030303"
    "03030303030303030303016450526f545840786e937a4c42667af3847399319ca95c7e7dbabdc9b50fdb8de3f6bff4ab82ff"
    "80c42140e2a488000219e3e10663193da69c75f52b798ea10b2f7041a90e8e5a";
constexpr const char* kRfcPoint =
    "044e5e22099e3bceb45b446d1355fd1dc3b545947b6fd7c1c89d886798c3726e8f80d70b840b256aac34a62ede1043364f04"
    "4095f003474b91e0182092afb13f2e";
// RFC 9783 A.2 has the same claims but for the instance id, under a MAC that Pedigree does not have.
constexpr const char* kRfcMac0InstanceId =
    "01c557bd4fadc83f756fca2cd5ea2dcc8b82159bb4e7453d6a744d4eecd6d0ac60";

TEST(PsaToken, TheExampleOfRfc9783VerifiesAndReads) {
  const Octets token = unhex(kRfcSign1);
  const auto message = cose::Sign1::parse(token);
  ASSERT_TRUE(message);
  const Octets point = unhex(kRfcPoint);
  Octets scratch(1000);
  const crypto::OpenSslCrypto crypto;
  EXPECT_TRUE(message->verify(crypto, {crypto::KeyType::p256, point}, {}, scratch));

  const auto claims = Claims::parse(*message->payload());
  ASSERT_TRUE(claims) << outcome(claims);
  EXPECT_EQ(claims->profile, Profile::tfm);
  EXPECT_TRUE(claims->profile_stated);
  EXPECT_EQ(hex(claims->nonce), hex(repeated(0x01, 32)));
  EXPECT_EQ(hex(claims->instance_id), "01" + hex(repeated(0x02, 32)));
  EXPECT_EQ(hex(claims->implementation_id), hex(repeated(0x00, 32)));
  EXPECT_EQ(claims->client_id, INT32_MAX);
  EXPECT_EQ(claims->security_lifecycle, 0x3000);
  EXPECT_EQ(lifecycle_state(claims->security_lifecycle), Lifecycle::secured);
  EXPECT_EQ(hex(claims->boot_seed), hex(repeated(0x00, 8)));
  EXPECT_TRUE(claims->certification_reference.empty() && claims->verification_service.empty());
  EXPECT_EQ(claims->unknown_claims, 0U);
  EXPECT_EQ(claims->entropy, 0);
  ASSERT_EQ(claims->software_component_count, 1U);
  Reader in(claims->software_components);
  const auto component = read_component(in);
  ASSERT_TRUE(component);
  EXPECT_TRUE(in.empty());
  EXPECT_EQ(component->measurement_type, "PRoT");
  EXPECT_EQ(hex(component->measurement_value), hex(repeated(0x03, 32)));
  EXPECT_EQ(hex(component->signer_id), hex(repeated(0x04, 32)));
  EXPECT_TRUE(component->version.empty() && component->measurement_description.empty());
}

TEST(PsaToken, TheMacExampleOfRfc9783HasClaimsToo) {
  const Octets token = unhex(kRfcSign1);
  const Bytes carried = *cose::Sign1::parse(token)->payload();
  Octets payload(carried.begin(), carried.end());
  const Octets instance = unhex(kRfcMac0InstanceId);
  std::ranges::copy(instance, payload.begin() + 6);  // after the map's head, key and string head
  const auto claims = Claims::parse(payload);
  ASSERT_TRUE(claims) << outcome(claims);
  EXPECT_EQ(hex(claims->instance_id), kRfcMac0InstanceId);
}

/// Claims as pairs of hexadecimal key and value, so that a test spoils one of them.
using Pairs = std::map<std::string, std::string>;

std::string bstr(std::size_t size, std::uint8_t octet = 0xaa) {
  const Octets content = repeated(octet, size);
  return hex(written([&](Writer& out) { cbor::Encoder(out).bstr(content); }));
}

std::string tstr(std::string_view text) {
  return hex(written([&](Writer& out) { cbor::Encoder(out).tstr(text); }));
}

std::string key(std::int64_t number) {
  return hex(written([&](Writer& out) { cbor::Encoder(out).integer(number); }));
}

const std::string kComponent = "a2 02" + bstr(32, 3) + "05" + bstr(32, 4);

Pairs current() {
  return {{key(10), bstr(32)},
          {key(256), bstr(33, 0x01)},
          {key(265), tstr(name(Profile::tfm))},
          {key(2394), "20"},
          {key(2395), "193000"},
          {key(2396), bstr(32)},
          {key(2399), "81" + kComponent}};
}

Pairs old() {
  return {{key(-75000), tstr("PSA_IOT_PROFILE_1")},
          {key(-75001), "01"},
          {key(-75002), "193000"},
          {key(-75003), bstr(32)},
          {key(-75004), bstr(32)},
          {key(-75006), "81" + kComponent},
          {key(-75008), bstr(32)},
          {key(-75009), bstr(33, 0x01)}};
}

Octets map_of(const Pairs& pairs) {
  Octets octets = written([&](Writer& out) { cbor::Encoder(out).map(pairs.size()); });
  for (const auto& [name, value] : pairs) {
    for (const Octets& part : {unhex(name), unhex(value)})
      octets.insert(octets.end(), part.begin(), part.end());
  }
  return octets;
}

/// The error's name without its offset, or "accepted".
std::string verdict(const Pairs& pairs) {
  const Octets payload = map_of(pairs);
  const auto claims = Claims::parse(payload);
  return claims ? "accepted" : std::string(name(claims.error().code));
}

std::string with(Pairs pairs, std::int64_t number, const std::string& value) {
  pairs[key(number)] = value;
  return verdict(pairs);
}

std::string without(Pairs pairs, std::int64_t number) {
  EXPECT_EQ(pairs.erase(key(number)), 1U) << number;
  return verdict(pairs);
}

TEST(PsaToken, WantsEveryMandatoryClaim) {
  EXPECT_EQ(verdict(current()), "accepted");
  EXPECT_EQ(verdict(old()), "accepted");
  for (const std::int64_t number : {10, 256, 265, 2394, 2395, 2396, 2399}) {
    EXPECT_EQ(without(current(), number), "missing_field") << number;
  }
  for (const std::int64_t number : {-75001, -75002, -75003, -75004, -75006, -75008, -75009}) {
    EXPECT_EQ(without(old(), number), "missing_field") << number;
  }
  EXPECT_EQ(verdict({}), "missing_field");
}

TEST(PsaToken, WithoutAProfileThePrivateNumbersSayWhichItIs) {
  Pairs pairs = old();
  pairs.erase(key(-75000));
  const Octets payload = map_of(pairs);
  const auto claims = Claims::parse(payload);
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->profile, Profile::psa_iot_1);
  EXPECT_FALSE(claims->profile_stated);
}

TEST(PsaToken, ChecksLengths) {
  for (std::size_t size = 0; size <= 70; ++size) {
    const bool is_hash = size == 32 || size == 48 || size == 64;
    const auto expected = [](bool good) { return good ? "accepted" : "bad_value"; };
    EXPECT_EQ(with(current(), 10, bstr(size)), expected(is_hash)) << size;
    EXPECT_EQ(with(old(), -75008, bstr(size)), expected(is_hash)) << size;
    EXPECT_EQ(with(current(), 256, bstr(size, 0x01)), expected(size == 33)) << size;
    EXPECT_EQ(with(current(), 2396, bstr(size)), expected(size == 32)) << size;
    EXPECT_EQ(with(current(), 268, bstr(size)), expected(size >= 8 && size <= 32)) << size;
    EXPECT_EQ(with(old(), -75004, bstr(size)), expected(size == 32)) << size;
    EXPECT_EQ(with(current(), 2399, "81a2 02" + bstr(size) + "05" + bstr(32)), expected(is_hash)) << size;
    EXPECT_EQ(with(current(), 2399, "81a2 02" + bstr(32) + "05" + bstr(size)), expected(is_hash)) << size;
  }
  EXPECT_EQ(with(current(), 256, bstr(33, 0x02)), "bad_value");
}

TEST(PsaToken, ChecksNumbers) {
  EXPECT_EQ(with(current(), 2394, "00"), "bad_value");
  EXPECT_EQ(with(current(), 2394, "3a7fffffff"), "accepted");
  EXPECT_EQ(with(current(), 2394, "3a80000000"), "bad_value");
  EXPECT_EQ(with(current(), 2394, "1a80000000"), "bad_value");
  EXPECT_EQ(with(current(), 2394, bstr(4)), "bad_tag");
  for (unsigned value = 0; value <= 0xffff; value += 0x80) {
    const bool defined = (value & 0x0f00U) == 0 && value < 0x6100;
    EXPECT_EQ(with(current(), 2395, key(value)), defined ? "accepted" : "bad_value") << value;
    EXPECT_EQ(lifecycle_state(static_cast<std::uint16_t>(value)).has_value(), defined) << value;
  }
  EXPECT_EQ(with(current(), 2395, "1a00013000"), "bad_value");
  EXPECT_EQ(with(current(), 2395, "20"), "bad_value");
  EXPECT_EQ(with(current(), -80001, "00"), "bad_value");
  EXPECT_EQ(with(current(), -80001, "02"), "accepted");
  EXPECT_EQ(with(old(), -80001, "18ff"), "accepted");
  EXPECT_EQ(with(current(), -80001, "190100"), "bad_value");
}

TEST(PsaToken, ChecksTexts) {
  EXPECT_EQ(with(current(), 2398, tstr("0604565272829-10010")), "accepted");
  EXPECT_EQ(with(old(), -75005, tstr("0604565272829-10010")), "accepted");
  EXPECT_EQ(with(old(), -75005, tstr("1234567890123")), "accepted");
  for (const char* text :
       {"1234567890123", "", "060456527282-10010", "0604565272829 10010", "0604565272829-1001",
        "0604565272829-1001x", "x604565272829-10010", "0604565272829-100100"}) {
    EXPECT_EQ(with(current(), 2398, tstr(text)), "bad_value") << text;
  }
  EXPECT_EQ(with(old(), -75005, tstr("12345678901234")), "bad_value");
  EXPECT_EQ(with(current(), 2400, tstr("https://verifier.example/")), "accepted");
  EXPECT_EQ(with(current(), 2400, tstr("")), "bad_value");
  EXPECT_EQ(with(current(), 2400, "62c328"), "bad_value");
  EXPECT_EQ(with(current(), 265, tstr("tag:psacertified.org,2023:psa#other")), "unsupported_version");
  EXPECT_EQ(with(current(), 265, bstr(4)), "bad_tag");
  // A profile under the number of the other.
  EXPECT_EQ(with(current(), 265, tstr("PSA_IOT_PROFILE_1")), "unsupported_version");
  EXPECT_EQ(with(old(), -75000, tstr(name(Profile::tfm))), "unsupported_version");
}

TEST(PsaToken, ChecksSoftwareComponents) {
  EXPECT_EQ(with(current(), 2399, "80"), "bad_value");
  EXPECT_EQ(with(current(), 2399, "a0"), "bad_tag");
  EXPECT_EQ(with(current(), 2399, "81a1 02" + bstr(32)), "missing_field");
  EXPECT_EQ(with(current(), 2399, "81a1 05" + bstr(32)), "missing_field");
  EXPECT_EQ(with(current(), 2399, "81a3 02" + bstr(32) + "02" + bstr(32) + "05" + bstr(32)), "duplicate");
  EXPECT_EQ(with(current(), 2399, "81a3 02" + bstr(32) + "05" + bstr(32) + "01 f6"), "bad_tag");
  EXPECT_EQ(with(current(), 2399, "81a3 02" + bstr(32) + "05" + bstr(32) + "07 f6"), "accepted");
  EXPECT_EQ(with(current(), 2399, "82" + kComponent), "truncated");
  // PSA_IOT_PROFILE_1 may say that nothing was measured, instead.
  Pairs pairs = old();
  pairs[key(-75007)] = "01";
  EXPECT_EQ(verdict(pairs), "bad_value");
  pairs.erase(key(-75006));
  EXPECT_EQ(verdict(pairs), "accepted");
  pairs[key(-75007)] = "02";
  EXPECT_EQ(verdict(pairs), "bad_value");
}

TEST(PsaToken, AComponentThatFailsLeavesItsReader) {
  const Octets data = unhex("a1 02" + bstr(32));
  Reader in(data, 7);
  EXPECT_EQ(outcome(read_component(in)), "missing_field at 7");
  EXPECT_EQ(in.size(), data.size());
}

TEST(PsaToken, ANumberOfAnotherProfileIsRefused) {
  EXPECT_EQ(with(current(), -75001, "01"), "bad_value");
  EXPECT_EQ(with(current(), -75007, "01"), "bad_value");
  EXPECT_EQ(with(current(), 2397, bstr(32)), "bad_value");
  EXPECT_EQ(with(old(), 10, bstr(32)), "bad_value");
  EXPECT_EQ(with(old(), 2397, bstr(32)), "bad_value");
  Pairs draft = current();
  draft[key(265)] = tstr(name(Profile::psa_2_0_0));
  EXPECT_EQ(with(draft, 2397, bstr(8)), "accepted");
  EXPECT_EQ(with(draft, 268, bstr(8)), "bad_value");
}

TEST(PsaToken, LegacyHasTheClaimsOfTheRfcAndTheOldRules) {
  Pairs pairs = current();
  pairs[key(265)] = tstr(name(Profile::legacy));
  EXPECT_EQ(verdict(pairs), "missing_field") << "boot seed";
  EXPECT_EQ(with(pairs, 268, bstr(32)), "accepted");
  EXPECT_EQ(with(pairs, 268, bstr(8)), "bad_value");
}

TEST(PsaToken, PassesOverAndCountsUnknownClaims) {
  Pairs pairs = current();
  pairs[key(1)] = tstr("issuer");
  pairs[key(-75011)] = "f6";
  pairs["6161"] = "a10102";
  pairs["1bffffffffffffffff"] = "00";
  pairs["00"] = "f5";
  const Octets payload = map_of(pairs);
  const auto claims = Claims::parse(payload);
  ASSERT_TRUE(claims) << outcome(claims);
  EXPECT_EQ(claims->unknown_claims, 5U);
  EXPECT_EQ(with(current(), 1, "1f"), "bad_value") << "what is passed over is well-formed";
  Pairs bad_key = current();
  bad_key["f5"] = "00";
  EXPECT_EQ(verdict(bad_key), "bad_tag");
}

TEST(PsaToken, RefusesWhatIsNotOneMap) {
  EXPECT_EQ(outcome(Claims::parse({})), "truncated at 0");
  EXPECT_EQ(outcome(Claims::parse(unhex("80"))), "bad_tag at 0");
  EXPECT_EQ(outcome(Claims::parse(unhex("bfff"))), "indefinite_length at 0");
  EXPECT_EQ(outcome(Claims::parse(unhex("a2 0a00 0a00"))), "duplicate at 3");
  Octets payload = map_of(current());
  payload.push_back(0);
  EXPECT_EQ(outcome(Claims::parse(payload)), "trailing_data at " + std::to_string(payload.size() - 1));
  Pairs many = current();
  for (int i = 0; i < 40; ++i) many[key(1000 + i)] = "00";
  EXPECT_EQ(verdict(many), "too_many");
}

TEST(PsaToken, EveryPrefixIsRefused) {
  Pairs pairs = current();
  pairs[key(2398)] = tstr("0604565272829-10010");
  const Octets payload = map_of(pairs);
  ASSERT_TRUE(Claims::parse(payload));
  for (std::size_t size = 0; size < payload.size(); ++size) {
    const auto claims = Claims::parse(Bytes(payload).first(size));
    ASSERT_FALSE(claims) << size;
    EXPECT_LE(claims.error().offset, size);
  }
}

TEST(PsaToken, WritesTheOrderOfRfc8949) {
  const Octets value = repeated(0xaa, 32);
  const Octets instance = repeated(0x01, 33);
  const SoftwareComponent component = {.measurement_type = "BL",
                                       .measurement_value = value,
                                       .version = "1.0",
                                       .signer_id = value,
                                       .measurement_description = "sha-256"};
  const ClaimFields fields = {.nonce = value,
                              .instance_id = instance,
                              .implementation_id = value,
                              .client_id = -3,
                              .security_lifecycle = 0x1000,
                              .boot_seed = value,
                              .certification_reference = "0604565272829-10010",
                              .verification_service = "x",
                              .software_components = std::span(&component, 1),
                              .entropy = 2};
  const Octets octets = written([&](Writer& out) { write_claims(fields, out); });
  Reader in(octets);
  const std::size_t count = cbor::read_map(in).value();
  EXPECT_EQ(count, 11U);
  std::string previous;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = hex(cbor::skip(in).value());
    EXPECT_LT(previous, name);
    previous = name;
    ASSERT_TRUE(cbor::skip(in));
  }
  EXPECT_TRUE(in.empty());
}

rc::Gen<Octets> octets_of(std::size_t size) {
  return rc::gen::container<Octets>(size, rc::gen::arbitrary<std::uint8_t>());
}

void check_round_trip(const ClaimFields& fields) {
  const Octets octets = written([&](Writer& out) { write_claims(fields, out); });
  const auto claims = Claims::parse(octets);
  RC_ASSERT(claims.has_value());
  RC_ASSERT(equal(claims->nonce, fields.nonce) && equal(claims->instance_id, fields.instance_id));
  RC_ASSERT(equal(claims->implementation_id, fields.implementation_id));
  RC_ASSERT(equal(claims->boot_seed, fields.boot_seed));
  RC_ASSERT(claims->client_id == fields.client_id);
  RC_ASSERT(claims->security_lifecycle == fields.security_lifecycle);
  RC_ASSERT(claims->certification_reference == fields.certification_reference);
  RC_ASSERT(claims->verification_service == fields.verification_service);
  RC_ASSERT(claims->entropy == fields.entropy);
  RC_ASSERT(claims->software_component_count == fields.software_components.size());
  Reader in(claims->software_components);
  for (const SoftwareComponent& expected : fields.software_components) {
    const auto component = read_component(in);
    RC_ASSERT(component.has_value());
    RC_ASSERT(component->measurement_type == expected.measurement_type);
    RC_ASSERT(component->version == expected.version);
    RC_ASSERT(component->measurement_description == expected.measurement_description);
    RC_ASSERT(equal(component->measurement_value, expected.measurement_value));
    RC_ASSERT(equal(component->signer_id, expected.signer_id));
  }
  RC_ASSERT(in.empty());
}

TEST(PsaToken, WhatIsWrittenReadsBack) {
  rc::check([] {
    const Octets nonce = *octets_of(*rc::gen::element<std::size_t>(32, 48, 64));
    Octets instance = *octets_of(kInstanceIdSize);
    instance[0] = 0x01;
    const Octets implementation = *octets_of(kImplementationIdSize);
    const std::size_t seed_size = *rc::gen::inRange<std::size_t>(7, 33);
    const Octets seed = *octets_of(seed_size < 8 ? 0 : seed_size);
    const Octets value = *octets_of(*rc::gen::element<std::size_t>(32, 48, 64));
    const std::string text = *rc::gen::container<std::string>(rc::gen::inRange('a', 'z'));
    std::vector<SoftwareComponent> components(*rc::gen::inRange<std::size_t>(1, 6));
    for (SoftwareComponent& component : components) {
      component = {.measurement_type = *rc::gen::arbitrary<bool>() ? text : std::string_view(),
                   .measurement_value = value,
                   .version = *rc::gen::arbitrary<bool>() ? text : std::string_view(),
                   .signer_id = value,
                   .measurement_description = *rc::gen::arbitrary<bool>() ? text : std::string_view()};
    }
    const auto client = *rc::gen::suchThat<std::int32_t>([](std::int32_t id) { return id != 0; });
    check_round_trip({.nonce = nonce,
                      .instance_id = instance,
                      .implementation_id = implementation,
                      .client_id = client,
                      .security_lifecycle = static_cast<std::uint16_t>(*rc::gen::inRange(0, 7) * 0x1000 +
                                                                       *rc::gen::inRange(0, 0x100)),
                      .boot_seed = seed,
                      .certification_reference = *rc::gen::element("", "1234567890123-12345"),
                      .verification_service = text,
                      .software_components = components,
                      .entropy = *rc::gen::arbitrary<std::uint8_t>()});
  });
}

TEST(PsaToken, NamesForPeople) {
  EXPECT_EQ(name(Lifecycle::secured), "secured");
  EXPECT_EQ(name(static_cast<Lifecycle>(0x70)), "unknown");
  EXPECT_EQ(name(static_cast<Profile>(0)), "unknown");
  EXPECT_EQ(lifecycle_state(0x40ff), Lifecycle::non_psa_rot_debug);
}

}  // namespace
}  // namespace pedigree::psa_token
