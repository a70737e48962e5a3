// SPDX-License-Identifier: Apache-2.0
// The image group, asked with packets as mcumgr's clients send them, over the real updater and boot stage.
#include <gtest/gtest.h>

#include "core/enrol/image_group.h"
#include "device/ports/sim/test_unit.h"
#include "device/update/test_device.h"
#include "testing/images/revocations.h"
#include "testing/support/octets.h"

namespace pedigree::sim {
namespace {

using enrol::ImageCommand;
using smp::Operation;

constexpr std::size_t kPart = 700;

class ImageGroup : public ::testing::Test {
 protected:
  void SetUp() override {
    first_ = maker_.image({.version = {1, 0, 0, 0}});
    second_ = maker_.image({.version = {1, 1, 0, 7}, .code = 5000});
    DeviceOptions options;
    options.firmware = FactoryFirmware{maker_.root(), maker_.image({.secure = true}), first_};
    options.log = [this](const std::string& text) { log_ += text + "\n"; };
    device_ = open_in_memory(options);
  }

  template <typename Message>
  Octets ask(Operation operation, std::uint16_t group, std::uint8_t command, const Message& message,
             smp::Version version = smp::Version::v2) {
    const Octets payload = testing::written([&](Writer& out) { enrol::encode(message, out); });
    smp::Header header;
    header.operation = operation;
    header.version = version;
    header.group = group;
    header.command = command;
    header.sequence = ++sequence_;
    const Octets packet = testing::written([&](Writer& out) { smp::write_packet(header, payload, out); });
    const Bytes answer = device_->handle(packet);
    const auto parsed = smp::parse_packet(answer);
    EXPECT_TRUE(parsed.has_value());
    return parsed ? Octets(parsed->payload.begin(), parsed->payload.end()) : Octets();
  }
  template <typename Message>
  Octets ask(Operation operation, ImageCommand command, const Message& message) {
    return ask(operation, enrol::kImageGroup, static_cast<std::uint8_t>(command), message);
  }
  static smp::Status status_of(const Octets& payload) { return smp::read_status(payload).value(); }

  /// "0.0 1.0.0 active confirmed | 0.1 ...": image.slot, version, flags, and why it was refused.
  std::string state(bool extended = true) {
    answer_ = ask(Operation::read, ImageCommand::state, enrol::ImageStateRead{extended});
    return text_of(answer_);
  }
  static std::string text_of(const Octets& payload) {
    const auto read = enrol::decode<enrol::ImageStateResponse>(payload);
    if (!read) return "no state";
    std::string text;
    for (std::size_t i = 0; i < read->count; ++i) {
      const enrol::ImageEntry& e = read->images[i];
      text += (i > 0 ? " | " : "") + std::to_string(e.image) + "." + std::to_string(e.slot) + " " +
              std::string(e.version);
      for (const auto& [flag, word] : {std::pair{e.active, " active"},
                                       {e.confirmed, " confirmed"},
                                       {e.pending, " pending"},
                                       {e.permanent, " permanent"}}) {
        if (flag) text += word;
      }
      if (e.refused != 0) text += " " + std::string(name(static_cast<ErrorCode>(e.refused)));
    }
    return text;
  }
  /// Uploads from `offset` on; the last answer.
  Octets upload(Bytes image, std::size_t offset = 0, std::size_t until = SIZE_MAX) {
    Octets answer;
    const Sha256 digest = *maker_.pki.crypto().sha256(image);
    while (offset < std::min(image.size(), until)) {
      enrol::ImageUploadRequest part;
      part.offset = static_cast<std::uint32_t>(offset);
      if (offset == 0) {
        part.total = static_cast<std::uint32_t>(image.size());
        part.sha256 = digest;
      }
      part.data = image.subspan(offset, std::min(kPart, image.size() - offset));
      part.extended = true;
      answer = ask(Operation::write, ImageCommand::upload, part);
      const auto stands = enrol::decode<enrol::ImageUploadResponse>(answer);
      if (!stands || stands->offset <= offset) return answer;
      offset = stands->offset;
    }
    return answer;
  }
  Octets test(Bytes image) {
    return ask(Operation::write, ImageCommand::state,
               enrol::ImageStateWrite{update::digest_of(image), false, true});
  }
  Octets confirm(Bytes hash = {}) {
    return ask(Operation::write, ImageCommand::state, enrol::ImageStateWrite{hash, true, true});
  }
  void reset() {
    EXPECT_TRUE(status_of(ask(Operation::write, smp::kOsGroup, 5, enrol::ImageStateRead{})).ok());
    device_->reset_if_asked();
  }
  static ErrorCode why(const Octets& payload) { return static_cast<ErrorCode>(status_of(payload).why); }

