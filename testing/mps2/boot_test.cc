// SPDX-License-Identifier: Apache-2.0
// The boot stage in the emulator: what it starts, what it refuses and says why, and updates over SMP.
#include <gtest/gtest.h>

#include "core/cose/cose.h"
#include "core/psa_token/psa_token.h"
#include "testing/mps2/signed_board.h"

namespace pedigree::testing {
namespace {

constexpr auto kPatience = std::chrono::seconds(300);

class BootTest : public ::testing::Test {
 protected:
  /// What the secure world says up to a line with these words; nothing of the images runs then.
  std::string boot_until(const std::string& words) {
    const auto emulator = unit_.board.run({.nonsecure = {}});
    const bool said = emulator->wait_until(
        [&] { return unit_.board.secure_log().find(words) != std::string::npos; }, kPatience);
    emulator->kill();
    emulator->wait();
    EXPECT_TRUE(said) << words << ", but: " << unit_.board.secure_log();
    return unit_.board.secure_log();
  }
  /// Uploads, asks for a test, and looks at the device after its next reset.
  std::vector<station::ImageSlot> after_test_of(const Octets& image) {
    unit_.live([&](station::ImageClient& client) {
      const auto uploaded = client.upload(image, *unit_.pki.crypto().sha256(image), {});
      ASSERT_TRUE(uploaded) << uploaded.error().message;
      const auto hash = station::image_hash(image);
      ASSERT_TRUE(hash);
      const auto asked = client.test(*hash);
      ASSERT_TRUE(asked) << asked.error().message;
      const auto slot = slot_of(*asked, 1);
      ASSERT_TRUE(slot);
      EXPECT_TRUE(slot->pending);
      EXPECT_FALSE(slot->active);
    });
    return state();
  }
  std::vector<station::ImageSlot> state() {
    std::vector<station::ImageSlot> slots;
    unit_.live([&](station::ImageClient& client) {
      const auto read = client.state();
      ASSERT_TRUE(read) << read.error().message;
      slots = *read;
    });
    return slots;
  }
  void expect_refused(const Octets& image, ErrorCode code) {
    SCOPED_TRACE(std::string(name(code)));
    const auto slots = after_test_of(image);
    const auto running = slot_of(slots, 0);
    const auto refused = slot_of(slots, 1);
    ASSERT_TRUE(running && refused) << unit_.board.secure_log();
    EXPECT_TRUE(running->active && running->confirmed);
    EXPECT_FALSE(refused->active || refused->pending || refused->bootable);
    EXPECT_EQ(refused->refused, code);
    // In the log of the boot that refused it, and no longer: state() looked at that very boot.
    EXPECT_NE(unit_.board.secure_log().find("boot: the non-secure image in slot 1 is refused: " +
                                            std::string(name(code))),
              std::string::npos)
        << unit_.board.secure_log();
  }

