// SPDX-License-Identifier: Apache-2.0
// The group as Zephyr's SMP server calls it, down to a simulated device: a station provisions through it, and
// each answer is, octet for octet, what the device's own server says.
#include <gtest/gtest.h>
#include <zephyr/mgmt/mcumgr/mgmt/handlers.h>
#include <zephyr/mgmt/mcumgr/mgmt/mgmt.h>

#include "device/ports/sim/test_unit.h"
#include "station/flow/device.h"

extern "C" {
extern const struct mcumgr_handler pedigree_mgmt;
psa_handle_t pedigree_stub_handle = 0;
}

namespace pedigree::sim {
namespace {

constexpr std::size_t kBuffer = 1024;
mgmt_group* registered = nullptr;

/// Zephyr's net_buf with its memory.
struct Buffer {
  explicit Buffer(std::size_t size = kBuffer) : memory(size) {
    buf.storage = buf.data = memory.data();
    buf.size = static_cast<std::uint16_t>(size);
  }
  std::vector<std::uint8_t> memory;
  net_buf buf{};
};

/// What Zephyr's server does with a packet, around the handler: strips the header of each request, readies
/// buffers, and sends what the handler left as the answer. An error code becomes an "rc" of its own.
struct ZephyrServer {
  bool sends_what_the_encoder_wrote = false;  ///< before Zephyr 4.1
  std::size_t response_size = kBuffer;
  int code = 0;  ///< of the last handler

  std::vector<Octets> process(Bytes packet) {
    Buffer request(packet.size());
    std::copy(packet.begin(), packet.end(), request.memory.begin());
    request.buf.len = static_cast<std::uint16_t>(packet.size());
    std::vector<Octets> answers;
    while (request.buf.len >= smp::kHeaderSize) {
      Reader in(Bytes(request.buf.data, request.buf.len));
      const smp::Header header = smp::read_header(in).value();
      pull(request.buf, smp::kHeaderSize);
      answers.push_back(answer(header, request.buf));
      pull(request.buf, header.length);
    }
    return answers;
  }

 private:
  static void pull(net_buf& buf, std::size_t size) {
    buf.data += size;
    buf.len = static_cast<std::uint16_t>(buf.len - size);
  }
  Octets answer(const smp::Header& header, net_buf& request) {
    Buffer response(response_size);
    response.buf.len = smp::kHeaderSize;
    cbor_nb_reader reader{&request, {}};
    cbor_nb_writer writer{&response.buf, {}};
    writer.zs[0].payload_mut = response.buf.data + smp::kHeaderSize;
    smp_streamer streamer{nullptr, &reader, &writer};
    const mgmt_handler& handler = registered->mg_handlers[header.command];
    code = (header.operation == smp::Operation::read ? handler.mh_read : handler.mh_write)(&streamer);
    if (code != 0) return {};
    const auto written = static_cast<std::size_t>(writer.zs[0].payload_mut - response.buf.data);
    const std::size_t size = sends_what_the_encoder_wrote ? written : response.buf.len;
    smp::Header head = header;
    head.operation =
        static_cast<smp::Operation>(static_cast<unsigned>(header.operation) + 1);  // Zephyr writes its own
    head.length = static_cast<std::uint16_t>(size - smp::kHeaderSize);
    Writer out(MutableBytes(response.memory).first(smp::kHeaderSize));
    smp::write_header(head, out);
    return {response.memory.begin(), response.memory.begin() + static_cast<std::ptrdiff_t>(size)};
  }
};

/// The station's line to that server. Zephyr's OS group is not there: limits are what it would have told.
class ZephyrLink final : public station::Link {
 public:
  std::vector<station::Outcome<station::Response>> exchange(std::vector<station::Request> requests) override {
    std::vector<station::Outcome<station::Response>> responses;
    for (const auto& request : requests) {
      smp::Header header;
      header.operation = request.operation;
      header.group = request.group;
      header.command = request.command;
      header.sequence = ++sequence_;
      Octets packet(smp::kHeaderSize + request.payload.size());
      Writer out(packet);
      smp::write_packet(header, request.payload, out);
      const Octets answer = server_.process(packet).at(0);
      const auto parsed = smp::parse_packet(answer).value();
      responses.emplace_back(
          station::Response{parsed.header, {parsed.payload.begin(), parsed.payload.end()}});
    }
    return responses;
  }
  [[nodiscard]] station::Limits limits() const override { return {.packet = kBuffer, .negotiated = true}; }
  void set_limits(const station::Limits& /*limits*/) override {}
  [[nodiscard]] std::string peer() const override { return "zephyr"; }
  [[nodiscard]] station::ExchangeCounters counters() const override { return {}; }

