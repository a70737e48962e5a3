// SPDX-License-Identifier: Apache-2.0
// The boot stage's reader beside core's, with a crypto library for which every hash is zeros and every
// signature good: what the first accepts the second accepts, but for the content of validity.
#include "core/firmware_image/boot_image.h"

#include <cstdlib>
#include <vector>

#include "core/firmware_image/verify.h"

namespace {

using namespace pedigree;

void require(bool condition) {
  if (!condition) std::abort();
}

class EasyCrypto final : public crypto::Crypto {
 public:
  [[nodiscard]] std::string_view backend() const noexcept override { return "easy"; }
  [[nodiscard]] bool supports(crypto::KeyType /*type*/,
                              crypto::SignatureAlgorithm /*algorithm*/) const noexcept override {
    return true;
  }
  [[nodiscard]] Result<void> digest(crypto::Hash /*hash*/, std::span<const Bytes> /*parts*/,
                                    MutableBytes out) const noexcept override {
    std::ranges::fill(out, std::uint8_t{0});
    return {};
  }
  [[nodiscard]] Result<void> digest(crypto::Hash /*hash*/, crypto::PieceSource& /*source*/,
                                    MutableBytes out) const noexcept override {
    std::ranges::fill(out, std::uint8_t{0});
    return {};
  }
  [[nodiscard]] Result<Sha256> hmac_sha256(Bytes /*key*/,
                                           std::span<const Bytes> /*parts*/) const noexcept override {
    return Sha256{};
  }
  [[nodiscard]] Result<void> verify(const crypto::PublicKey& /*key*/,
                                    crypto::SignatureAlgorithm /*algorithm*/, Bytes /*message*/,
                                    Bytes /*signature*/) const noexcept override {
    return {};
  }
  [[nodiscard]] Result<void> verify_digest(const crypto::PublicKey& /*key*/,
                                           crypto::SignatureAlgorithm /*algorithm*/, Bytes /*digest*/,
                                           Bytes /*signature*/) const noexcept override {
    return {};
  }
  [[nodiscard]] Result<void> check_public_key(const crypto::PublicKey& /*key*/) const noexcept override {
    return {};
  }
  [[nodiscard]] Result<Bytes> sign(const crypto::PrivateKey& /*key*/,
                                   crypto::SignatureAlgorithm /*algorithm*/, Bytes /*message*/,
                                   MutableBytes /*out*/) const noexcept override {
    return fail(ErrorCode::key_not_found);
  }
  [[nodiscard]] Result<Bytes> sign_digest(const crypto::PrivateKey& /*key*/,
                                          crypto::SignatureAlgorithm /*algorithm*/, Bytes /*digest*/,
                                          MutableBytes /*out*/) const noexcept override {
    return fail(ErrorCode::key_not_found);
  }
  [[nodiscard]] Result<crypto::PublicKey> public_key(const crypto::PrivateKey& /*key*/,
                                                     MutableBytes /*out*/) const noexcept override {
    return fail(ErrorCode::key_not_found);
  }
  [[nodiscard]] Result<void> random(MutableBytes /*out*/) const noexcept override {
    return fail(ErrorCode::no_entropy);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input(data, size);
  const EasyCrypto crypto;
  image::BootImage boot;
  if (image::verify_boot_image(crypto, input, {}, {}, boot) != ErrorCode{}) return 0;
  const x509::TrustAnchor root;
  image::VerifyOptions options;
  options.trust.anchors = {&root, 1};
  std::vector<std::uint8_t> chain(0x10000);
  std::vector<std::uint8_t> statement(0x20100);
  image::VerifyFault fault;
  const auto verified =
      image::verify_image(crypto, image::MemorySource(input), options, {chain, statement, {}}, fault);
  if (!verified) {
    // Lineage is not the boot stage's, and a time is a text to it.
    require(verified.error().code == ErrorCode::bad_time || fault.tlv == image::TlvType::lineage);
    return 0;
  }
  require(boot.size == verified->layout.end && boot.size <= size);
  require(boot.security_counter == verified->security_counter);
  require(boot.header.version == verified->product.version);
  return 0;
}
