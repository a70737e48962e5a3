// SPDX-License-Identifier: Apache-2.0
// A board whose firmware is signed by a root, OEMs and signers of the test's own, over SMP.
#pragma once

#include "device/ports/mps2/memory_map.h"
#include "station/flow/image.h"
#include "testing/images/revocations.h"
#include "testing/mps2/board.h"

namespace pedigree::testing {

/// How an image differs from others.
struct FirmwareSpec {
  image::Version version{1, 0, 0, 0};
  std::uint32_t counter = 1;
  bool secure = false;
};

class SignedBoard {
 public:
  /// Version 1.0.0 of both images, with security counter 1. `folder`: of a trial image, "" for the product.
  explicit SignedBoard(std::string folder = {})
      : folder_(std::move(folder)), signer(with_root(pki, pki.make_signer(crypto::KeyType::p256))) {
    first = make({});
    board.provision(key_hash(pki, pki.root()), make({.secure = true}), first);
  }

  [[nodiscard]] static TestSigner with_root(const ImagePki& pki, TestSigner signer) {
    signer.chain.push_back(pki.root());
    return signer;
  }
  [[nodiscard]] Octets make(const FirmwareSpec& spec) const { return make(spec, pki, signer); }
  [[nodiscard]] Octets make(const FirmwareSpec& spec, const ImagePki& by, const TestSigner& who) const {
    signing::SignOptions options = options_of(who);
    options.header_size = mps2::kImageHeader;
    options.version = spec.version;
    options.security_counter = spec.counter;
    options.flags = spec.secure ? image::kRomFixed : image::kRamLoad;
    options.load_address = spec.secure ? mps2::kSecureImage : mps2::kNonSecureImage;
    return sign(by, who, options, image_code(spec.secure ? folder_ + "secure" : "nonsecure"));
  }
  /// One life of the device.
  void live(const std::function<void(station::ImageClient&)>& use) const {
    live_with_link([&](station::Link& link) {
      station::ImageClient client(link);
      use(client);
    });
  }
  void live_with_link(const std::function<void(station::Link&)>& use,
                      const std::vector<std::string>& more = {}) const {
    board.with_link({.secure = folder_, .nonsecure = {}}, use, more);
  }

 private:
  std::string folder_;

 public:
  Board board;
  ImagePki pki;
  TestSigner signer;
  Octets first;
};

/// The slot of the non-secure image; nothing where it is empty.
[[nodiscard]] inline std::optional<station::ImageSlot> slot_of(const std::vector<station::ImageSlot>& slots,
                                                               std::uint32_t number) {
  for (const auto& slot : slots) {
    if (slot.image == 0 && slot.slot == number) return slot;
  }
  return std::nullopt;
}

}  // namespace pedigree::testing