 private:
  ZephyrServer server_;
  std::uint8_t sequence_ = 0;
};

/// One device: the module's server is made once.
class ZephyrGroup : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    device_ = open_in_memory();
    pedigree_stub_handle = device_->service_handle();
    pedigree_mgmt.init();
    ASSERT_NE(registered, nullptr);
  }
  static void TearDownTestSuite() { device_.reset(); }
  static Octets packet(smp::Operation operation, smp::Version version, std::uint8_t command, Bytes payload) {
    smp::Header header;
    header.operation = operation;
    header.version = version;
    header.group = smp::kPedigreeGroup;
    header.command = command;
    header.sequence = 7;
    Octets octets(smp::kHeaderSize + payload.size());
    Writer out(octets);
    smp::write_packet(header, payload, out);
    return octets;
  }

  static std::unique_ptr<Device> device_;
  const TestAuthority authority_;
};
std::unique_ptr<Device> ZephyrGroup::device_;

TEST_F(ZephyrGroup, IsRegisteredUnderItsNumberWithRawPayloads) {
  EXPECT_EQ(registered->mg_group_id, smp::kPedigreeGroup);
  EXPECT_TRUE(registered->custom_payload);
  EXPECT_GT(registered->mg_handlers_count, static_cast<unsigned>(enrol::Command::revocations));
  for (unsigned i = 0; i < registered->mg_handlers_count; ++i) {
    EXPECT_NE(registered->mg_handlers[i].mh_read, nullptr);
    EXPECT_NE(registered->mg_handlers[i].mh_write, nullptr);
  }
}

TEST_F(ZephyrGroup, AStationProvisionsAndAttestsThroughIt) {
  ZephyrLink link;
  station::Device station(link);
  const auto info = station.info();
  ASSERT_TRUE(info.has_value()) << info.error().message;
  for (const auto& [slot, purpose, origin] : {std::tuple(1U, enrol::Purpose::iak, enrol::Origin::builtin),
                                              {2U, enrol::Purpose::tls, enrol::Origin::generate}}) {
    const auto key = station.begin({.slot = slot, .purpose = purpose, .origin = origin});
    ASSERT_TRUE(key.has_value()) << key.error().message;
    ASSERT_TRUE(station.csr(slot, Octets(32, 1), purpose == enrol::Purpose::tls).has_value());
    const Octets chain = authority_.chain_for(key->spki, {.with_root = true});
    ASSERT_TRUE(station.write_chain(slot, chain, *authority_.crypto().sha256(chain)).has_value());
    const auto receipt = station.commit(slot, Octets(32, 2));
    ASSERT_TRUE(receipt.has_value()) << receipt.error().message;
    EXPECT_TRUE(station.read_chain(slot).has_value());
  }
  const auto token = station.attest(0, Octets(32, 3), true);
  ASSERT_TRUE(token.has_value()) << token.error().message;
  const auto slots = station.slots();
  ASSERT_TRUE(slots.has_value());
  EXPECT_EQ(slots->size(), 2U);
  EXPECT_EQ(slots->at(1).state, enrol::SlotState::active);
  // An error of the service arrives as itself.
  const auto refused = station.begin({.slot = 99, .purpose = enrol::Purpose::tls});
  ASSERT_FALSE(refused.has_value());
}

