// SPDX-License-Identifier: Apache-2.0
// The SMP server, asked with packets as a client sends them: every command, both versions, and nonsense.
#include <gtest/gtest.h>

#include <random>

#include "core/enrol/image_group.h"
#include "core/smp/smp.h"
#include "device/ports/sim/test_unit.h"
#include "testing/support/octets.h"

namespace pedigree::sim {
namespace {

using enrol::Command;
using smp::Operation;

class ServerTest : public ::testing::Test {
 protected:
  /// Sends a packet and returns the payload of the answer, whose header must match.
  Octets ask(Operation operation, std::uint16_t group, std::uint8_t command, Bytes payload,
             smp::Version version = smp::Version::v2) {
    Octets packet(smp::kHeaderSize + payload.size());
    Writer out(packet);
    smp::Header header;
    header.operation = operation;
    header.version = version;
    header.group = group;
    header.command = command;
    header.sequence = ++sequence_;
    smp::write_packet(header, payload, out);
    const Bytes answer = device_->handle(packet);
    const auto parsed = smp::parse_packet(answer);
    EXPECT_TRUE(parsed.has_value());
    if (!parsed) return {};
    EXPECT_EQ(parsed->header.sequence, sequence_);
    EXPECT_EQ(parsed->header.group, group);
    EXPECT_EQ(parsed->header.command, command);
    EXPECT_EQ(parsed->header.version, version);
    EXPECT_EQ(static_cast<int>(parsed->header.operation), static_cast<int>(operation) + 1);
    return {parsed->payload.begin(), parsed->payload.end()};
  }
  template <typename Message>
  Octets ask(Operation operation, Command command, const Message& message) {
    Octets payload(4096);
    Writer out(payload);
    enrol::encode(message, out);
    payload.resize(out.size());
    return ask(operation, smp::kPedigreeGroup, static_cast<std::uint8_t>(command), payload);
  }
  static smp::Status status_of(const Octets& payload) {
    const auto status = smp::read_status(payload);
    EXPECT_TRUE(status.has_value());
    return status.value_or(smp::Status{});
  }
  static bool is_error(const Octets& payload, ErrorCode code) {
    const smp::Status status = status_of(payload);
    return status.from_group && status.group == smp::kPedigreeGroup &&
           status.rc == static_cast<std::uint16_t>(code);
  }

