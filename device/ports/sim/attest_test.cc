// SPDX-License-Identifier: Apache-2.0
// Tokens of a simulated device: what they claim, who may have which, how they come.
#include <gtest/gtest.h>

#include "core/x509/certificate.h"
#include "device/ports/sim/test_token.h"
#include "device/ports/sim/test_unit.h"
#include "psa/crypto.h"
#include "psa/initial_attestation.h"
#include "testing/support/support.h"

namespace pedigree::sim {
namespace {

using enrol::Origin;
using enrol::Purpose;
using testing::hex;

const BeginWish kBuiltin{.purpose = Purpose::iak, .origin = Origin::builtin};

class AttestTest : public ::testing::Test {
 protected:
  explicit AttestTest(const DeviceOptions& options = {}) : device_(open_in_memory(options)) {}
  std::unique_ptr<Token> open(const Octets& octets) const {
    return open_token(octets, key_of_device(), authority_.crypto());
  }
  /// SubjectPublicKeyInfo of the attestation key, from the key store.
  Octets key_of_device() const {
    Octets point(65);
    std::size_t size = 0;
    if (psa_export_public_key(device_->platform().builtin_iak, point.data(), point.size(), &size) !=
        PSA_SUCCESS)
      throw std::runtime_error("the attestation key is not there");
    Octets spki(PEDIGREE_MAX_SPKI);
    Writer out(spki);
    der::Builder builder(out);
    x509::write_spki({crypto::KeyType::p256, point}, builder);
    spki.resize(out.size());
    return spki;
  }
  std::unique_ptr<Token> attest(Bytes challenge, bool chain = false) const {
    return open(client_.attest(challenge, chain).value());
  }

