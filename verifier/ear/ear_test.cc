// SPDX-License-Identifier: Apache-2.0
// Attestation results, read by somebody else's JSON, CBOR and cryptography: Python's, from the distribution.
#include "verifier/ear/ear.h"

#include <gtest/gtest.h>

#include "testing/support/octets.h"
#include "testing/verifier/fleet.h"
#include "verifier/verifier.h"

namespace pedigree::verifier {
namespace {

using testing::Fleet;
using testing::hex;
using testing::kFleetNow;
using testing::Octets;

// Verifies a JWT or a CWT by a key, and prints its claims in one form: JSON names, sorted, octets as hex.
constexpr const char* kReader = R"py(
import base64, cbor2, hashlib, json, sys
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
form, token, spki = sys.stdin.read().split(',')
spki = bytes.fromhex(spki)
key = serialization.load_der_public_key(spki)
def verify(signature, message):
    assert len(signature) == 64
    der = utils.encode_dss_signature(int.from_bytes(signature[:32], 'big'), int.from_bytes(signature[32:], 'big'))
    key.verify(der, message, ec.ECDSA(hashes.SHA256()))
def url(text): return base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))
names = {4: 'exp', 6: 'iat', 10: 'eat_nonce', 256: 'ueid', 265: 'eat_profile', 266: 'submods', 1000: 'ear_status',
         1001: 'ear_trustworthiness_vector', 1002: 'ear_raw_evidence', 1003: 'ear_appraisal_policy_ids',
         1004: 'ear_verifier_id', -70002: 'ear_veraison_key_attestation', -80002: 'pedigree_reason'}
vector = ['instance-identity', 'configuration', 'executables', 'file-system', 'hardware', 'runtime-opaque',
          'storage-opaque', 'sourced-data']
tiers = {2: 'affirming', 32: 'warning', 96: 'contraindicated'}
def from_cbor(claims):
    out = {names[k]: v for k, v in claims.items()}
    for name, value in list(out.items()):
        if isinstance(value, bytes): out[name] = value.hex()
    if 'ear_status' in out: out['ear_status'] = tiers[out['ear_status']]
    if 'ear_verifier_id' in out: out['ear_verifier_id'] = {('developer', 'build')[k]: v for k, v in out['ear_verifier_id'].items()}
    if 'ear_trustworthiness_vector' in out:
        out['ear_trustworthiness_vector'] = {vector[k]: v for k, v in out['ear_trustworthiness_vector'].items()}
    if 'ear_veraison_key_attestation' in out:
        out['ear_veraison_key_attestation'] = {'akpub': out['ear_veraison_key_attestation']['akpub'].hex()}
    if 'submods' in out: out['submods'] = {k: from_cbor(v) for k, v in out['submods'].items()}
    return out
def from_json(out):
    for name in ('ueid', 'ear_raw_evidence'):
        if name in out: out[name] = url(out[name]).hex()
    if 'eat_nonce' in out: out['eat_nonce'] = base64.b64decode(out['eat_nonce'], validate=True).hex()
    if 'ear_veraison_key_attestation' in out:
        out['ear_veraison_key_attestation']['akpub'] = url(out['ear_veraison_key_attestation']['akpub']).hex()
    if 'submods' in out: out['submods'] = {k: from_json(v) for k, v in out['submods'].items()}
    return out
if form == 'jwt':
    header, payload, signature = bytes.fromhex(token).decode().split('.')
    verify(url(signature), f'{header}.{payload}'.encode())
    assert json.loads(url(header)) == {'alg': 'ES256', 'typ': 'JWT', 'kid': hashlib.sha256(spki).hexdigest()}
    claims = from_json(json.loads(url(payload)))
else:
    message = cbor2.loads(bytes.fromhex(token))
    assert message.tag == 18 and cbor2.dumps(message, canonical=True).hex() == token
    protected, unprotected, payload, signature = message.value
    assert cbor2.loads(protected) == {1: -7} and unprotected == {4: hashlib.sha256(spki).digest()}
    verify(signature, cbor2.dumps(['Signature1', protected, b'', payload]))
    claims = from_cbor(cbor2.loads(payload))
print(json.dumps(claims, sort_keys=True))
)py";

