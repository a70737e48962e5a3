// SPDX-License-Identifier: Apache-2.0
// Reference manifests that somebody else's CBOR wrote: Python's cbor2 and cryptography, from the
// distribution.
#include <gtest/gtest.h>

#include "crypto/openssl/openssl_crypto.h"
#include "testing/support/octets.h"
#include "testing/support/support.h"
#include "verifier/policy.h"
#include "verifier/reference.h"

namespace pedigree::verifier {
namespace {

using testing::hex;
using testing::Octets;
using testing::unhex;

// The values of draft-ietf-rats-corim's example of two acceptable states of one component.
constexpr const char* kParts = R"py(
import cbor2
from cbor2 import CBORTag as T
ID = b'acme-implementation-id-000000001'
SIGNER = bytes.fromhex('5378796307535df3ec8d8b15a2e2dc5641419c3d3060cfe32238c0fa973f7aa3')
FIRST = bytes.fromhex('9a271f2a916b0b6ee6cecb2426f0b3206ef074578be55d9bc94f6f3fe3ab86aa')
SECOND = bytes.fromhex('a3fe9f414586c0d3cacbe3b6920a09d8718e503bca22e23fef882203bf765065')
PROFILE = T(32, 'tag:arm.com,2025:psa#1.0.0')
def values(digest=FIRST, name='PRoT', **more):
    v = {2: [['sha-256', digest]], 11: name, 13: [T(560, SIGNER)]}
    v.update({int(k[1:]): value for k, value in more.items()})
    return v
def measurement(v, key='psa.software-component'):
    return {0: key, 1: v}
def environment(tag=560, ident=ID, **more):
    e = {0: {0: T(tag, ident), 1: 'ACME', 2: 'Gizmo'}}
    e.update({int(k[1:]): value for k, value in more.items()})
    return e
def comid(*triples):
    return T(506, cbor2.dumps({1: {0: 'acme.example/gizmo-v1'},
                               2: [{0: 'ACME Inc.', 1: T(32, 'https://acme.example'), 2: [0]}],
                               4: {0: list(triples)}}))
def corim(*tags, profile=PROFILE, **more):
    c = {0: 'acme-1', 1: list(tags), 3: profile}
    if profile is None: del c[3]
    c.update({int(k[1:]): value for k, value in more.items()})
    return T(501, c)
def both():
    return corim(comid([environment(), [measurement(values())]], [environment(), [measurement(values(SECOND))]]))
)py";

Octets python(const std::string& script) {
  const auto result = testing::run({"/usr/bin/python3", "-c", kParts + script});
  EXPECT_EQ(result.status, 0) << result.output;
  return unhex(result.output);
}
Octets manifest(const std::string& expression) {
  return python("print(cbor2.dumps(" + expression + ").hex())");
}

std::string outcome(Bytes cbor, std::optional<der::UnixTime> now = {}) {
  ReferenceValues values;
  const auto read = read_corim(cbor, values, now);
  EXPECT_EQ(read.has_value(), !values.empty());
  if (read) return "read";
  EXPECT_LE(read.error().offset, cbor.size());
  return std::string(name(read.error().code));
}
std::string outcome(const std::string& expression, std::optional<der::UnixTime> now = {}) {
  return outcome(manifest(expression), now);
}

constexpr std::string_view kId = "acme-implementation-id-000000001";

TEST(Corim, ReadsTheDraftsExample) {
  ReferenceValues values;
  ASSERT_TRUE(read_corim(manifest("both()"), values));
  ASSERT_EQ(values.size(), 1U);
  const ReferenceImplementation* found = values.find(as_bytes(kId));
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->vendor, "ACME");
  EXPECT_EQ(found->model, "Gizmo");
  ASSERT_EQ(found->components.size(), 2U);
  EXPECT_EQ(found->components[0].measurement_type, "PRoT");
  EXPECT_EQ(hex(found->components[0].measurement_value),
            "9a271f2a916b0b6ee6cecb2426f0b3206ef074578be55d9bc94f6f3fe3ab86aa");
  EXPECT_EQ(hex(found->components[1].measurement_value),
            "a3fe9f414586c0d3cacbe3b6920a09d8718e503bca22e23fef882203bf765065");
  EXPECT_EQ(hex(found->components[1].signer_id),
            "5378796307535df3ec8d8b15a2e2dc5641419c3d3060cfe32238c0fa973f7aa3");
  EXPECT_EQ(values.find(as_bytes("acme-implementation-id-000000002")), nullptr);
  EXPECT_EQ(values.find(as_bytes("acme")), nullptr);
}

