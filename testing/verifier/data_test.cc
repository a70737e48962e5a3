// SPDX-License-Identifier: Apache-2.0
// Data that a device's key signs, by its own service: verified singly and as a stream; and what the same key
// must not do, which is attest.
#include <gtest/gtest.h>

#include "core/x509/oids.h"
#include "device/ports/sim/test_unit.h"
#include "testing/station/plant.h"
#include "testing/verifier/fleet.h"
#include "verifier/verifier.h"

namespace pedigree::testing {
namespace {

using verifier::Verifier;

/// A device with an active data key, certified below the fleet's root.
class SensorTest : public ::testing::Test {
 protected:
  SensorTest() {
    const auto begun = client_.begin({.purpose = enrol::Purpose::data});
    if (!begun) throw std::runtime_error("begin");
    slot_ = begun->slot;
    Holder leaf = Fleet::holder(device_name(device_->id()));
    leaf.spki = begun->spki;
    HolderSpec spec;
    spec.purpose.assign(x509::oid::kDocumentSigning.begin(), x509::oid::kDocumentSigning.end());
    Fleet::certify(leaf, fleet_.oem(), spec);
    chain_ = {leaf.certificate, fleet_.oem().certificate, fleet_.vendor().certificate};
    auto with_root = chain_;
    with_root.push_back(fleet_.root().certificate);
    Octets wire(8192);
    Writer out(wire);
    cbor::Encoder encoder(out);
    cose::write_chain(views(with_root), encoder);
    wire.resize(out.size());
    if (!client_.write_chain(slot_, wire) || !client_.commit(slot_)) throw std::runtime_error("commit");
    policy_.roots = {fleet_.root().certificate};
    policy_.unknown_revocation = verifier::Level::ignore;
    policy_.lifecycles.push_back(psa_token::Lifecycle::assembly_and_test);
  }

  static std::vector<Bytes> views(const std::vector<Octets>& octets) {
    return {octets.begin(), octets.end()};
  }
  static Octets device_name(Bytes id) {
    const std::string digits = hex(id);
    const x509::NamePart parts[] = {{x509::oid::kSerialNumber, digits}};
    Octets name(256);
    Writer out(name);
    der::Builder builder(out);
    x509::write_name(parts, builder);
    name.resize(out.size());
    return name;
  }

  /// COSE_Sign1 by the device's sign_hash: what its non-secure world can make.
  Octets sign(Bytes payload) const {
    const Octets header = unhex("a10126");
    Octets to_be_signed(payload.size() + 64);
    Writer structure(to_be_signed);
    cbor::Encoder parts(structure);
    parts.array(4);
    parts.tstr("Signature1");
    parts.bstr(header);
    parts.bstr({});
    parts.bstr(payload);
    const auto digest = Fleet::crypto().sha256(structure.written());
    const auto signature = client_.sign_hash(slot_, *digest);
    if (!signature) throw std::runtime_error("sign_hash");
    Octets message(8192 + payload.size());
    Writer out(message);
    cbor::Encoder encoder(out);
    encoder.tag(18);
    encoder.array(4);
    encoder.bstr(header);
    encoder.map(1);
    encoder.integer(33);
    const auto chain = views(chain_);
    cose::write_x5chain(chain, encoder);
    encoder.bstr(payload);
    encoder.bstr(*signature);
    message.resize(out.size());
    return message;
  }

  Fleet fleet_;
  std::unique_ptr<sim::Device> device_ = sim::open_in_memory();
  sim::Client client_{device_->service_handle()};
  std::uint32_t slot_ = 0;
  std::vector<Octets> chain_;
  verifier::Policy policy_;
};

TEST_F(SensorTest, ItsPacketsAreVerified) {
  const Verifier verifier(Fleet::crypto(), policy_);
  const Octets packet = sign(as_bytes("21.5"));
  const auto appraisal = verifier.verify_data({.message = packet}, kFleetNow);
  ASSERT_EQ(appraisal.verdict, verifier::Verdict::trusted) << sentence(appraisal, *appraisal.reason());
  EXPECT_EQ(as_text(appraisal.payload), "21.5");
  EXPECT_TRUE(equal(*appraisal.device_id, device_->id()));
}

TEST_F(SensorTest, ItsKeyForgesNoToken) {
  // A non-secure world that was taken over writes the best token that it can, and has it signed.
  const FleetDevice honest = fleet_.device(1);
  TokenSpec spec;
  spec.instance_id.assign(device_->id().begin(), device_->id().end());
  const Octets model = honest.token(spec);
  const auto claims = cose::Sign1::parse(model);
  ASSERT_TRUE(claims);
  const Octets forged = sign(*claims->payload());
  const auto appraisal =
      Verifier(Fleet::crypto(), policy_).appraise({.token = forged, .nonce = spec.nonce}, kFleetNow);
  ASSERT_EQ(appraisal.verdict, verifier::Verdict::rejected);
  EXPECT_EQ(appraisal.check(verifier::CheckKind::chain).code, ErrorCode::eku_forbids);
}

TEST_F(SensorTest, AStreamOfItsPackets) {
  constexpr std::size_t kPackets = 40;
  const TempDir folder;
  write_file(folder / "root.pem", to_pem("CERTIFICATE", fleet_.root().certificate));
  write_file(folder / "policy.toml",
             std::string_view("roots = [\"root.pem\"]\nunknown_revocation = \"ignore\"\n"));
  std::string input;
  for (std::size_t i = 0; i < kPackets; ++i) input += as_text(sign(as_bytes(std::to_string(i))));
  const std::vector<std::string> command{program(),  "verify",
                                         "data",     "--stream",
                                         "--policy", folder / "policy.toml",
                                         "--time",   "@" + std::to_string(kFleetNow)};
  const CommandResult good = run(command, input);
  EXPECT_EQ(good.status, 0) << good.output;
  EXPECT_EQ(std::ranges::count(good.output, '\n'), kPackets);
  EXPECT_EQ(good.output.find("rejected"), std::string::npos);
  input.back() = static_cast<char>(input.back() ^ 1);
  const CommandResult bad = run(command, input);
  EXPECT_EQ(bad.status, 3);
  EXPECT_NE(bad.output.find("40  rejected"), std::string::npos) << bad.output;
}

}  // namespace
}  // namespace pedigree::testing
