// SPDX-License-Identifier: Apache-2.0
// What the service itself states with tokens: receipts of the attestation key, token requests, evidence. And
// that nobody else can have such a token made.
#include <gtest/gtest.h>

#include "core/csr/csr.h"
#include "core/evidence/evidence.h"
#include "device/ports/sim/test_token.h"
#include "device/ports/sim/test_unit.h"
#include "testing/support/support.h"

namespace pedigree::sim {
namespace {

using enrol::Origin;
using enrol::Purpose;
using evidence::Statement;
using testing::hex;

const BeginWish kBuiltin{.purpose = Purpose::iak, .origin = Origin::builtin};

class StatementTest : public ::testing::TestWithParam<bool> {
 protected:
  static DeviceOptions options() {
    DeviceOptions made;
    made.stock_iak = GetParam();
    return made;
  }
  Octets challenge(Statement statement, std::initializer_list<Bytes> parts) const {
    const std::vector<Bytes> list(parts);
    const auto made = evidence::statement_challenge(statement, list, authority_.crypto()).value();
    return {made.begin(), made.end()};
  }
  /// SHA-256 of the chain in a slot, in a receipt's payload.
  Octets receipt_payload(std::uint32_t slot, std::uint8_t nonce_octet) const {
    const auto digest = client_.chain_digest(slot).value();
    const Octets nonce(32, nonce_octet);
    Octets payload(200);
    Writer out(payload);
    enrol::encode(enrol::Receipt{slot, digest.sha256, nonce, device_->id()}, out);
    payload.resize(out.size());
    return payload;
  }