TEST(Corim, ReadsVersionsAndSeveralDigests) {
  ReferenceValues values;
  ASSERT_TRUE(read_corim(manifest("corim(comid([environment(), [measurement(values(_0={0: '1.3.5'}, "
                                  "_2=[['sha-256', FIRST], ['sha-512', FIRST + SECOND]]))]]))"),
                         values));
  const auto& components = values.find(as_bytes(kId))->components;
  ASSERT_EQ(components.size(), 2U);
  for (const ReferenceComponent& one : components) EXPECT_EQ(one.version, "1.3.5");
  EXPECT_EQ(components[1].measurement_value.size(), 64U);
}

TEST(Corim, ReadsTheOlderProfile) {
  ReferenceValues values;
  ASSERT_TRUE(read_corim(
      manifest(
          "T(500, corim(comid([environment(600), measurement({2: [[1, FIRST]]}, "
          "T(601, {1: 'PRoT', 4: '1.3.5', 5: SIGNER}))]), profile=[T(32, 'http://arm.com/psa/iot/1')]))"),
      values));
  const auto& component = values.find(as_bytes(kId))->components.at(0);
  EXPECT_EQ(component.measurement_type, "PRoT");
  EXPECT_EQ(component.version, "1.3.5");
  EXPECT_EQ(component.signer_id.size(), 32U);
}

TEST(Corim, PassesOverWhatIsNotForPsa) {
  EXPECT_EQ(outcome("corim(T(505, b'\\xa0'), comid([environment(), [measurement({1: T(552, 3)}, 'other'), "
                    "measurement(values())]], [{0: {0: T(37, b'0123456789abcdef')}}, [{1: {1: 3}}]]))"),
            "read");
}

TEST(Corim, RefusesWhatItWouldMisread) {
  // A condition or a scope that is not understood must not be dropped.
  EXPECT_EQ(outcome("corim(comid([environment(), [measurement(values(_1=T(552, 3)))]]))"), "unknown_field");
  EXPECT_EQ(outcome("corim(comid([environment(), [measurement(values(_0={0: '1', 1: 1}))]]))"),
            "unknown_field");
  EXPECT_EQ(outcome("corim(comid([environment(_1=T(550, b'\\x01' + ID)), [measurement(values())]]))"),
            "unknown_field");
  EXPECT_EQ(
      outcome(
          "corim(comid([environment(), [measurement(values())]]), profile=T(32, 'tag:arm.com,2025:cca#1'))"),
      "unsupported_version");
  EXPECT_EQ(outcome("corim(comid([environment(), [measurement(values())]]), profile=T(111, b'\\x2a'))"),
            "unsupported_version");
}

TEST(Corim, RefusesWhatIsMalformed) {
  EXPECT_EQ(outcome("corim(comid([environment(ident=ID[1:]), [measurement(values())]]))"), "bad_value");
  EXPECT_EQ(outcome("corim(comid([environment(), [measurement(values(FIRST[1:]))]]))"), "bad_value");
  EXPECT_EQ(outcome("corim(comid([environment(), [measurement(values(_13=[]))]]))"), "bad_value");
  EXPECT_EQ(outcome("corim(comid([environment(), [measurement(values(_2=[]))]]))"), "missing_field");
  EXPECT_EQ(outcome("corim(comid([environment(), []]))"), "missing_field");
  EXPECT_EQ(outcome("corim(comid([environment(), [{0: 'psa.software-component'}]]))"), "missing_field");
  EXPECT_EQ(outcome("corim(comid([environment()]))"), "bad_value");
  EXPECT_EQ(outcome("corim(T(505, b'\\xa0'))"), "missing_field");
  EXPECT_EQ(outcome("corim(comid([environment(), [measurement(values(_2=[['a', FIRST]] * 4))]]))"),
            "too_many");
  EXPECT_EQ(outcome("T(18, [b'', {}, cbor2.dumps(both()), b''])"), "bad_tag");
  EXPECT_EQ(outcome(Octets{}), "truncated");
  Octets longer = manifest("both()");
  longer.push_back(0);
  EXPECT_EQ(outcome(longer), "trailing_data");
  const Octets whole = manifest("both()");
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_NE(outcome(Bytes(whole).first(size)), "read");
}

