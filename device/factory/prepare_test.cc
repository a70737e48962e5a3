// SPDX-License-Identifier: Apache-2.0
// How an emulated device is made: its root is written once, its images are signed below it, and what it has
// stays.
#include "device/factory/prepare.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/firmware_image/boot_image.h"
#include "core/x509/certificate.h"
#include "crypto/openssl/openssl_crypto.h"
#include "device/factory/firmware.h"
#include "device/ports/mps2/memory_map.h"
#include "device/update/updater.h"
#include "testing/support/support.h"

namespace pedigree::factory {
namespace {

using testing::TempDir;

class PrepareTest : public ::testing::Test {
 protected:
  PrepareTest() {
    testing::write_file(folder_ / "secure.bin", Bytes(Octets(900, 0x11)));
    testing::write_file(folder_ / "nonsecure.bin", Bytes(Octets(700, 0x22)));
    built_.secure = folder_ / "secure.bin";
    built_.nonsecure = folder_ / "nonsecure.bin";
  }
  /// One start of the device of this name.
  std::expected<std::filesystem::path, std::string> start(const std::string& device,
                                                          const Preparation& preparation = {}) {
    const auto state = qemu::State::open(folder_ / device);
    if (!state) return std::unexpected(state.error());
    return prepare(*state, preparation.root.empty() ? built_ : signed_, preparation);
  }
  [[nodiscard]] Octets memory(const std::string& device, std::size_t offset, std::size_t size) const {
    const Octets all = testing::read_file(folder_ / device / "nv");
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(offset);
    return {begin, begin + static_cast<std::ptrdiff_t>(size)};
  }
  [[nodiscard]] Sha256 root_of(const std::string& device) const {
    const auto root = mps2::read_otp(memory(device, mps2::kOtp, mps2::kOtpSize));
    EXPECT_TRUE(root);
    return root.value_or(Sha256{});
  }
  /// Octets of slot 0, which the state names as confirmed.
  [[nodiscard]] Octets slot(const std::string& device) const {
    const Octets area = memory(device, mps2::kUpdateArea, mps2::kUpdateLayout.size());
    update::State state;
    EXPECT_TRUE(update::decode(Bytes(area).first(update::kRecordSize), state));
    EXPECT_EQ(state.confirmed, 0);
    const auto begin = area.begin() + static_cast<std::ptrdiff_t>(mps2::kUpdateLayout.slot(0));
    return {begin, begin + state.slots[0].size};
  }
  [[nodiscard]] static std::string verdict(Bytes image, const Sha256& root) {
    image::BootImage verified;
    const ErrorCode code = image::verify_boot_image(crypto::OpenSslCrypto(), image, root, {}, verified);
    return code == ErrorCode{} ? "" : std::string(name(code));
  }
  /// Makes signed images, and returns the root's certificate.
  Octets sign_by(const DevelopmentSigner& signer) {
    signed_.secure = folder_ / "secure.img";
    signed_.nonsecure = folder_ / "nonsecure.img";
    testing::write_file(signed_.secure, Bytes(*sign_image(signer, Image::secure, Octets(900, 0x33))));
    testing::write_file(signed_.nonsecure, Bytes(*sign_image(signer, Image::nonsecure, Octets(700, 0x44))));
    return signer.chain().back();
  }

