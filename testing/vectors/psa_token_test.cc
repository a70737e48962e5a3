// SPDX-License-Identifier: Apache-2.0
// Claim sets and tokens made by others: claim sets in diagnostic notation (RFC 8949 8), valid and invalid as
// their names say, and TF-M's tokens of both older profiles with the key that signed them.
#include <gtest/gtest.h>

#include <stdexcept>

#include "core/cose/cose.h"
#include "core/psa_token/psa_token.h"
#include "core/x509/certificate.h"
#include "testing/crypto/backends.h"
#include "testing/support/octets.h"

namespace pedigree::testing {
namespace {

namespace fs = std::filesystem;
using psa_token::Claims;
using psa_token::Profile;

/// Reads the diagnostic notation that claim sets use: integers, text, h'', arrays, maps, comments.
class Diagnostic {
 public:
  explicit Diagnostic(std::string_view text) : rest_(text) {}

  Octets read() {
    Octets item = read_item();
    skip_space();
    if (!rest_.empty()) throw std::runtime_error("text after the item");
    return item;
  }

 private:
  void skip_space() {
    while (!rest_.empty() && (std::isspace(static_cast<unsigned char>(rest_[0])) != 0 || rest_[0] == '/')) {
      const std::size_t size = rest_[0] == '/' ? rest_.find('/', 1) + 1 : 1;
      if (size == 0) throw std::runtime_error("a comment without its end");
      rest_.remove_prefix(size);
    }
  }

  bool take(char c) {
    skip_space();
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::string_view until(char end) {
    const std::size_t size = rest_.find(end);
    if (size == std::string_view::npos) throw std::runtime_error("a string without its end");
    const std::string_view content = rest_.substr(0, size);
    rest_.remove_prefix(size + 1);
    return content;
  }

  Octets read_item() {
    if (take('{')) return read_list('}', true);
    if (take('[')) return read_list(']', false);
    if (take('"')) {
      const std::string_view text = until('"');
      return written([&](Writer& out) { cbor::Encoder(out).tstr(text); });
    }
    if (rest_.starts_with("h'")) {
      rest_.remove_prefix(2);
      const Octets octets = unhex(until('\''));
      return written([&](Writer& out) { cbor::Encoder(out).bstr(octets); });
    }
    std::size_t size = 0;
    const std::int64_t number = std::stoll(std::string(rest_), &size);
    rest_.remove_prefix(size);
    return written([&](Writer& out) { cbor::Encoder(out).integer(number); });
  }

  Octets read_list(char end, bool is_map) {
    Octets items;
    std::size_t count = 0;
    while (!take(end)) {
      if (count > 0 && !take(',')) throw std::runtime_error("a list without a comma");
      for (int part = 0; part < (is_map ? 2 : 1); ++part) {
        if (part == 1 && !take(':')) throw std::runtime_error("a key without a value");
        const Octets item = read_item();
        items.insert(items.end(), item.begin(), item.end());
      }
      ++count;
    }
    Octets whole = written([&](Writer& out) {
      cbor::Encoder encoder(out);
      is_map ? encoder.map(count) : encoder.array(count);
    });
    whole.insert(whole.end(), items.begin(), items.end());
    return whole;
  }

  std::string_view rest_;
};

TEST(PsaTokenVectors, ClaimSetsAreWhatTheirNamesSay) {
  const auto folder = vectors_dir();
  if (!folder || !fs::exists(*folder / "psatoken")) GTEST_SKIP() << "skipped: no vectors";
  std::size_t valid = 0;
  std::size_t invalid = 0;
  for (const auto& entry : fs::directory_iterator(*folder / "psatoken" / "cbor")) {
    const std::string file = entry.path().stem().string();
    const Octets payload = Diagnostic(read_text(entry.path())).read();
    const auto claims = Claims::parse(payload);
    if (file.contains("Missing") || file.contains("Invalid")) {
      ASSERT_FALSE(claims) << file;
      EXPECT_EQ(name(claims.error().code), file.contains("Missing") ? "missing_field" : "bad_tag") << file;
      ++invalid;
      continue;
    }
    ASSERT_TRUE(claims) << file << ": " << outcome(claims);
    EXPECT_EQ(claims->profile, file.starts_with("P1") ? Profile::psa_iot_1 : Profile::psa_2_0_0) << file;
    EXPECT_EQ(claims->no_software_measurements, file.contains("NoSwMeasurements")) << file;
    EXPECT_EQ(claims->unknown_claims, 0U) << file;
    EXPECT_EQ(claims->security_lifecycle, 0x3000) << file;
    ++valid;
  }
  EXPECT_EQ(valid, 8U);
  EXPECT_EQ(invalid, 3U);
}

void check_token(const fs::path& file, Bytes spki_der, Profile profile) {
  const Octets token = read_file(file);
  const auto message = cose::Sign1::parse(token);
  ASSERT_TRUE(message) << file << ": " << outcome(message);
  EXPECT_FALSE(message->x5chain());
  const auto spki = x509::parse_spki(spki_der);
  ASSERT_TRUE(spki);
  for (const Backend* backend : backends()) {
    Octets scratch(token.size() + 64);
    EXPECT_TRUE(message->verify(backend->crypto(), *spki->key, {}, scratch)) << file;
  }
  const auto claims = Claims::parse(*message->payload());
  ASSERT_TRUE(claims) << file << ": " << outcome(claims);
  EXPECT_EQ(claims->profile, profile);
  EXPECT_EQ(claims->client_id, 3002);
  EXPECT_EQ(claims->verification_service, "www.trustedfirmware.org");
  EXPECT_EQ(claims->certification_reference, "0604565272829-10010");
  EXPECT_EQ(claims->nonce.size(), 64U);
  ASSERT_EQ(claims->software_component_count, 2U);
  Reader components(claims->software_components);
  EXPECT_EQ(psa_token::read_component(components)->measurement_type, "SPE");
  EXPECT_EQ(psa_token::read_component(components)->measurement_description, "SHA256");
}

TEST(PsaTokenVectors, TokensOfTfmVerifyAndRead) {
  const auto folder = vectors_dir();
  if (!folder || !fs::exists(*folder / "psatoken")) GTEST_SKIP() << "skipped: no vectors";
  const fs::path tfm = *folder / "psatoken" / "tf-m";
  const auto keys = pem_ders(read_text(tfm / "public.pem"), "PUBLIC KEY");
  ASSERT_EQ(keys.size(), 1U);
  check_token(tfm / "psa-iot-1_sign1.bin", keys[0], Profile::psa_iot_1);
  check_token(tfm / "psa-2_0_0_sign1.bin", keys[0], Profile::psa_2_0_0);
  // The same claims under a MAC are no COSE_Sign1.
  EXPECT_EQ(outcome(cose::Sign1::parse(read_file(tfm / "psa-iot-1_mac0.bin"))), "bad_tag at 0");
}

}  // namespace
}  // namespace pedigree::testing