  std::unique_ptr<Device> device_ = open_in_memory();
  std::uint8_t sequence_ = 0;
  const Octets empty_map_{0xa0};
};

TEST_F(ServerTest, TheOsGroupAnswers) {
  const Octets echo{0xa1, 0x61, 'd', 0x62, 'h', 'i'};
  EXPECT_EQ(ask(Operation::write, smp::kOsGroup, 0, echo), (Octets{0xa1, 0x61, 'r', 0x62, 'h', 'i'}));
  EXPECT_EQ(status_of(ask(Operation::write, smp::kOsGroup, 0, empty_map_)).rc,
            static_cast<std::uint16_t>(smp::Rc::invalid));
  const Octets parameters = ask(Operation::read, smp::kOsGroup, 6, empty_map_);
  Reader in(parameters);
  EXPECT_EQ(cbor::read_map(in), 2U);
  EXPECT_EQ(cbor::read_tstr(in), "buf_size");
  EXPECT_EQ(cbor::read_uint(in), 1024U);
  EXPECT_TRUE(status_of(ask(Operation::read, smp::kOsGroup, 7, empty_map_)).ok());
  EXPECT_TRUE(status_of(ask(Operation::read, smp::kOsGroup, 8, empty_map_)).ok());
  EXPECT_FALSE(status_of(ask(Operation::read, smp::kOsGroup, 99, empty_map_)).ok());
  EXPECT_FALSE(status_of(ask(Operation::read, 4711, 0, empty_map_)).ok());
}

TEST_F(ServerTest, AnotherNumberOfTheGroupIsTheOnlyOne) {
  DeviceOptions options;
  options.smp_group = 300;
  device_ = open_in_memory(options);
  EXPECT_TRUE(enrol::decode<enrol::InfoResponse>(ask(Operation::read, 300, 0, empty_map_)));
  const smp::Status refusal = status_of(ask(Operation::read, 300, 99, empty_map_));
  EXPECT_TRUE(refusal.from_group);
  EXPECT_EQ(refusal.group, 300);
  EXPECT_EQ(refusal.rc, static_cast<std::uint16_t>(ErrorCode::unknown_command));
  const smp::Status unknown = status_of(ask(Operation::read, smp::kPedigreeGroup, 0, empty_map_));
  EXPECT_FALSE(unknown.from_group);
  EXPECT_EQ(unknown.rc, static_cast<std::uint16_t>(smp::Rc::not_supported));
}

TEST_F(ServerTest, ResetLosesMemoryAndKeepsStorage) {
  const auto begun = Client(device_->service_handle()).begin({});
  EXPECT_TRUE(status_of(ask(Operation::write, smp::kOsGroup, 5, empty_map_)).ok());
  device_->reset_if_asked();
  EXPECT_EQ(Client(device_->service_handle()).public_key(begun->slot), begun->spki);
  EXPECT_FALSE(status_of(ask(Operation::read, smp::kOsGroup, 5, empty_map_)).ok()) << "reset is a write";
}

TEST_F(ServerTest, ProvisionsOverPackets) {
  enrol::BeginRequest begin;
  begin.purpose = enrol::Purpose::tls;
  begin.type = crypto::KeyType::p256;
  begin.origin = enrol::Origin::generate;
  const Octets begun = ask(Operation::write, Command::begin, begin);
  const auto key = enrol::decode<enrol::BeginResponse>(begun);
  ASSERT_TRUE(key.has_value());

  const Octets nonce(32, 3);
  const Octets csr = ask(Operation::read, Command::csr, enrol::CsrRequest{key->slot, nonce, 0});
  const auto request = enrol::decode<enrol::ChunkResponse>(csr);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->total, request->data.size());

  const TestAuthority authority;
  const Octets chain = authority.chain_for(key->spki, {.with_root = true});
  const Sha256 digest = *authority.crypto().sha256(chain);
  for (std::uint32_t offset = 0; offset < chain.size();) {
    enrol::ChainWriteRequest write{key->slot, offset, {}, {}, {}};
    write.data = Bytes(chain).subspan(offset, std::min<std::size_t>(400, chain.size() - offset));
    if (offset == 0) {
      write.total = static_cast<std::uint32_t>(chain.size());
      write.sha256 = digest;
    }
    const Octets answer = ask(Operation::write, Command::chain, write);
    const auto next = enrol::decode<enrol::ChainWriteResponse>(answer);
    ASSERT_TRUE(next.has_value());
    ASSERT_GT(next->offset, offset);
    offset = next->offset;
  }
  const Octets committed = ask(Operation::write, Command::commit, enrol::CommitRequest{key->slot, nonce, 0});
  EXPECT_TRUE(enrol::decode<enrol::CommitResponse>(committed).has_value());