  TempDir folder_;
  qemu::Firmware built_, signed_;
};

TEST_F(PrepareTest, ANewDeviceHasARootOfItsOwnAndImagesBelowIt) {
  const auto secure = start("1");
  ASSERT_TRUE(secure) << secure.error();
  ASSERT_TRUE(start("2"));
  EXPECT_EQ(verdict(testing::read_file(*secure), root_of("1")), "");
  EXPECT_EQ(verdict(slot("1"), root_of("1")), "");
  EXPECT_NE(root_of("1"), root_of("2"));
  EXPECT_EQ(verdict(slot("1"), root_of("2")), "untrusted_root");
  EXPECT_TRUE(has_development_root(folder_ / "1"));
  for (const char* key : {"root.key.pem", "oem.key.pem", "signer.key.pem"}) {
    struct stat facts{};
    ASSERT_EQ(::stat((development_folder(folder_ / "1") / key).c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777U, 0600U) << key;
  }
}

TEST_F(PrepareTest, LaterStartsSignTheSecureImageAndChangeNothingElse) {
  ASSERT_TRUE(start("1"));
  const Sha256 root = root_of("1");
  const Octets before = slot("1");
  testing::write_file(built_.secure, Bytes(Octets(950, 0x12)));
  testing::write_file(built_.nonsecure, Bytes(Octets(750, 0x13)));
  const auto secure = start("1");
  ASSERT_TRUE(secure) << secure.error();
  EXPECT_EQ(root_of("1"), root);
  EXPECT_EQ(slot("1"), before) << "the device's own, to be updated";
  EXPECT_EQ(verdict(testing::read_file(*secure), root), "");
  EXPECT_EQ(testing::read_file(*secure)[mps2::kImageHeader], 0x12);
}

TEST_F(PrepareTest, AVendorsRootAndImagesAreTakenAsTheyAre) {
  const auto signer = DevelopmentSigner::make();
  ASSERT_TRUE(signer);
  const Octets root = sign_by(*signer);
  const auto secure = start("1", {root});
  ASSERT_TRUE(secure) << secure.error();
  EXPECT_EQ(root_of("1"), *spki_sha256(root));
  EXPECT_EQ(testing::read_file(*secure), testing::read_file(signed_.secure));
  EXPECT_EQ(slot("1"), testing::read_file(signed_.nonsecure));
  EXPECT_FALSE(has_development_root(folder_ / "1"));
  // Without a word about it, the device starts with what it has.
  const auto again = start("1");
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(testing::read_file(*again), testing::read_file(signed_.secure));
}

TEST_F(PrepareTest, ARootIsWrittenOnce) {
  ASSERT_TRUE(start("1"));
  const Sha256 root = root_of("1");
  const auto other = DevelopmentSigner::make();
  const auto refused = start("1", {sign_by(*other)});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().find("another firmware root"), std::string::npos) << refused.error();
  EXPECT_EQ(root_of("1"), root);
}

TEST_F(PrepareTest, ALifecycleOnlyMovesOn) {
  const auto page = [&] {
    return mps2::read_lifecycle(memory("1", mps2::kLifecyclePage, mps2::kLifecyclePageSize));
  };
  ASSERT_TRUE(start("1"));
  EXPECT_EQ(page(), enrol::Lifecycle::assembly_and_test);
  ASSERT_TRUE(start("1", {.root = {}, .lifecycle = enrol::Lifecycle::secured}));
  EXPECT_EQ(page(), enrol::Lifecycle::secured);
  ASSERT_TRUE(start("1"));
  EXPECT_EQ(page(), enrol::Lifecycle::secured) << "where nothing is asked for";
  const auto back = start("1", {.root = {}, .lifecycle = enrol::Lifecycle::assembly_and_test});
  ASSERT_FALSE(back);
  EXPECT_NE(back.error().find("does not go back"), std::string::npos) << back.error();
  for (std::size_t i = 0; i < mps2::kLifecyclePageSize; ++i) {
    mps2::LifecyclePage damaged = mps2::write_lifecycle(enrol::Lifecycle::secured);
    damaged.at(i) ^= 1U;
    EXPECT_FALSE(mps2::read_lifecycle(damaged).has_value()) << i;
  }
}

TEST_F(PrepareTest, WhatIsMissingIsNamedAndMakesNoDevice) {
  std::filesystem::remove(built_.nonsecure);
  const auto refused = start("1");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().find("nonsecure.bin"), std::string::npos) << refused.error();
  EXPECT_FALSE(mps2::read_otp(memory("1", mps2::kOtp, mps2::kOtpSize)));
  testing::write_file(built_.nonsecure, Bytes(Octets(700, 0x22)));
  EXPECT_TRUE(start("1")) << "the next start makes it";
  EXPECT_FALSE(start("2", {Octets(10, 1)})) << "no certificate";
}

}  // namespace
}  // namespace pedigree::factory
