// SPDX-License-Identifier: Apache-2.0
// Chains: how they are written and resumed, and which are refused, with nothing changed.
#include <gtest/gtest.h>

#include <random>

#include "core/cose/cose.h"
#include "device/ports/sim/test_unit.h"

namespace pedigree::sim {
namespace {

using enrol::Lifecycle;
using enrol::Purpose;

class ChainTest : public ::testing::Test {
 protected:
  /// Writes the chain for a new pending key and commits it; the slot must stay pending if that is refused.
  [[nodiscard]] Result<Octets> try_chain(const Octets& chain) {
    if (const auto written = client_.write_chain(slot_, chain); !written) {
      return std::unexpected(written.error());
    }
    const auto before = device_->storage().assets();
    auto receipt = client_.commit(slot_);
    if (!receipt) {
      EXPECT_EQ(device_->storage().assets(), before);
    }
    return receipt;
  }
  void begin(const BeginWish& wish = {}) {
    const auto begun = client_.begin(wish);
    ASSERT_TRUE(begun.has_value());
    slot_ = begun->slot;
    spki_ = begun->spki;
  }
  void SetUp() override { begin(); }

  std::unique_ptr<Device> device_ = open_in_memory();
  Client client_{device_->service_handle()};
  TestAuthority authority_;
  std::uint32_t slot_ = 0;
  Octets spki_;
};

TEST_F(ChainTest, TheFirstChainMustCarryItsRoot) {
  EXPECT_EQ(try_chain(authority_.chain_for(spki_)), fail(ErrorCode::root_required));
  EXPECT_EQ(client_.info().root_pinned, 0);
  EXPECT_TRUE(try_chain(authority_.chain_for(spki_, {.with_root = true})).has_value());
}

TEST_F(ChainTest, LaterChainsMayOrMayNotCarryIt) {
  client_.provision(authority_, {.purpose = Purpose::iak});
  ASSERT_TRUE(try_chain(authority_.chain_for(spki_)).has_value());
  const Octets stored = *client_.read_chain(slot_);
  begin({.purpose = Purpose::data});
  ASSERT_TRUE(try_chain(authority_.chain_for(spki_, {.with_root = true})).has_value());
  EXPECT_EQ(cose::read_chain(*client_.read_chain(slot_))->count, cose::read_chain(stored)->count);
}

TEST_F(ChainTest, ALeafStraightFromTheRootIsAChainToo) {
  ASSERT_TRUE(
      try_chain(authority_.chain_for(spki_, {.with_root = true, .with_intermediate = false})).has_value());
  EXPECT_EQ(cose::read_chain(*client_.read_chain(slot_))->count, 1U);
  begin({.purpose = Purpose::iak});
  EXPECT_TRUE(try_chain(authority_.chain_for(spki_, {.with_intermediate = false})).has_value());
}

TEST_F(ChainTest, AnotherRootIsRefused) {
  client_.provision(authority_, {.purpose = Purpose::iak});
  const TestAuthority other("Other");
  EXPECT_EQ(try_chain(other.chain_for(spki_, {.with_root = true})), fail(ErrorCode::chain_root_mismatch));
  // The same names, another key: the signature is what counts.
  const TestAuthority impostor("Test");
  EXPECT_FALSE(try_chain(impostor.chain_for(spki_)).has_value());
  EXPECT_EQ(try_chain(impostor.chain_for(spki_, {.with_root = true})), fail(ErrorCode::chain_root_mismatch));
  EXPECT_TRUE(equal(client_.info().pinned_root, authority_.root_spki_sha256()));
  EXPECT_TRUE(try_chain(authority_.chain_for(spki_)).has_value()) << "and the slot goes on";
}

TEST_F(ChainTest, RootsOfEverySizeCanBePinned) {
  for (const auto type : {crypto::KeyType::p384, crypto::KeyType::rsa2048, crypto::KeyType::rsa4096}) {
    const auto device = open_in_memory();
    const Client client(device->service_handle());
    const TestAuthority authority("Large", type);
    client.provision(authority, {.purpose = Purpose::iak});
    const auto begun = client.begin({});
    ASSERT_TRUE(client.write_chain(begun->slot, authority.chain_for(begun->spki)).has_value());
    EXPECT_TRUE(client.commit(begun->slot).has_value());
    EXPECT_TRUE(equal(client.info().pinned_root, authority.root_spki_sha256()));
  }
}

TEST_F(ChainTest, ALeafForAnotherKeyIsRefused) {
  const auto other = client_.begin({.purpose = Purpose::iak});
  EXPECT_EQ(try_chain(authority_.chain_for(other->spki, {.with_root = true})),
            fail(ErrorCode::chain_key_mismatch));
}

TEST_F(ChainTest, BrokenAndForbiddenLeavesAreRefused) {
  const auto broken = try_chain(authority_.chain_for(spki_, {.with_root = true, .break_signature = true}));
  EXPECT_EQ(broken.error().code, ErrorCode::invalid_signature);
  const auto ca = try_chain(authority_.chain_for(spki_, {.with_root = true, .leaf_is_ca = true}));
  EXPECT_FALSE(ca.has_value());
  EXPECT_FALSE(try_chain(Octets{0x80}).has_value());
  EXPECT_FALSE(try_chain(Octets(100, 0xff)).has_value());
  EXPECT_EQ(client_.info().root_pinned, 0);
}

TEST_F(ChainTest, EveryFlippedOctetIsRefused) {
  const Octets chain = authority_.chain_for(spki_, {.with_root = true});
  // Flips in the root's own signature change nothing that is believed: its key is taken as such.
  const std::size_t end = chain.size() - authority_.root_certificate().size();
  for (std::size_t i = 0; i < end; i += 7) {
    Octets damaged = chain;
    damaged[i] ^= 0x04;
    EXPECT_FALSE(try_chain(damaged).has_value()) << i;
  }
  EXPECT_TRUE(try_chain(chain).has_value());
}

TEST_F(ChainTest, ARootIsPinnedInAssemblyAndTestOnly) {
  device_->platform().lifecycle = Lifecycle::rot_provisioning;
  EXPECT_EQ(try_chain(authority_.chain_for(spki_, {.with_root = true})), fail(ErrorCode::lifecycle_forbids));
  device_->platform().lifecycle = Lifecycle::assembly_and_test;
  EXPECT_TRUE(client_.commit(slot_).has_value());
}

TEST_F(ChainTest, PartsOfEverySizeMakeTheSameChain) {
  client_.provision(authority_, {.purpose = Purpose::iak});
  for (const std::size_t part : {1U, 64U, 511U, 512U, 513U, 1024U, 4000U}) {
    begin({.purpose = Purpose::data, .type = crypto::KeyType::p384});
    const Octets chain = authority_.chain_for(spki_, {.padding = 700});
    ASSERT_TRUE(client_.write_chain(slot_, chain, part).has_value());
    ASSERT_TRUE(client_.commit(slot_).has_value()) << part;
    EXPECT_EQ(client_.read_chain(slot_, part), chain);
    ASSERT_TRUE(client_.destroy(slot_).has_value());
  }
}

TEST_F(ChainTest, OnlyWholePartsSurviveAReboot) {
  const Octets chain = authority_.chain_for(spki_, {.with_root = true, .padding = 300});
  ASSERT_GT(chain.size(), 1100U);
  ASSERT_EQ(client_.write_part(slot_, chain, 0, 1100), 1100U);
  EXPECT_EQ(client_.slot(slot_).staged, 1100U);
  device_->reboot();
  EXPECT_EQ(client_.slot(slot_).staged, 1024U);
  EXPECT_EQ(client_.write_part(slot_, chain, 1100, 50), 1024U) << "the device names where to go on";
  EXPECT_EQ(client_.write_part(slot_, chain, 0, 100), 1024U) << "the same chain resumes";
  ASSERT_TRUE(client_.write_chain(slot_, chain).has_value());
  EXPECT_TRUE(client_.commit(slot_).has_value());
}

TEST_F(ChainTest, RepeatedAndEarlyPartsChangeNothing) {
  const Octets chain = authority_.chain_for(spki_, {.with_root = true});
  ASSERT_EQ(client_.write_part(slot_, chain, 0, 200), 200U);
  EXPECT_EQ(client_.write_part(slot_, chain, 0, 200), 200U);
  EXPECT_EQ(client_.write_part(slot_, chain, 100, 200), 200U);
  EXPECT_EQ(client_.write_part(slot_, chain, 400, 200), 200U);
  EXPECT_EQ(client_.write_part(slot_, chain, 200, 0), 200U);
  ASSERT_TRUE(client_.write_chain(slot_, chain).has_value());
  EXPECT_EQ(client_.write_part(slot_, chain, 0, 200), chain.size()) << "complete";
  EXPECT_TRUE(client_.commit(slot_).has_value());
}

TEST_F(ChainTest, AnotherChainStartsOver) {
  const Octets first = authority_.chain_for(spki_, {.with_root = true, .padding = 2000});
  const Octets second = authority_.chain_for(spki_, {.with_root = true});
  ASSERT_TRUE(client_.write_chain(slot_, first).has_value());
  EXPECT_EQ(client_.write_part(slot_, second, 0, 100), 100U);
  ASSERT_TRUE(client_.write_chain(slot_, second).has_value());
  ASSERT_TRUE(client_.commit(slot_).has_value());
  EXPECT_LT(client_.read_chain(slot_)->size(), second.size());
}

TEST_F(ChainTest, AWrongDigestStartsOver) {
  Octets chain = authority_.chain_for(spki_, {.with_root = true});
  pedigree_chain_write_request_t request{};
  request.slot = slot_;
  request.total = static_cast<std::uint32_t>(chain.size());
  request.has_sha = 1;
  std::uint32_t next = 0;
  EXPECT_EQ(pedigree_chain_write(device_->service_handle(), &request, chain.data(), chain.size(), &next),
            static_cast<psa_status_t>(ErrorCode::bad_digest));
  EXPECT_EQ(client_.slot(slot_).staged, 0U);
  EXPECT_EQ(client_.commit(slot_), fail(ErrorCode::chain_incomplete));
  EXPECT_TRUE(try_chain(chain).has_value());
}

TEST_F(ChainTest, ATransferWithoutDigestWorksAndDoesNotResume) {
  const Octets chain = authority_.chain_for(spki_, {.with_root = true});
  ASSERT_EQ(client_.write_part(slot_, chain, 0, 600, false), 600U);
  EXPECT_EQ(client_.write_part(slot_, chain, 0, 10, false), 10U);
  ASSERT_EQ(client_.write_part(slot_, chain, 10, 9999, false), chain.size());
  EXPECT_TRUE(client_.commit(slot_).has_value());
}

TEST_F(ChainTest, LimitsAreKept) {
  EXPECT_EQ(client_.write_part(slot_, Octets(8193), 0, 100), fail(ErrorCode::too_long));
  EXPECT_EQ(client_.write_part(slot_, Octets(0), 0, 0), fail(ErrorCode::missing_field));
  EXPECT_EQ(client_.write_part(slot_, Octets(100), 50, 10), fail(ErrorCode::bad_offset));
  ASSERT_EQ(client_.write_part(slot_, Octets(100), 0, 50), 50U);
  EXPECT_EQ(client_.write_part(slot_, Octets(200), 50, 51), fail(ErrorCode::too_long));
  EXPECT_EQ(client_.slot(slot_).staged, 50U);
  EXPECT_EQ(client_.write_part(7, Octets(100), 0, 10), fail(ErrorCode::slot_not_found));
  EXPECT_EQ(client_.commit(slot_), fail(ErrorCode::chain_incomplete));
  EXPECT_EQ(client_.commit(7), fail(ErrorCode::slot_not_found));
  EXPECT_EQ(client_.read_chain(slot_), fail(ErrorCode::wrong_state));
  EXPECT_EQ(client_.chain_digest(slot_).error().code, ErrorCode::wrong_state);
}

TEST_F(ChainTest, SeveralSlotsMayBeWrittenAtOnce) {
  client_.provision(authority_, {.purpose = Purpose::iak});
  const auto other = client_.begin({.purpose = Purpose::data});
  const Octets first = authority_.chain_for(spki_);
  const Octets second = authority_.chain_for(other->spki);
  std::size_t a = 0;
  std::size_t b = 0;
  std::mt19937 random(1);
  // Parts of one reach storage before the other needs the memory; a rest in memory is sent again.
  for (int calls = 0; (a < first.size() || b < second.size()) && calls < 1000; ++calls) {
    const std::size_t part = 512 + random() % 600;
    if (a < first.size()) a = *client_.write_part(slot_, first, a, part);
    if (b < second.size()) b = *client_.write_part(other->slot, second, b, part);
  }
  EXPECT_TRUE(client_.commit(slot_).has_value());
  EXPECT_TRUE(client_.commit(other->slot).has_value());
}

}  // namespace
}  // namespace pedigree::sim