TEST(Corim, ChecksItsValidity) {
  const std::string limited =
      "corim(comid([environment(), [measurement(values())]]), _4={0: T(1, 1700000000), 1: T(1, 1800000000)})";
  const Octets cbor = manifest(limited);
  EXPECT_EQ(outcome(cbor), "read");
  EXPECT_EQ(outcome(cbor, 1699999999), "not_yet_valid");
  EXPECT_EQ(outcome(cbor, 1700000000), "read");
  EXPECT_EQ(outcome(cbor, 1800000000), "read");
  EXPECT_EQ(outcome(cbor, 1800000001), "expired");
}

// Signs both() by a new P-256 key; CHANGE may alter what is signed. Prints the message, the key's SPKI, and a
// root certificate for a chain.
constexpr const char* kSign = R"py(
import datetime, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
def certificate(subject, public, eku):
    name = lambda text: x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])
    b = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name('Root')).public_key(public)
    b = b.serial_number(7).not_valid_before(datetime.datetime(2024, 1, 1)).not_valid_after(datetime.datetime(2034, 1, 1))
    b = b.add_extension(x509.BasicConstraints(ca=subject == 'Root', path_length=None), True)
    if eku: b = b.add_extension(x509.ExtendedKeyUsage([x509.ObjectIdentifier(eku)]), False)
    return b.sign(root_key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
def der(public):
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
protected = {1: -7, 3: 'application/rim+cbor', 15: {1: 'ACME Ltd.', 5: 1700000000, 4: 1800000000}}
unprotected, eku = {}, '1.3.6.1.5.5.7.3.3'
payload = cbor2.dumps(both())
CHANGE
if 'chain' in globals():
    unprotected[33] = certificate('Signer', key.public_key(), eku)
protected = cbor2.dumps(protected)
to_be_signed = cbor2.dumps(['Signature1', protected, b'', payload])
r, s = utils.decode_dss_signature(key.sign(to_be_signed, ec.ECDSA(hashes.SHA256())))
message = cbor2.dumps(T(18, [protected, unprotected, payload, r.to_bytes(32, 'big') + s.to_bytes(32, 'big')]))
print(cbor2.dumps([message, der(key.public_key()), certificate('Root', root_key.public_key(), None)]).hex())
)py";

struct SignedManifest {
  Octets message, key, root;
};
SignedManifest sign(const std::string& change = "") {
  std::string script = kSign;
  script.replace(script.find("CHANGE"), 6, change);
  const Octets all = python(script);
  Reader in(all);
  (void)cbor::read_array(in).value();
  const auto next = [&in] {
    const Bytes octets = cbor::read_bstr(in).value();
    return Octets(octets.begin(), octets.end());
  };
  SignedManifest made;
  made.message = next();
  made.key = next();
  made.root = next();
  return made;
}

std::string verify(Bytes message, const CorimTrust& trust, der::UnixTime now = 1750000000) {
  const crypto::OpenSslCrypto crypto;
  ReferenceValues values;
  const auto read = read_signed_corim(crypto, message, trust, now, values);
  EXPECT_EQ(read.has_value(), !values.empty());
  return read ? "read" : std::string(name(read.error().code));
}
CorimTrust by_root(const SignedManifest& made) {
  return {.keys = {}, .anchors = {{x509::Certificate::parse(made.root).value(), {}, {}}}};
}