class Ear : public ::testing::Test {
 protected:
  Ear() {
    std::array<std::uint8_t, crypto::kMaxPublicKeySize> buffer{};
    const auto public_key = Fleet::crypto().public_key(key_.view(), buffer).value();
    spki_ = testing::written([&](Writer& out) {
      der::Builder builder(out);
      x509::write_spki(public_key, builder);
    });
  }
  Policy policy() const {
    Policy policy;
    policy.roots = {fleet_.root().certificate};
    policy.unknown_revocation = Level::ignore;
    return policy;
  }
  Appraisal appraise(const Policy& policy, const Octets& token,
                     const Octets& nonce = Octets(32, 0x4e)) const {
    return Verifier(Fleet::crypto(), policy).appraise({.token = token, .nonce = nonce}, kFleetNow);
  }
  /// What Python reads in both forms, which must be the same.
  std::string read(const Appraisal& appraisal, const EarOptions& options) const {
    const auto jwt = write_ear_jwt(Fleet::crypto(), key_.view(), appraisal, options).value();
    const auto cwt = write_ear_cwt(Fleet::crypto(), key_.view(), appraisal, options).value();
    const std::string from_jwt = python("jwt", as_bytes(jwt), spki_);
    EXPECT_EQ(from_jwt, python("cwt", cwt, spki_));
    return from_jwt;
  }
  static std::string python(const std::string& form, Bytes token, Bytes spki) {
    const auto result =
        testing::run({"/usr/bin/python3", "-c", kReader}, form + "," + hex(token) + "," + hex(spki));
    EXPECT_EQ(result.status, 0) << result.output;
    return result.output;
  }
  static bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  }

  Fleet fleet_;
  crypto::OpenSslKey key_ = crypto::OpenSslKey::generate(crypto::KeyType::p256).value();
  Octets spki_;
};

