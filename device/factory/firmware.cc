// SPDX-License-Identifier: Apache-2.0
#include "device/factory/firmware.h"

#include "core/x509/certificate.h"
#include "crypto/openssl/openssl_crypto.h"
#include "device/ports/mps2/memory_map.h"
#include "device/update/updater.h"
#include "signing/sign_image.h"

namespace pedigree::factory {
namespace {

/// Collects an image.
class MemorySink final : public signing::Sink {
 public:
  [[nodiscard]] Result<void> write(Bytes piece) noexcept override {
    octets.insert(octets.end(), piece.begin(), piece.end());
    return {};
  }
  Octets octets;
};

/// The update area in memory.
class MemoryFlash final : public update::Flash {
 public:
  MemoryFlash() : memory(mps2::kUpdateLayout.size(), 0xff) {}
  [[nodiscard]] Bytes contents() const noexcept override { return memory; }
  void program(std::size_t offset, Bytes data) noexcept override {
    std::ranges::copy(data, memory.begin() + static_cast<std::ptrdiff_t>(offset));
  }
  void erase_sector(std::size_t /*offset*/) noexcept override {}
  Octets memory;
};

}  // namespace

std::expected<Octets, std::string> sign_image(const DevelopmentSigner& signer, Image image, Bytes code,
                                              const ImageFacts& facts) {
  const bool secure = image == Image::secure;
  signing::SignOptions options;
  options.version = facts.version;
  options.header_size = mps2::kImageHeader;
  options.pad_header = true;
  options.load_address = secure ? mps2::kSecureImage : mps2::kNonSecureImage;
  options.flags = secure ? image::kRomFixed : image::kRamLoad;
  options.security_counter = facts.security_counter;
  options.chain = signer.chain();
  options.name = secure ? "Pedigree MPS2 secure" : "Pedigree MPS2 non-secure";
  MemorySink sink;
  const crypto::OpenSslCrypto crypto;
  const auto done = signing::sign_image(crypto, signer.key().view(), options, code, sink);
  if (!done) return std::unexpected("cannot sign the firmware: " + std::string(sentence(done.error().code)));
  return std::move(sink.octets);
}

std::expected<Sha256, std::string> spki_sha256(Bytes certificate) {
  const auto parsed = x509::Certificate::parse(certificate);
  if (!parsed) {
    return std::unexpected("the firmware root is no certificate: " +
                           std::string(sentence(parsed.error().code)));
  }
  const auto digest = crypto::OpenSslCrypto().sha256(parsed->spki().whole);
  if (!digest) return std::unexpected(std::string(sentence(digest.error().code)));
  return *digest;
}

std::expected<Octets, std::string> update_area(Bytes nonsecure) {
  if (nonsecure.size() > mps2::kUpdateLayout.slot_size) {
    return std::unexpected("the non-secure image is larger than a slot of " +
                           std::to_string(mps2::kUpdateLayout.slot_size) + " octets");
  }
  MemoryFlash flash;
  update::make_new(flash, mps2::kUpdateLayout, nonsecure);
  flash.memory.resize(mps2::kUpdateLayout.slot(0) + nonsecure.size());
  return std::move(flash.memory);
}

}  // namespace pedigree::factory