TEST(SignedCorim, IsVerifiedByAKey) {
  const SignedManifest made = sign();
  const CorimTrust trust{.keys = {made.key}, .anchors = {}};
  EXPECT_EQ(verify(made.message, trust), "read");
  EXPECT_EQ(verify(made.message, {}), "unknown_key");
  EXPECT_EQ(verify(made.message, {.keys = {sign().key}, .anchors = {}}), "invalid_signature");
  EXPECT_EQ(verify(made.message, trust, 1699999999), "not_yet_valid");
  EXPECT_EQ(verify(made.message, trust, 1800000001), "expired");
  Octets spoilt = made.message;
  spoilt[spoilt.size() / 2] ^= 1;
  EXPECT_EQ(verify(spoilt, trust), "invalid_signature");
}

TEST(SignedCorim, MustBeAReferenceManifest) {
  const SignedManifest other = sign("protected[3] = 'application/cbor'");
  EXPECT_EQ(verify(other.message, {.keys = {other.key}, .anchors = {}}), "bad_header");
  const SignedManifest none = sign("del protected[3]");
  EXPECT_EQ(verify(none.message, {.keys = {none.key}, .anchors = {}}), "bad_header");
}

TEST(SignedCorim, ChecksTheMetaMapsValidity) {
  const SignedManifest made =
      sign("del protected[15]; protected[8] = cbor2.dumps({0: {0: 'ACME Ltd.'}, 1: {1: T(1, 1740000000)}})");
  const CorimTrust trust{.keys = {made.key}, .anchors = {}};
  EXPECT_EQ(verify(made.message, trust, 1740000000), "read");
  EXPECT_EQ(verify(made.message, trust, 1740000001), "expired");
}

TEST(SignedCorim, IsVerifiedByAChainWhoseLeafMaySign) {
  const SignedManifest made = sign("chain = True");
  EXPECT_EQ(verify(made.message, by_root(made)), "read");
  EXPECT_EQ(verify(made.message, by_root(sign())), "invalid_signature");
  // A device's certificate, which ends at the same root, has no codeSigning.
  const SignedManifest device = sign("chain = True; eku = None");
  EXPECT_EQ(verify(device.message, by_root(device)), "eku_forbids");
  const SignedManifest client = sign("chain = True; eku = '1.3.6.1.5.5.7.3.2'");
  EXPECT_EQ(verify(client.message, by_root(client)), "eku_forbids");
}

// The answer to a policy with a signed manifest: "read", or what is wrong.
std::string through_policy(const SignedManifest& made, const std::string& settings,
                           const ManifestContext& context) {
  const testing::TempDir folder;
  testing::write_file(folder / "values.cbor", made.message);
  testing::write_file(folder / "signer.pem", testing::to_pem("PUBLIC KEY", made.key));
  testing::write_file(folder / "root.pem", testing::to_pem("CERTIFICATE", made.root));
  const auto policy = parse_policy("reference = [\"values.cbor\"]\n" + settings, folder.path(), context);
  if (!policy) return policy.error().what;
  EXPECT_EQ(policy->reference.size(), 1U);
  return "read";
}

TEST(SignedCorim, IsReadThroughAPolicyThatNamesTheSigner) {
  const crypto::OpenSslCrypto crypto;
  const ManifestContext context{&crypto, 1750000000};
  const SignedManifest made = sign();
  EXPECT_EQ(through_policy(made, "reference_keys = [\"signer.pem\"]", context), "read");
  EXPECT_EQ(through_policy(made, "", context),
            "line 1, column 14: reference: values.cbor cannot be used: the signer is none that the policy "
            "trusts for "
            "reference values");
  EXPECT_EQ(through_policy(made, "reference_keys = [\"signer.pem\"]", {&crypto, 1900000000}),
            "line 1, column 14: reference: values.cbor cannot be used: the manifest has expired");
  EXPECT_EQ(
      through_policy(made, "reference_keys = [\"signer.pem\"]", {}),
      "line 1, column 14: reference: values.cbor cannot be used: signed manifests cannot be verified here");
  EXPECT_EQ(through_policy(sign("chain = True"), "roots = [\"root.pem\"]", context), "read");
}

}  // namespace
}  // namespace pedigree::verifier
