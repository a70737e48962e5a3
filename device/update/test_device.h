// SPDX-License-Identifier: Apache-2.0
// A device with flash and a boot stage in memory, and signed images for it.
#pragma once

#include "device/update/boot.h"
#include "device/update/test_flash.h"
#include "device/update/updater.h"
#include "testing/images/pki.h"

namespace pedigree::update {

/// As in all tests.
using testing::Octets;

/// Small sectors, so that a few thousand octets have many.
inline constexpr Layout kTestLayout{.sector = 512, .list_size = 4096, .slot_size = 8192};
inline constexpr std::uint32_t kSecureAddress = 0x10010000;
inline constexpr std::uint32_t kNonSecureAddress = 0x00200000;

/// How a test's image differs from others.
struct ImageSpec {
  image::Version version{1, 0, 0, 0};
  std::optional<std::uint32_t> counter = 1;
  bool secure = false;
  std::uint32_t more_flags = 0;
  std::uint32_t load_address = 0;  ///< 0: what belongs there
  std::size_t code = 700;
};

/// The firmware root, an OEM, a signer.
class Maker {
 public:
  Maker() : signer_(with_root(pki.make_signer(crypto::KeyType::p256))) {}
  [[nodiscard]] Octets image(const ImageSpec& spec) const { return image(spec, signer_, pki); }
  [[nodiscard]] Octets image(const ImageSpec& spec, const testing::TestSigner& signer,
                             const testing::ImagePki& by) const {
    signing::SignOptions options = testing::options_of(signer);
    options.version = spec.version;
    options.security_counter = spec.counter;
    options.flags = (spec.secure ? image::kRomFixed : image::kRamLoad) | spec.more_flags;
    options.load_address = spec.load_address != 0 ? spec.load_address
                           : spec.secure          ? kSecureAddress
                                                  : kNonSecureAddress;
    return testing::sign(by, signer, options, testing::code(spec.code));
  }
  /// The device knows the root by its hash alone, so the chain ends with it.
  [[nodiscard]] testing::TestSigner with_root(testing::TestSigner signer) const {
    signer.chain.push_back(pki.root());
    return signer;
  }
  [[nodiscard]] Sha256 root() const { return key_of(pki.root()); }
  [[nodiscard]] Sha256 key_of(Bytes certificate) const {
    return *pki.crypto().sha256(x509::Certificate::parse(certificate)->spki().whole);
  }
  [[nodiscard]] const testing::TestSigner& signer() const { return signer_; }

  testing::ImagePki pki;

 private:
  testing::TestSigner signer_;
};

/// One life after another.
class TestDevice final : public BootLog {
 public:
  TestDevice(const Maker& maker, Octets secure, Bytes first)
      : maker_(maker), secure_(std::move(secure)), flash_(std::make_unique<TestFlash>(kTestLayout)) {
    make_new(*flash_, kTestLayout, first);
  }

  /// Power on: the boot stage, and the secure world's updater. False where nothing may be started.
  bool boot() {
    refusals.clear();
    reverted_slot = kNoSlot;
    execution_.assign(kTestLayout.slot_size, 0);
    const BootPlatform platform{.crypto = maker_.pki.crypto(),
                                .flash = *flash_,
                                .layout = kTestLayout,
                                .root = maker_.root(),
                                .secure = secure_,
                                .execution = execution_,
                                .secure_address = kSecureAddress,
                                .nonsecure_address = kNonSecureAddress};
    const auto done = update::boot(platform, *this, report_);
    error = done ? ErrorCode{} : done.error().code;
    scratch_.resize(image::kRevocationScratch);
    updater_.emplace(*flash_, kTestLayout, maker_.pki.crypto(), report_, scratch_);
    return done.has_value() && updater_->mount().has_value();
  }
  /// Loses power: what is in flash stays.
  void lose_power() { flash_ = std::make_unique<TestFlash>(*flash_, 0); }
  bool power_cycle() {
    lose_power();
    return boot();
  }

  void refused(std::size_t image, std::uint8_t slot, ErrorCode why) noexcept override {
    refusals.push_back(std::string(image == kSecure ? "secure" : "slot " + std::to_string(slot)) + ": " +
                       std::string(name(why)));
  }
  /// As BootLog.
  void reverted(std::uint8_t slot) noexcept override { reverted_slot = slot; }

  /// Uploads in parts of `part` octets, from where the device stands.
  Result<Progress> upload(Bytes image, bool with_sha = true, std::size_t part = 300) {
    const Sha256 sha256 = *maker_.pki.crypto().sha256(image);
    Progress progress;
    for (bool first = true; first || (!progress.complete && !flash_->dead()); first = false) {
      const Bytes rest = image.subspan(progress.next);
      auto next = updater_->write({progress.next, static_cast<std::uint32_t>(image.size()),
                                   with_sha ? &sha256 : nullptr, rest.first(std::min(part, rest.size()))});
      if (!next) return next;
      progress = *next;
    }
    return progress;
  }

  [[nodiscard]] Updater& updater() { return *updater_; }
  [[nodiscard]] TestFlash& flash() { return *flash_; }
  [[nodiscard]] const BootReport& report() const { return report_; }
  [[nodiscard]] std::uint8_t running() const { return report_.images[kNonSecure].slot; }
  /// What runs, octet by octet.
  [[nodiscard]] Bytes running_image() const {
    return Bytes(execution_).first(report_.images[kNonSecure].size);
  }
  [[nodiscard]] bool runs(Bytes image) const { return running() != kNoSlot && equal(running_image(), image); }
  void set_secure(Octets image) { secure_ = std::move(image); }

  std::vector<std::string> refusals;
  std::uint8_t reverted_slot = kNoSlot;
  ErrorCode error{};

 private:
  const Maker& maker_;
  Octets secure_;
  std::unique_ptr<TestFlash> flash_;
  Octets execution_;
  Octets scratch_;
  BootReport report_;
  std::optional<Updater> updater_;
};

/// The digest that an image states.
inline Bytes digest_of(Bytes image) {
  return read_facts(image)->digest;
}

}  // namespace pedigree::update