  update::Maker maker_;
  Octets first_, second_, answer_;
  std::string log_;
  std::unique_ptr<Device> device_;
  std::uint8_t sequence_ = 0;
};

TEST_F(ImageGroup, UploadTestResetConfirm) {
  EXPECT_EQ(state(), "0.0 1.0.0 active confirmed | 1.0 1.0.0 active confirmed permanent");
  const auto done = enrol::decode<enrol::ImageUploadResponse>(upload(second_));
  EXPECT_EQ(done->offset, second_.size());
  EXPECT_EQ(done->match, true);
  EXPECT_EQ(text_of(test(second_)),
            "0.0 1.0.0 active confirmed | 0.1 1.1.0.7 pending | 1.0 1.0.0 active confirmed permanent");
  reset();
  EXPECT_EQ(state(), "0.0 1.0.0 confirmed | 0.1 1.1.0.7 active | 1.0 1.0.0 active confirmed permanent");
  EXPECT_EQ(text_of(confirm()),
            "0.0 1.0.0 | 0.1 1.1.0.7 active confirmed | 1.0 1.0.0 active confirmed permanent");
  reset();
  EXPECT_EQ(state(), "0.0 1.0.0 | 0.1 1.1.0.7 active confirmed | 1.0 1.0.0 active confirmed permanent");
  EXPECT_TRUE(
      status_of(ask(Operation::write, ImageCommand::erase, enrol::ImageEraseRequest{{}, false})).ok());
  EXPECT_EQ(state(), "0.1 1.1.0.7 active confirmed | 1.0 1.0.0 active confirmed permanent");
}

TEST_F(ImageGroup, ATestedImageThatNobodyConfirmsGoesAgain) {
  upload(second_);
  test(second_);
  reset();
  EXPECT_EQ(state().find("0.0 1.0.0 confirmed"), 0U);
  reset();
  EXPECT_EQ(state().find("0.0 1.0.0 active confirmed"), 0U);
  EXPECT_NE(log_.find("tested and not confirmed"), std::string::npos);
}

TEST_F(ImageGroup, AnUploadGoesOnWhereItStopped) {
  upload(second_, 0, 2 * kPart);
  // Another client asks with the same length and hash: the device says how much it has.
  enrol::ImageUploadRequest first;
  const Sha256 digest = *maker_.pki.crypto().sha256(second_);
  first.total = static_cast<std::uint32_t>(second_.size());
  first.sha256 = digest;
  first.data = Bytes(second_).first(kPart);
  const auto stands =
      enrol::decode<enrol::ImageUploadResponse>(ask(Operation::write, ImageCommand::upload, first));
  ASSERT_TRUE(stands);
  EXPECT_EQ(stands->offset, 2 * kPart);
  EXPECT_FALSE(stands->match.has_value());
  // A part that does not continue there is not taken.
  first.offset = 5 * kPart;
  first.total.reset();
  first.sha256 = {};
  EXPECT_EQ(
      enrol::decode<enrol::ImageUploadResponse>(ask(Operation::write, ImageCommand::upload, first))->offset,
      2 * kPart);
  const auto done = enrol::decode<enrol::ImageUploadResponse>(upload(second_, stands->offset));
  EXPECT_EQ(done->match, true);
}

TEST_F(ImageGroup, ARefusedImageIsNotStartedAndTheReasonIsTold) {
  const update::Maker foreign;
  Octets broken = maker_.image({.version = {1, 2, 0, 0}});
  broken[40] ^= 1U;
  const std::pair<Octets, std::string> images[] = {
      {foreign.image({.version = {2, 0, 0, 0}}), "untrusted_root"}, {broken, "image_digest_mismatch"}};
  for (const auto& [octets, reason] : images) {
    upload(octets);
    EXPECT_TRUE(status_of(test(octets)).ok()) << reason;
    reset();
    const std::string after = state();
    EXPECT_EQ(after.find("0.0 1.0.0 active confirmed"), 0U) << after;
    EXPECT_NE(after.find(reason), std::string::npos) << after;
    EXPECT_EQ(state(false).find(reason), std::string::npos) << "only told to those who ask";
  }
}

TEST_F(ImageGroup, ARevokedSignersImageIsRefused) {
  const testing::TestSigner lister = testing::make_list_signer(maker_.pki);
  const auto send = [&](std::uint64_t number, std::vector<Sha256> keys) {
    const Octets list = testing::make_list(maker_.pki, lister, number, std::move(keys));
    Octets answer;
    for (std::size_t offset = 0; offset < list.size();) {
      enrol::RevocationsWrite part;
      part.offset = static_cast<std::uint32_t>(offset);
      if (offset == 0) part.total = static_cast<std::uint32_t>(list.size());
      part.data = Bytes(list).subspan(offset, std::min(kPart, list.size() - offset));
      answer = ask(Operation::write, smp::kPedigreeGroup, 11, part);
      const auto stands = enrol::decode<enrol::ChainWriteResponse>(answer);
      if (!stands || stands->offset <= offset) break;
      offset = stands->offset;
    }
    return status_of(answer);
  };
  const auto kept = [&] {
    const auto read = enrol::decode<enrol::RevocationsResponse>(
        ask(Operation::read, smp::kPedigreeGroup, 11, enrol::ImageStateRead{}));
    return std::pair(read->number, read->count);
  };
  EXPECT_EQ(kept(), std::pair(std::uint64_t{0}, 0U));
  const testing::TestSigner other = maker_.with_root(maker_.pki.make_signer(crypto::KeyType::p256));
  EXPECT_TRUE(send(5, {maker_.key_of(other.chain[0])}).ok());
  EXPECT_EQ(kept(), std::pair(std::uint64_t{5}, 1U));
  EXPECT_EQ(send(4, {}).rc, static_cast<std::uint16_t>(ErrorCode::list_rolled_back));
  const Octets by_other = maker_.image({.version = {3, 0, 0, 0}}, other, maker_.pki);
  upload(by_other);
  test(by_other);
  reset();
  EXPECT_EQ(state(),
            "0.0 1.0.0 active confirmed | 0.1 3.0.0 signer_revoked | 1.0 1.0.0 active confirmed permanent");
}

TEST_F(ImageGroup, AnOlderSecurityCounterIsRefused) {
  const Octets newer = maker_.image({.version = {1, 1, 0, 0}, .counter = 5});
  upload(newer);
  test(newer);
  reset();
  confirm();
  const Octets older = maker_.image({.version = {9, 0, 0, 0}, .counter = 4});
  upload(older);
  test(older);
  reset();
  EXPECT_EQ(state(),
            "0.0 9.0.0 rolled_back | 0.1 1.1.0 active confirmed | 1.0 1.0.0 active confirmed permanent");
}

TEST_F(ImageGroup, ErrorsHaveTheGroupsNumbers) {
  const auto stock = [&](const enrol::ImageStateWrite& message, smp::Version version) {
    return status_of(ask(Operation::write, enrol::kImageGroup, 0, message, version));
  };
  const Octets unknown(32, 7);
  smp::Status status = stock({unknown, false, false}, smp::Version::v2);
  EXPECT_EQ(status.group, enrol::kImageGroup);
  EXPECT_EQ(status.rc, 8U) << "HASH_NOT_FOUND";
  EXPECT_EQ(status.why, 0U);
  EXPECT_EQ(stock({unknown, false, true}, smp::Version::v2).why, static_cast<unsigned>(ErrorCode::not_found));
  EXPECT_EQ(stock({unknown, false, false}, smp::Version::v1).rc, 5U) << "ENOENT";
  EXPECT_EQ(stock({update::digest_of(first_), false, false}, smp::Version::v2).rc, 33U);
  EXPECT_EQ(stock({{}, false, false}, smp::Version::v2).rc, 3U) << "a test of nothing is malformed";
  enrol::ImageUploadRequest upload;
  upload.data = first_;
  upload.data = upload.data.first(100);
  EXPECT_EQ(status_of(ask(Operation::write, ImageCommand::upload, upload)).rc, 21U) << "without length";
  upload.total = 3U << 20U;
  EXPECT_EQ(status_of(ask(Operation::write, ImageCommand::upload, upload)).rc, 30U) << "larger than a slot";
  upload.total = static_cast<std::uint32_t>(first_.size());
  upload.upgrade = true;
  EXPECT_EQ(status_of(ask(Operation::write, ImageCommand::upload, upload)).rc, 27U) << "no upgrade";
  EXPECT_EQ(status_of(ask(Operation::write, ImageCommand::erase, enrol::ImageEraseRequest{0, false})).rc, 9U);
  EXPECT_EQ(status_of(ask(Operation::write, ImageCommand::erase, enrol::ImageEraseRequest{7, false})).rc,
            14U);
}

}  // namespace
}  // namespace pedigree::sim