TEST_F(ZephyrGroup, AnswersAsTheDevicesOwnServerOctetForOctet) {
  const Octets payloads[] = {{0xa0}, {}, {0xff, 0x00}, {0xa1, 0x61, 'n', 0x01}, Octets(300, 0x5a)};
  for (const bool old : {false, true}) {
    ZephyrServer server{.sends_what_the_encoder_wrote = old};
    for (const auto version : {smp::Version::v1, smp::Version::v2}) {
      for (const auto operation : {smp::Operation::read, smp::Operation::write}) {
        for (unsigned number = 0; number < registered->mg_handlers_count; ++number) {
          for (const Octets& payload : payloads) {
            const auto command = static_cast<std::uint8_t>(number);
            const Octets request = packet(operation, version, command, payload);
            const Bytes expected = device_->handle(request);
            EXPECT_EQ(server.process(request).at(0), Octets(expected.begin(), expected.end()))
                << number << ", " << payload.size() << " octets";
          }
        }
      }
    }
  }
}

TEST_F(ZephyrGroup, ServesEachRequestOfAPacket) {
  const Octets one = packet(smp::Operation::read, smp::Version::v2, 0, Octets{0xa0});
  Octets both = packet(smp::Operation::read, smp::Version::v2, 1, Octets{0xa0});
  const Octets slots = both;
  both.insert(both.end(), one.begin(), one.end());
  ZephyrServer server;
  const auto answers = server.process(both);
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0], server.process(slots).at(0));
  EXPECT_EQ(answers[1], server.process(one).at(0));
}

TEST_F(ZephyrGroup, RefusesWhatItCannotReadOrAnswer) {
  ZephyrServer server;
  // Another group's packet in our handler, and one whose payload is not all there.
  Octets other = packet(smp::Operation::read, smp::Version::v2, 0, Octets{0xa0});
  other[5] = 64;
  static_cast<void>(server.process(other));
  EXPECT_EQ(server.code, MGMT_ERR_EINVAL);
  Octets cut = packet(smp::Operation::read, smp::Version::v2, 0, Octets{0xa0});
  cut[3] = 40;
  cut.resize(smp::kHeaderSize);
  Buffer request(smp::kHeaderSize);
  std::copy(cut.begin(), cut.end(), request.memory.begin());
  request.buf.data += smp::kHeaderSize;
  Buffer response;
  cbor_nb_reader reader{&request.buf, {}};
  cbor_nb_writer writer{&response.buf, {}};
  smp_streamer streamer{nullptr, &reader, &writer};
  EXPECT_EQ(registered->mg_handlers[0].mh_read(&streamer), MGMT_ERR_ECORRUPT);
  request.buf.data = request.buf.storage;
  EXPECT_EQ(registered->mg_handlers[0].mh_read(&streamer), MGMT_ERR_ECORRUPT) << "no header in front";
  // A buffer that holds the error and not the answer, and one that holds nothing.
  server.response_size = 64;
  const Octets answer = server.process(packet(smp::Operation::read, smp::Version::v2, 0, Octets{0xa0})).at(0);
  const auto status = smp::read_status(smp::parse_packet(answer).value().payload).value();
  EXPECT_EQ(status.rc, static_cast<std::uint16_t>(ErrorCode::buffer_too_small));
  server.response_size = 16;
  static_cast<void>(server.process(packet(smp::Operation::read, smp::Version::v2, 0, Octets{0xa0})));
  EXPECT_EQ(server.code, MGMT_ERR_EINVAL);
}

}  // namespace
}  // namespace pedigree::sim

extern "C" void mgmt_register_group(struct mgmt_group* group) {
  pedigree::sim::registered = group;
}