  std::unique_ptr<Device> device_ = open_in_memory(options());
  Client client_{device_->service_handle()};
  TestAuthority authority_;
  const Octets nonce_ = Octets(32, 7);
};

TEST_P(StatementTest, TheAttestationKeysReceiptIsAToken) {
  const Begun begun = client_.begin(kBuiltin).value();
  ASSERT_TRUE(client_.write_chain(begun.slot, authority_.chain_for(begun.spki, {.with_root = true})));
  for (const std::uint8_t nonce :
       {std::uint8_t{9}, std::uint8_t{10}}) {  // the commit, and a fresh receipt afterwards
    const Octets receipt = client_.commit(begun.slot, nonce).value();
    const auto token = open_token(receipt, begun.spki, authority_.crypto());
    const Octets payload = receipt_payload(begun.slot, nonce);
    EXPECT_EQ(hex(token->claims.nonce), hex(challenge(Statement::receipt, {payload})));
    EXPECT_EQ(token->claims.client_id, device::kServicePartition);
  }
  // A key of another origin signs its receipt itself.
  const std::uint32_t made = client_.provision(authority_, {});
  const Octets receipt = client_.commit(made, 9).value();
  const auto message = cose::Sign1::parse(receipt).value();
  EXPECT_TRUE(enrol::decode<enrol::Receipt>(*message.payload()).has_value());
}

TEST_P(StatementTest, WithoutRoomForTheReceiptNothingIsCommitted) {
  const Begun begun = client_.begin(kBuiltin).value();
  ASSERT_TRUE(client_.write_chain(begun.slot, authority_.chain_for(begun.spki, {.with_root = true})));
  EXPECT_EQ(client_.commit(begun.slot, 9, PEDIGREE_MAX_RECEIPT), fail(ErrorCode::buffer_too_small));
  EXPECT_EQ(client_.slot(begun.slot).state, static_cast<std::uint8_t>(enrol::SlotState::pending));
  EXPECT_TRUE(client_.commit(begun.slot, 9)) << "what was staged is still there";
}

TEST_P(StatementTest, TheAttestationKeyAsksAsThePlatformAllows) {
  const Begun begun = client_.begin(kBuiltin).value();
  const Octets request = client_.csr(begun.slot, 7, 100).value();
  EXPECT_EQ(client_.csr(begun.slot, 7, 1000), request) << "it is kept";
  if (!GetParam()) {
    EXPECT_FALSE(evidence::is_token_request(request));
    EXPECT_TRUE(csr::Request::parse(request)->verify(authority_.crypto()));
    return;
  }
  ASSERT_TRUE(evidence::is_token_request(request));
  const auto parsed = evidence::TokenRequest::parse(request).value();
  EXPECT_EQ(hex(parsed.spki), hex(begun.spki));
  const auto token = open_token({parsed.token.begin(), parsed.token.end()}, begun.spki, authority_.crypto());
  EXPECT_EQ(hex(token->claims.nonce), hex(challenge(Statement::token_request, {nonce_, begun.spki})));
  EXPECT_EQ(hex(token->claims.instance_id), hex(device_->id()));
  // Other keys ask with PKCS#10 all the same.
  const Begun tls = client_.begin({}).value();
  EXPECT_FALSE(evidence::is_token_request(client_.csr(tls.slot, 7).value()));
}

TEST_P(StatementTest, EvidenceSaysThatTheKeyWasMadeHere) {
  for (const Origin origin : {Origin::generate, Origin::derive}) {
    const Begun begun =
        client_.begin({.origin = origin, .label = origin == Origin::derive ? "x" : ""}).value();
    const Octets request = client_.csr(begun.slot, 7, 300, PEDIGREE_SUBJECT_SERIAL_NUMBER, 1).value();
    const auto parsed = csr::Request::parse(request).value();
    EXPECT_TRUE(parsed.verify(authority_.crypto()));
    const Bytes found = evidence::find_token(parsed).value();
    // By the platform's attestation key, which has no slot yet, and so no chain.
    const Octets iak = client_.begin(kBuiltin)->spki;
    const auto token = open_token({found.begin(), found.end()}, iak, authority_.crypto());
    EXPECT_EQ(hex(token->claims.nonce), hex(challenge(Statement::evidence, {nonce_, begun.spki})));
    EXPECT_EQ(hex(parsed.spki().whole), hex(begun.spki));
    EXPECT_FALSE(token->message->x5chain());
    EXPECT_GT(token->claims.client_id, 0);
    const Octets bare = client_.csr(begun.slot, 7).value();
    EXPECT_EQ(evidence::find_token(csr::Request::parse(bare).value()).error().code, ErrorCode::not_found);
    ASSERT_TRUE(client_.destroy(begun.slot));
  }
}

TEST_P(StatementTest, EvidenceCarriesTheAttestationKeysChain) {
  const std::uint32_t iak = client_.provision(authority_, kBuiltin);
  const Begun begun = client_.begin({.type = crypto::KeyType::p384}).value();
  const Octets request = client_.csr(begun.slot, 7, 1000, PEDIGREE_SUBJECT_WITH_COMMON_NAME, 1).value();
  const auto parsed = csr::Request::parse(request).value();
  EXPECT_TRUE(parsed.verify(authority_.crypto()));
  const Bytes found = evidence::find_token(parsed).value();
  const auto token =
      open_token({found.begin(), found.end()}, client_.public_key(iak).value(), authority_.crypto());
  ASSERT_TRUE(token->message->x5chain());
  EXPECT_EQ(token->message->x5chain()->count, 2U);
}

TEST_P(StatementTest, ThereIsNoEvidenceForAKeyFromOutside) {
  const Begun begun = client_.begin({.origin = Origin::import, .import_key = Octets(32, 5)}).value();
  EXPECT_EQ(client_.csr(begun.slot, 7, 1000, PEDIGREE_SUBJECT_SERIAL_NUMBER, 1),
            fail(ErrorCode::evidence_forbidden));
  EXPECT_TRUE(client_.csr(begun.slot, 7).has_value());
  EXPECT_EQ(client_.csr(begun.slot, 7, 1000, PEDIGREE_SUBJECT_SERIAL_NUMBER, 2), fail(ErrorCode::bad_value));
}

TEST_P(StatementTest, NobodyCanHaveAStatementMadeByAttest) {
  client_.provision(authority_, kBuiltin);
  const Octets theirs = Octets(91, 0x30);
  for (const Statement statement : {Statement::evidence, Statement::token_request, Statement::receipt}) {
    for (const std::int32_t caller : {-1, 0x101}) {
      device_->set_client(caller);
      const Octets wanted = challenge(statement, {nonce_, theirs});
      EXPECT_EQ(client_.attest(wanted, false), fail(ErrorCode::reserved_challenge));
      EXPECT_EQ(client_.attest(wanted, true), fail(ErrorCode::reserved_challenge));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Platforms, StatementTest, ::testing::Values(false, true), [](const auto& platform) {
  return platform.param ? "StockTfm" : "IakSignsRequests";
});

}  // namespace
}  // namespace pedigree::sim