  std::unique_ptr<Device> device_;
  Client client_{device_->service_handle()};
  TestAuthority authority_;
  const Octets challenge_ = Octets(32, 0x5a);
};

TEST_F(AttestTest, ATokenSaysWhatTheDeviceIs) {
  const auto token = attest(challenge_);
  EXPECT_EQ(token->octets[0], 0xd2) << "tagged COSE_Sign1";
  EXPECT_EQ(hex(token->message->protected_header()), "a10126");
  EXPECT_EQ(hex(token->message->unprotected_header()), "a0");
  const psa_token::Claims& claims = token->claims;
  EXPECT_EQ(claims.profile, psa_token::Profile::tfm);
  EXPECT_EQ(hex(claims.nonce), hex(challenge_));
  EXPECT_EQ(hex(claims.instance_id), hex(device_->id()));
  EXPECT_EQ(as_text(claims.implementation_id).substr(0, 25), "Pedigree simulated device");
  EXPECT_EQ(claims.client_id, device::kServicePartition);
  EXPECT_EQ(claims.security_lifecycle, 0x1000);
  EXPECT_EQ(claims.boot_seed.size(), 32U);
  EXPECT_TRUE(claims.certification_reference.empty() && claims.verification_service.empty());
  EXPECT_EQ(claims.unknown_claims, 0U);
  ASSERT_EQ(claims.software_component_count, 1U);
  Reader in(claims.software_components);
  const auto component = psa_token::read_component(in).value();
  EXPECT_EQ(component.measurement_type, "PRoT");
  EXPECT_EQ(component.version, "0.1.0");
  EXPECT_EQ(component.measurement_description, "sha-256");
  EXPECT_EQ(hex(component.signer_id), hex(Octets(32, 0))) << "nobody has signed the program";
  const Octets program = testing::read_file("/proc/self/exe");
  EXPECT_EQ(hex(component.measurement_value), hex(authority_.crypto().sha256(program).value()));
}

class ConfiguredAttestTest : public AttestTest {
 protected:
  ConfiguredAttestTest() : AttestTest(options()) {}
  static DeviceOptions options() {
    DeviceOptions made;
    made.lifecycle = enrol::Lifecycle::secured;
    made.attestation = {.certification_reference = "0604565272829-10010",
                        .verification_service = "https://verifier.example/"};
    return made;
  }
};

TEST_F(ConfiguredAttestTest, WhatTheMakerSaysIsInTheToken) {
  const auto token = attest(challenge_);
  EXPECT_EQ(token->claims.security_lifecycle, 0x3000);
  EXPECT_EQ(token->claims.certification_reference, "0604565272829-10010");
  EXPECT_EQ(token->claims.verification_service, "https://verifier.example/");
}

TEST_F(AttestTest, TheBootSeedLastsForOneBoot) {
  const auto first = attest(challenge_);
  const auto second = attest(Octets(64, 1));
  device_->reboot();
  const auto third = attest(challenge_);
  EXPECT_EQ(hex(first->claims.boot_seed), hex(second->claims.boot_seed));
  EXPECT_NE(hex(first->claims.boot_seed), hex(third->claims.boot_seed));
}

TEST_F(AttestTest, EachDeviceOfTheProcessHasItsOwnTokens) {
  const auto other = open_in_memory();
  const Octets theirs = Client(other->service_handle()).attest(challenge_, false).value();
  EXPECT_THROW(open(theirs), std::runtime_error) << "signed by another key";
  EXPECT_EQ(hex(attest(challenge_)->claims.instance_id), hex(device_->id()));
}

TEST_F(AttestTest, OnlyThreeSizesOfChallengeAreTaken) {
  for (std::size_t size = 0; size <= PEDIGREE_MAX_CHALLENGE; ++size) {
    const auto token = client_.attest(Octets(size, 1), false);
    if (size == 32 || size == 48 || size == 64) {
      ASSERT_TRUE(token.has_value()) << size;
      EXPECT_EQ(open(*token)->claims.nonce.size(), size);
    } else {
      EXPECT_EQ(token, fail(ErrorCode::bad_value)) << size;
    }
  }
}

TEST_F(AttestTest, AMalformedCallIsRefused) {
  pedigree_attest_request_t request{};
  request.challenge_size = 32;
  std::uint32_t total = 0;
  Octets buffer(100);
  std::size_t size = 0;
  const auto call = [&] {
    return pedigree_attest(device_->service_handle(), &request, buffer.data(), buffer.size(), &size, &total);
  };
  const auto refused = [&](ErrorCode code) { EXPECT_EQ(call(), static_cast<psa_status_t>(code)); };
  request.chain = 2;
  refused(ErrorCode::bad_value);
  request.chain = 0;
  for (const std::uint32_t challenge_size : {0x80000020U, 0xffffffffU, 65U}) {
    request.challenge_size = challenge_size;
    refused(ErrorCode::bad_value);
  }
  request.challenge_size = 32;
  ASSERT_EQ(call(), 0);
  request.offset = total + 1;
  refused(ErrorCode::bad_offset);
  request.offset = 0xffffffffU;
  refused(ErrorCode::bad_offset);
  request.offset = total;
  ASSERT_EQ(call(), 0);
  EXPECT_EQ(size, 0U);
  // Vectors of other sizes and numbers.
  const psa_invec half[] = {{&request, sizeof request - 1}};
  psa_outvec out[] = {{&total, sizeof total}, {buffer.data(), buffer.size()}};
  const psa_handle_t handle = device_->service_handle();
  EXPECT_EQ(psa_call(handle, PEDIGREE_CALL_ATTEST, half, 1, out, 2),
            static_cast<int>(ErrorCode::bad_request));
  EXPECT_EQ(psa_call(handle, PEDIGREE_CALL_ATTEST, nullptr, 0, out, 2),
            static_cast<int>(ErrorCode::bad_request));
  const psa_invec whole[] = {{&request, sizeof request}};
  EXPECT_EQ(psa_call(handle, PEDIGREE_CALL_ATTEST, whole, 1, nullptr, 0),
            static_cast<int>(ErrorCode::buffer_too_small));
}

TEST_F(AttestTest, TheTokenIsKeptWhileItsPartsAreRead) {
  const Octets whole = client_.attest(challenge_, false, 0, 2000).value();
  for (const std::size_t part : {1U, 63U, 64U, 200U}) {
    EXPECT_EQ(client_.attest(challenge_, false, 0, part), whole) << part;
  }
  EXPECT_NE(client_.attest(Octets(32, 1), false), whole);
  Octets longer = challenge_;
  longer.resize(48);
  EXPECT_NE(client_.attest(longer, false), whole) << "the same octets and more are another challenge";
}

TEST_F(AttestTest, WithoutAChainOnTheDeviceThereIsNoneInTheToken) {
  EXPECT_EQ(client_.attest(challenge_, true), fail(ErrorCode::no_attestation_chain));
  EXPECT_EQ(client_.attest(challenge_, false, 1), fail(ErrorCode::purpose_forbids));
  const std::uint32_t tls = client_.provision(authority_, {});
  EXPECT_EQ(client_.attest(challenge_, true), fail(ErrorCode::no_attestation_chain));
  EXPECT_EQ(client_.attest(challenge_, false, tls), fail(ErrorCode::purpose_forbids));
  // A made key of purpose iak is not what the platform attests with.
  const std::uint32_t made = client_.provision(authority_, {.purpose = Purpose::iak});
  EXPECT_EQ(client_.attest(challenge_, true), fail(ErrorCode::no_attestation_chain));
  EXPECT_EQ(client_.attest(challenge_, false, made), fail(ErrorCode::purpose_forbids));
  EXPECT_TRUE(client_.attest(challenge_, false).has_value());
}

TEST_F(AttestTest, TheChainIsThatOfTheSlotAndTheSignatureDoesNotCoverIt) {
  const Begun begun = client_.begin(kBuiltin).value();
  EXPECT_EQ(client_.attest(challenge_, true), fail(ErrorCode::no_attestation_chain)) << "pending";
  const Octets with_root = authority_.chain_for(begun.spki, {.with_root = true});
  ASSERT_TRUE(client_.write_chain(begun.slot, with_root));
  ASSERT_TRUE(client_.commit(begun.slot));
  const auto bare = attest(challenge_);
  for (const std::uint32_t slot : {0U, begun.slot}) {
    const auto token = open(client_.attest(challenge_, true, slot).value());
    const Octets stored = client_.read_chain(begun.slot).value();
    const auto chain = cose::read_chain(stored).value();
    ASSERT_EQ(chain.count, 2U) << "without the root";
    ASSERT_EQ(token->message->x5chain()->count, 2U);
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(hex(token->message->x5chain()->certificates[i]), hex(chain.certificates[i]));
    }
    EXPECT_EQ(hex(*token->message->payload()), hex(*bare->message->payload()));
  }
}

TEST_F(AttestTest, AChainOfOneIsABareString) {
  const Begun begun = client_.begin(kBuiltin).value();
  const Octets chain = authority_.chain_for(begun.spki, {.with_root = true, .with_intermediate = false});
  ASSERT_TRUE(client_.write_chain(begun.slot, chain));
  ASSERT_TRUE(client_.commit(begun.slot));
  const auto token = attest(challenge_, true);
  EXPECT_EQ(hex(token->message->unprotected_header()).substr(0, 8), "a1182159");
  EXPECT_EQ(token->message->x5chain()->count, 1U);
}

TEST_F(AttestTest, ANewChainIsInTheNextToken) {
  const std::uint32_t slot = client_.provision(authority_, kBuiltin);
  const Octets before = client_.attest(challenge_, true).value();
  const Begun again =
      client_.begin({.slot = slot, .purpose = Purpose::iak, .origin = Origin::builtin, .replace = true})
          .value();
  ASSERT_TRUE(client_.write_chain(slot, authority_.chain_for(again.spki)));
  ASSERT_EQ(client_.attest(challenge_, true).value(), before) << "not before it is committed";
  ASSERT_TRUE(client_.commit(slot));
  EXPECT_NE(client_.attest(challenge_, true).value(), before);
}

TEST_F(AttestTest, AChainThatIsBeingWrittenSurvivesAToken) {
  const Begun begun = client_.begin({}).value();
  const Octets chain = authority_.chain_for(begun.spki, {.with_root = true, .padding = 900});
  ASSERT_TRUE(client_.write_part(begun.slot, chain, 0, 700));
  ASSERT_TRUE(client_.attest(challenge_, false));
  ASSERT_TRUE(client_.write_chain(begun.slot, chain));
  EXPECT_TRUE(client_.commit(begun.slot));
}

TEST_F(AttestTest, TokensChangeNoStorage) {
  client_.provision(authority_, kBuiltin);
  const auto before = device_->storage().assets();
  EXPECT_TRUE(client_.attest(challenge_, true).has_value());
  EXPECT_EQ(device_->storage().assets(), before);
}

TEST_F(AttestTest, ADecommissionedDeviceDoesNotAttest) {
  device_->platform().lifecycle = enrol::Lifecycle::decommissioned;
  EXPECT_EQ(client_.attest(challenge_, false), fail(ErrorCode::lifecycle_forbids));
}

TEST_F(AttestTest, AFailingAttestationServiceIsToldApart) {
  device_->platform().builtin_iak = 0;
  EXPECT_EQ(client_.attest(challenge_, false), fail(ErrorCode::attestation_failure));
}

TEST_F(AttestTest, WhoAsksThePlatformItselfIsNamedInTheToken) {
  const AttestationCaller nonsecure(device_->attestation(), -7);
  std::size_t announced = 0;
  ASSERT_EQ(psa_initial_attest_get_token_size(challenge_.size(), &announced), PSA_SUCCESS);
  Octets octets(announced);
  std::size_t size = 0;
  ASSERT_EQ(psa_initial_attest_get_token(challenge_.data(), 32, octets.data(), octets.size(), &size),
            PSA_SUCCESS);
  EXPECT_EQ(size, announced);
  EXPECT_EQ(open(octets)->claims.client_id, -7);
  EXPECT_EQ(attest(challenge_)->claims.client_id, device::kServicePartition);
  EXPECT_EQ(psa_initial_attest_get_token(challenge_.data(), 32, octets.data(), octets.size() - 1, &size),
            PSA_ERROR_BUFFER_TOO_SMALL);
  EXPECT_EQ(psa_initial_attest_get_token(challenge_.data(), 31, octets.data(), octets.size(), &size),
            PSA_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(psa_initial_attest_get_token_size(33, &announced), PSA_ERROR_INVALID_ARGUMENT);
}

constexpr const char* kScript = R"py(
import sys, cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
token, nonce, device = (bytes.fromhex(word) for word in sys.stdin.read().split(','))
tag = cbor2.loads(token)
protected, unprotected, payload, signature = tag.value
assert tag.tag == 18 and cbor2.loads(protected) == {1: -7} and list(unprotected) == [33]
chain = [x509.load_der_x509_certificate(der) for der in unprotected[33]]
key, issuer = (certificate.public_key() for certificate in chain)
issuer.verify(chain[0].signature, chain[0].tbs_certificate_bytes, ec.ECDSA(chain[0].signature_hash_algorithm))
r, s = (int.from_bytes(half, 'big') for half in (signature[:32], signature[32:]))
key.verify(utils.encode_dss_signature(r, s), cbor2.dumps(['Signature1', protected, b'', payload]), ec.ECDSA(hashes.SHA256()))
claims = cbor2.loads(payload)
assert cbor2.dumps(claims, canonical=True) == payload
assert claims[10] == nonce and claims[256] == device and claims[265] == 'tag:psacertified.org,2023:psa#tfm'
assert claims[2394] == 256 and claims[2395] == 0x1000 and len(claims[2396]) == 32 and len(claims[268]) == 32
assert [component[1] for component in claims[2399]] == ['PRoT']
print('verified')
)py";

TEST_F(AttestTest, PythonsCborAndCryptographyReadAndVerifyIt) {
  client_.provision(authority_, kBuiltin);
  const Octets token = client_.attest(challenge_, true).value();
  const auto result = testing::run({"/usr/bin/python3", "-c", kScript},
                                   hex(token) + "," + hex(challenge_) + "," + hex(device_->id()));
  EXPECT_EQ(result.output, "verified\n");
  EXPECT_EQ(result.status, 0);
}

}  // namespace
}  // namespace pedigree::sim