  SignedBoard unit_;
};

TEST_F(BootTest, ASignedImageStartsAndSaysWhoItIs) {
  const auto slots = state();
  const auto slot = slot_of(slots, 0);
  ASSERT_TRUE(slot);
  EXPECT_TRUE(slot->active && slot->confirmed && slot->bootable);
  EXPECT_EQ(slot->version, "1.0.0");
  EXPECT_EQ(slot->hash, hex(station::image_hash(unit_.first).value()));
  EXPECT_EQ(slot->signer, hex(key_hash(unit_.pki, unit_.signer.chain[0])));
  EXPECT_FALSE(slot->refused);
  EXPECT_EQ(slots.size(), 2U) << "and the secure image";
}

TEST_F(BootTest, ADeviceWithoutARootStartsNothing) {
  unit_.board.write_memory(mps2::kOtp, Octets(mps2::kOtpSize, 0xff));
  const std::string log = boot_until("nothing is started: no_firmware_root (error 0xec)");
  EXPECT_EQ(log.find("secure world starts"), std::string::npos);
}

TEST_F(BootTest, ABadSecureImageStartsNothing) {
  const Octets good = unit_.make({.secure = true});
  const ImagePki stranger;
  const TestSigner strangers = SignedBoard::with_root(stranger, stranger.make_signer(crypto::KeyType::p256));
  Octets flipped = good;
  flipped[5000] ^= 1U;
  const struct {
    Octets image;
    std::string reason;
  } bad[] = {{flipped, "image_digest_mismatch"},
             {unit_.make({.secure = true}, stranger, strangers), "untrusted_root"},
             {unit_.make({}), "bad_image"},
             {image_code("secure"), "bad_image"}};
  for (const auto& one : bad) {
    unit_.board.set_secure_image(one.image);
    const std::string log = boot_until("nothing is started: " + one.reason);
    EXPECT_NE(log.find("boot: the secure image is refused: " + one.reason), std::string::npos) << log;
    EXPECT_EQ(log.find("secure world starts"), std::string::npos) << log;
  }
  unit_.board.set_secure_image(good);
  EXPECT_EQ(state().size(), 2U) << "it was the image that was refused";
}

TEST_F(BootTest, BadNonSecureImagesAreRefusedAndTheOldOneRuns) {
  Octets flipped = unit_.make({.version = {2, 0, 0, 0}});
  flipped[3000] ^= 1U;
  expect_refused(flipped, ErrorCode::image_digest_mismatch);
  const ImagePki stranger;
  const TestSigner strangers = SignedBoard::with_root(stranger, stranger.make_signer(crypto::KeyType::p256));
  expect_refused(unit_.make({.version = {2, 0, 0, 0}}, stranger, strangers), ErrorCode::untrusted_root);
  OemSpec old;
  old.maximum = image::Version{1, 9, 0, 0};
  const TestSigner limited =
      SignedBoard::with_root(unit_.pki, unit_.pki.make_signer(crypto::KeyType::p256, old));
  // Our own tool does not sign beyond the limits; the boot stage asks for them before the hash.
  Octets beyond = unit_.make({.version = {1, 8, 0, 0}}, unit_.pki, limited);
  beyond[20] = 2;
  expect_refused(beyond, ErrorCode::version_refused);
  const TestSigner other_curve =
      SignedBoard::with_root(unit_.pki, unit_.pki.make_signer(crypto::KeyType::p384));
  expect_refused(unit_.make({.version = {2, 0, 0, 0}}, unit_.pki, other_curve),
                 ErrorCode::unsupported_algorithm);
}

TEST_F(BootTest, ATrialEndsWithTheNextResetUnlessItIsConfirmed) {
  const Octets second = unit_.make({.version = {1, 1, 0, 0}, .counter = 2});
  auto slots = after_test_of(second);
  auto slot = slot_of(slots, 1);
  ASSERT_TRUE(slot);
  EXPECT_TRUE(slot->active && !slot->confirmed && !slot->pending);
  EXPECT_EQ(slot->version, "1.1.0");
  slots = state();  // nobody has confirmed it
  EXPECT_TRUE(slot_of(slots, 0)->active && slot_of(slots, 0)->confirmed);
  EXPECT_NE(unit_.board.secure_log().find("not confirmed, slot 01"), std::string::npos);
  // Once more, and confirmed while it runs.
  unit_.live([&](station::ImageClient& client) { ASSERT_TRUE(client.test(*station::image_hash(second))); });
  unit_.live([&](station::ImageClient& client) { ASSERT_TRUE(client.confirm({})); });
  slots = state();
  EXPECT_TRUE(slot_of(slots, 1)->active && slot_of(slots, 1)->confirmed);
  // The counter has risen with it: the first image is history.
  unit_.live(
      [&](station::ImageClient& client) { ASSERT_TRUE(client.test(*station::image_hash(unit_.first))); });
  slots = state();
  EXPECT_TRUE(slot_of(slots, 1)->active);
  EXPECT_EQ(slot_of(slots, 0)->refused, ErrorCode::rolled_back);
}

TEST_F(BootTest, ARevokedSignersImageIsRefused) {
  OemSpec other;
  other.name = "OEM B";
  const TestSigner revoked =
      SignedBoard::with_root(unit_.pki, unit_.pki.make_signer(crypto::KeyType::p256, other));
  const Octets second = unit_.make({.version = {2, 0, 0, 0}}, unit_.pki, revoked);
  const Octets list =
      make_list(unit_.pki, make_list_signer(unit_.pki), 3, {key_hash(unit_.pki, revoked.chain[0])});
  const TestSigner strangers = make_list_signer(ImagePki());
  unit_.live([&](station::ImageClient& client) {
    const auto kept = client.send_revocations(list);
    ASSERT_TRUE(kept) << kept.error().message;
    EXPECT_EQ(kept->number, 3U);
    EXPECT_EQ(kept->count, 1U);
    const auto older = client.send_revocations(make_list(unit_.pki, make_list_signer(unit_.pki), 2, {}));
    ASSERT_FALSE(older);
    const auto forged = client.send_revocations(make_list(unit_.pki, strangers, 4, {}));
    ASSERT_FALSE(forged);
  });
  expect_refused(second, ErrorCode::signer_revoked);
}

TEST_F(BootTest, ATokenNamesImagesAndSigners) {
  Octets token;
  unit_.live_with_link([&](station::Link& link) {
    const auto attested = station::Device(link).attest(0, Octets(32, 7), false);
    ASSERT_TRUE(attested) << attested.error().message;
    token = *attested;
  });
  const auto message = cose::Sign1::parse(token);
  ASSERT_TRUE(message);
  const auto claims = psa_token::Claims::parse(*message->payload());
  ASSERT_TRUE(claims);
  ASSERT_EQ(claims->software_component_count, 3U);
  Reader in(claims->software_components);
  const auto boot = psa_token::read_component(in);
  const auto secure = psa_token::read_component(in);
  const auto nonsecure = psa_token::read_component(in);
  ASSERT_TRUE(boot && secure && nonsecure);
  EXPECT_EQ(boot->measurement_type, "BL");
  EXPECT_EQ(hex(boot->signer_id), hex(Octets(32))) << "nobody signs what cannot be replaced";
  const std::string signer = hex(key_hash(unit_.pki, unit_.signer.chain[0]));
  EXPECT_EQ(secure->measurement_type, "PRoT");
  EXPECT_EQ(hex(secure->signer_id), signer);
  EXPECT_EQ(nonsecure->measurement_type, "App");
  EXPECT_EQ(hex(nonsecure->measurement_value), hex(*station::image_hash(unit_.first)));
  EXPECT_EQ(hex(nonsecure->signer_id), signer);
  EXPECT_EQ(nonsecure->version, "1.0.0");
}

}  // namespace
}  // namespace pedigree::testing