TEST_F(Ear, ATrustedDeviceIsAffirmed) {
  const auto device = fleet_.device(1);
  const Appraisal appraisal = appraise(policy(), device.token());
  ASSERT_EQ(appraisal.verdict, Verdict::trusted);
  const std::string claims = read(appraisal, {.issued_at = kFleetNow, .policy = "house"});
  EXPECT_TRUE(has(claims, R"("eat_profile": "tag:ietf.org,2026:rats/ear#03")")) << claims;
  EXPECT_TRUE(has(claims, R"("ear_verifier_id": {"build": "pedigree )")) << claims;
  EXPECT_TRUE(has(claims, R"("iat": 1795478400)")) << claims;
  EXPECT_TRUE(has(claims,
                  R"("submods": {"PSA": {"ear_appraisal_policy_ids": ["house"], "ear_status": "affirming", )"
                  R"("ear_trustworthiness_vector": {"configuration": 2, "instance-identity": 2})"))
      << claims;
  EXPECT_TRUE(has(claims, "\"akpub\": \"" + hex(device.holder().spki) + "\"")) << claims;
  EXPECT_TRUE(has(claims, "\"ueid\": \"" + hex(device.id()) + "\"")) << claims;
  EXPECT_TRUE(has(claims, "\"eat_nonce\": \"" + hex(Octets(32, 0x4e)) + "\"")) << claims;
  EXPECT_FALSE(has(claims, "pedigree_reason")) << claims;
  EXPECT_FALSE(has(claims, "ear_raw_evidence")) << claims;
  EXPECT_FALSE(has(claims, "exp")) << claims;
}

TEST_F(Ear, SaysWhatItWasAskedFor) {
  const Appraisal appraisal = appraise(policy(), fleet_.device(1).token());
  const Octets nonce(16, 0x77);
  const std::string claims = read(appraisal, {.issued_at = kFleetNow,
                                              .lifetime = 60,
                                              .developer = "Example",
                                              .policy = "",
                                              .nonce = nonce,
                                              .raw_evidence = true});
  EXPECT_TRUE(has(claims, "\"eat_nonce\": \"" + hex(nonce) + "\", \"eat_profile\"")) << claims;
  EXPECT_TRUE(has(claims, R"("exp": 1795478460)")) << claims;
  EXPECT_TRUE(has(claims, R"("developer": "Example")")) << claims;
  EXPECT_TRUE(has(claims, "\"ear_raw_evidence\": \"" + hex(appraisal.evidence) + "\"")) << claims;
}

TEST_F(Ear, ARejectedDeviceIsContraindicatedWithTheReason) {
  const auto device = fleet_.device(1);
  const std::string nonce =
      read(appraise(policy(), device.token(), Octets(32, 1)), {.issued_at = kFleetNow, .policy = ""});
  EXPECT_TRUE(has(nonce, R"("ear_status": "contraindicated", "ear_trustworthiness_vector": )"
                         R"({"configuration": 2, "instance-identity": 96})"))
      << nonce;
  EXPECT_TRUE(has(nonce, R"("pedigree_reason": {"check": "freshness", "code": "wrong_nonce", )")) << nonce;
  EXPECT_FALSE(has(nonce, "akpub")) << nonce;
  EXPECT_FALSE(has(nonce, "ueid")) << nonce;

  const std::string debug =
      read(appraise(policy(), device.token({.lifecycle = 0x4000})), {.issued_at = kFleetNow, .policy = ""});
  EXPECT_TRUE(has(debug, R"({"configuration": 96, "instance-identity": 2})")) << debug;

  const Fleet stranger("Other Root");
  const std::string unknown =
      read(appraise(policy(), stranger.device(1).token()), {.issued_at = kFleetNow, .policy = ""});
  EXPECT_TRUE(has(unknown, R"({"instance-identity": 97})")) << unknown;

  Octets forged = device.token();
  forged.back() ^= 1;
  const std::string crypto = read(appraise(policy(), forged), {.issued_at = kFleetNow, .policy = ""});
  EXPECT_TRUE(has(crypto, R"({"instance-identity": 99})")) << crypto;

  const std::string nothing =
      read(appraise(policy(), Octets{1, 2, 3}), {.issued_at = kFleetNow, .policy = ""});
  EXPECT_TRUE(has(nothing, R"("ear_trustworthiness_vector": {"instance-identity": 1})")) << nothing;
}

TEST_F(Ear, WarningsStayInTheWarningTier) {
  Policy unsure = policy();
  unsure.unknown_revocation = Level::warn;
  const Appraisal appraisal = appraise(unsure, fleet_.device(1).token());
  ASSERT_EQ(appraisal.verdict, Verdict::warning);
  const std::string claims = read(appraisal, {.issued_at = kFleetNow, .policy = ""});
  EXPECT_TRUE(has(claims, R"("ear_status": "warning", "ear_trustworthiness_vector": {"configuration": 2, )"
                          R"("instance-identity": 32})"))
      << claims;
  EXPECT_TRUE(has(claims, R"("code": "status_unknown")")) << claims;
}

TEST_F(Ear, ReferenceValuesVouchForSoftwareAndHardware) {
  Policy with = policy();
  ReferenceImplementation implementation;
  implementation.implementation_id.fill(0x1d);
  implementation.components = {{"BL", {}, "1.0.3", {}, {}}, {"PRoT", {}, {}, "2.0", {}}};
  with.reference.add(implementation);
  const std::string good =
      read(appraise(with, fleet_.device(1).token()), {.issued_at = kFleetNow, .policy = ""});
  EXPECT_TRUE(has(good, R"({"configuration": 2, "executables": 3, "hardware": 2, "instance-identity": 2})"))
      << good;
  const std::string old = read(appraise(with, fleet_.device(1).token({.version = "1.9"})),
                               {.issued_at = kFleetNow, .policy = ""});
  EXPECT_TRUE(has(old, R"("executables": 32)")) << old;
  Policy without = policy();
  without.no_reference = Level::reject;
  const std::string unknown =
      read(appraise(without, fleet_.device(1).token()), {.issued_at = kFleetNow, .policy = ""});
  EXPECT_TRUE(has(unknown, R"("executables": 33, "hardware": 97)")) << unknown;
}

TEST_F(Ear, RefusesWhatItMayNotSign) {
  const Appraisal appraisal = appraise(policy(), fleet_.device(1).token());
  const auto other = crypto::OpenSslKey::generate(crypto::KeyType::p384).value();
  EXPECT_EQ(write_ear_jwt(Fleet::crypto(), other.view(), appraisal, {}).error().code,
            ErrorCode::wrong_key_type);
  EXPECT_EQ(write_ear_cwt(Fleet::crypto(), other.view(), appraisal, {}).error().code,
            ErrorCode::wrong_key_type);
  for (const std::size_t size : {1U, 7U, 65U}) {
    const Octets nonce(size, 1);
    const EarOptions options{.policy = "", .nonce = nonce};
    EXPECT_EQ(write_ear_jwt(Fleet::crypto(), key_.view(), appraisal, options).error().code,
              ErrorCode::bad_value);
    EXPECT_EQ(write_ear_cwt(Fleet::crypto(), key_.view(), appraisal, options).error().code,
              ErrorCode::bad_value);
  }
}

}  // namespace
}  // namespace pedigree::verifier