  const Octets listed = ask(Operation::read, smp::kPedigreeGroup, 1, empty_map_);
  const auto slots = enrol::decode<enrol::SlotsResponse>(listed);
  ASSERT_TRUE(slots.has_value());
  ASSERT_EQ(slots->count, 1U);
  EXPECT_EQ(slots->slots[0].state, enrol::SlotState::active);
  const Octets part = ask(Operation::read, Command::chain, enrol::ChainReadRequest{key->slot, 0});
  EXPECT_EQ(enrol::decode<enrol::ChunkResponse>(part)->total, slots->slots[0].chain_size);
  const Octets shown = ask(Operation::read, Command::public_key, enrol::SlotRequest{key->slot});
  EXPECT_TRUE(enrol::decode<enrol::PublicKeyResponse>(shown).has_value());
  EXPECT_TRUE(status_of(ask(Operation::write, Command::destroy, enrol::SlotRequest{key->slot})).ok());
  EXPECT_TRUE(is_error(ask(Operation::read, Command::public_key, enrol::SlotRequest{key->slot}),
                       ErrorCode::slot_not_found));
}

TEST_F(ServerTest, AReceiptThatDoesNotFitComesInParts) {
  DeviceOptions options;
  options.buffer_size = 300;
  device_ = open_in_memory(options);
  const Client client(device_->service_handle());
  const TestAuthority authority;
  const std::uint32_t slot =
      client.provision(authority, {.purpose = enrol::Purpose::iak, .origin = enrol::Origin::builtin});
  const Octets nonce(32, 3);
  const Octets committed = ask(Operation::write, Command::commit, enrol::CommitRequest{slot, nonce, 0});
  const auto first = enrol::decode<enrol::CommitResponse>(committed);
  ASSERT_TRUE(first.has_value());
  const std::uint32_t total = first->total.value();
  Octets receipt(first->receipt.begin(), first->receipt.end());
  ASSERT_LT(receipt.size(), total);
  while (receipt.size() < total) {
    const enrol::CommitRequest more{slot, nonce, static_cast<std::uint32_t>(receipt.size())};
    const Octets answer = ask(Operation::read, Command::commit, more);
    const auto part = enrol::decode<enrol::ChunkResponse>(answer);
    ASSERT_TRUE(part.has_value());
    ASSERT_FALSE(part->data.empty());
    receipt.insert(receipt.end(), part->data.begin(), part->data.end());
  }
  EXPECT_EQ(client.commit(slot, 3), receipt) << "the whole token, whose signature is deterministic";
  const Octets other(32, 4);
  EXPECT_TRUE(is_error(ask(Operation::read, Command::commit, enrol::CommitRequest{slot, other, 0}),
                       ErrorCode::not_found));
  EXPECT_TRUE(is_error(ask(Operation::read, Command::commit, enrol::CommitRequest{slot, nonce, total + 1}),
                       ErrorCode::bad_offset));
}

TEST_F(ServerTest, ATokenComesInParts) {
  const Octets nonce(48, 5);
  Octets token;
  std::uint32_t total = 0;
  do {
    const enrol::AttestRequest request{0, nonce, false, static_cast<std::uint32_t>(token.size())};
    const Octets answer = ask(Operation::read, Command::attest, request);
    const auto part = enrol::decode<enrol::ChunkResponse>(answer);
    ASSERT_TRUE(part.has_value());
    if (token.empty()) total = part->total.value();
    token.insert(token.end(), part->data.begin(), part->data.end());
  } while (token.size() < total);
  EXPECT_EQ(token, Client(device_->service_handle()).attest(nonce, false)) << "it is kept";
  const enrol::AttestRequest other{0, Bytes(nonce).first(33), false, 0};
  EXPECT_TRUE(is_error(ask(Operation::read, Command::attest, other), ErrorCode::bad_value));
}

TEST_F(ServerTest, NoCommandSignsADigest) {
  for (int command = 0; command < 256; ++command) {
    if (command <= 11) continue;
    for (const Operation operation : {Operation::read, Operation::write}) {
      const Octets answer =
          ask(operation, smp::kPedigreeGroup, static_cast<std::uint8_t>(command), empty_map_);
      EXPECT_TRUE(is_error(answer, ErrorCode::unknown_command)) << command;
    }
  }
}

TEST_F(ServerTest, ADeviceWithoutUpdateSupportsNoImageGroup) {
  const Octets digest = testing::repeated(7, 32);
  const auto payload = [](const auto& message) {
    return testing::written([&](Writer& out) { enrol::encode(message, out); });
  };
  const std::pair<Operation, Octets> requests[] = {
      {Operation::read, empty_map_},
      {Operation::write, payload(enrol::ImageStateWrite{digest, false, false})},
      {Operation::write, payload(enrol::ImageStateWrite{{}, true, true})}};
  for (const auto version : {smp::Version::v1, smp::Version::v2}) {
    const auto not_supported = [&](const Octets& answer) {
      const smp::Status status = status_of(answer);
      return !status.from_group && status.rc == static_cast<std::uint16_t>(smp::Rc::not_supported);
    };
    for (const auto& [operation, request] : requests) {
      EXPECT_TRUE(not_supported(ask(operation, enrol::kImageGroup, 0, request, version)));
    }
    const Octets upload =
        payload(enrol::ImageUploadRequest{0, 3, 0, {}, testing::unhex("010203"), false, false});
    EXPECT_TRUE(not_supported(ask(Operation::write, enrol::kImageGroup, 1, upload, version)));
    EXPECT_TRUE(not_supported(ask(Operation::write, enrol::kImageGroup, 5, empty_map_, version)));
    for (const std::uint8_t command : std::initializer_list<std::uint8_t>{2, 3, 4, 6}) {
      EXPECT_TRUE(not_supported(ask(Operation::write, enrol::kImageGroup, command, empty_map_, version)));
    }
  }
  EXPECT_TRUE(
      is_error(ask(Operation::read, smp::kPedigreeGroup, 11, empty_map_), ErrorCode::unknown_command));
  EXPECT_TRUE(is_error(ask(Operation::write, Command::revocations, enrol::RevocationsWrite{0, 3, empty_map_}),
                       ErrorCode::unknown_command));
}

TEST_F(ServerTest, Version1ClientsGetAnRc) {
  const Octets answer = ask(Operation::read, smp::kPedigreeGroup, 10, empty_map_, smp::Version::v1);
  const smp::Status status = status_of(answer);
  EXPECT_FALSE(status.ok());
  EXPECT_FALSE(status.from_group);
}

TEST_F(ServerTest, NonsenseIsRefusedAndChangesNothing) {
  const auto before = device_->storage().assets();
  EXPECT_TRUE(device_->handle({}).empty());
  EXPECT_TRUE(device_->handle(Octets(7, 0)).empty());
  const Octets response{0x09, 0, 0, 1, 0, 80, 1, 0, 0xa0};
  EXPECT_TRUE(device_->handle(response).empty()) << "a response is not answered";
  const Octets short_length{0x08, 0, 0, 9, 0, 80, 1, 0, 0xa0};
  EXPECT_FALSE(device_->handle(short_length).empty()) << "answered with an error";
  std::mt19937 random(7);
  for (int i = 0; i < 3000; ++i) {
    Octets packet(8 + random() % 64);
    for (auto& octet : packet) octet = static_cast<std::uint8_t>(random());
    packet[0] = static_cast<std::uint8_t>(packet[0] & 0x1fU);
    packet[2] = 0;
    packet[3] = static_cast<std::uint8_t>(packet.size() - 8);
    packet[4] = 0;
    packet[5] = smp::kPedigreeGroup;
    static_cast<void>(device_->handle(packet));
  }
  EXPECT_EQ(device_->storage().assets(), before);
}

TEST_F(ServerTest, TheLargestSlotListFitsTheSmallestBuffer) {
  DeviceOptions options;
  options.buffer_size = 1024;
  const auto device = Device::open(std::make_unique<Storage>(), options);
  ASSERT_TRUE(device.has_value());
  const Client client((*device)->service_handle());
  const TestAuthority authority;
  for (int i = 0; i < 8; ++i) client.provision(authority, {});
  for (std::uint32_t slot = 1; slot <= 8; ++slot) {
    ASSERT_TRUE(client.begin({.slot = slot, .type = crypto::KeyType::p384, .replace = true}).has_value());
    const Octets chain = authority.chain_for(*client.public_key(slot), {.padding = 900});
    static_cast<void>(client.write_part(slot, chain, 0, 1024));
  }
  const Octets packet{0x08, 0, 0, 1, 0, 80, 1, 1, 0xa0};
  const Bytes answer = (*device)->handle(packet);
  const auto parsed = smp::parse_packet(answer);
  ASSERT_TRUE(parsed.has_value());
  const auto slots = enrol::decode<enrol::SlotsResponse>(parsed->payload);
  ASSERT_TRUE(slots.has_value()) << name(slots.error().code);
  EXPECT_EQ(slots->count, 8U);
}

}  // namespace
}  // namespace pedigree::sim
