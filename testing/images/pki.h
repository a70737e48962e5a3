// SPDX-License-Identifier: Apache-2.0
// Root, OEMs and firmware signers for tests of images, and images signed by them.
#pragma once

#include "core/firmware_image/limits.h"
#include "crypto/openssl/keys.h"
#include "crypto/openssl/openssl_crypto.h"
#include "signing/sign_image.h"
#include "testing/x509/make.h"

namespace pedigree::testing {

/// Collects an image in memory.
class MemorySink final : public signing::Sink {
 public:
  [[nodiscard]] Result<void> write(Bytes piece) noexcept override {
    octets.insert(octets.end(), piece.begin(), piece.end());
    return {};
  }
  Octets octets;
};

/// What an OEM's intermediate says; the defaults allow everything.
struct OemSpec {
  std::string name = "OEM A";
  std::vector<image::Uuid> vendors{}, classes{};
  std::optional<image::Version> minimum{}, maximum{};
  bool states_limits = true;
  bool code_signing = true;
};

/// A firmware signer with its chain, signer first, without the root.
struct TestSigner {
  crypto::OpenSslKey key;
  std::vector<Octets> chain;
};

class ImagePki {
 public:
  ImagePki();
  /// Below a root that is there already.
  ImagePki(crypto::OpenSslKey root_key, Octets root);
  [[nodiscard]] TestSigner make_signer(crypto::KeyType type, const OemSpec& oem = {},
                                       bool code_signing = true) const;
  [[nodiscard]] const crypto::OpenSslCrypto& crypto() const noexcept { return crypto_; }
  [[nodiscard]] image::TrustOptions trust() const noexcept { return {anchors_, 1800000000}; }
  [[nodiscard]] const Octets& root() const noexcept { return root_; }
  [[nodiscard]] crypto::PrivateKey root_key() const noexcept { return root_key_.view(); }

 private:
  crypto::OpenSslCrypto crypto_;
  crypto::OpenSslKey root_key_;
  Octets root_;
  std::vector<x509::TrustAnchor> anchors_;
};

/// Options that name and version an image signed by `signer`, its header put before the input.
[[nodiscard]] signing::SignOptions options_of(const TestSigner& signer);
/// Some code, which the compiler could have made.
[[nodiscard]] Octets code(std::size_t size = 1000);
/// Signs; fails the test where that fails.
[[nodiscard]] Octets sign(const ImagePki& pki, const TestSigner& signer, const signing::SignOptions& options,
                          Bytes input);

/// verify_image with buffers, and "code at offset in TLV", or "" where the image is good.
[[nodiscard]] std::string verdict(const ImagePki& pki, Bytes image, const image::VerifyOptions& options,
                                  bool mapped = true);
/// By the root, the image's own statement included.
[[nodiscard]] std::string verdict(const ImagePki& pki, Bytes image);

/// The TLVs of an image, to be changed and put together again with sizes that fit.
struct ImageParts {
  struct Part {
    std::uint16_t type = 0;
    Octets value;
  };
  Octets header, payload;
  std::vector<Part> protected_tlvs, tlvs;
  [[nodiscard]] static ImageParts of(Bytes image);
  [[nodiscard]] Octets assemble() const;
  /// The first TLV of this type in the unprotected area. Throws where there is none.
  [[nodiscard]] Part& find(image::TlvType type);
};

}  // namespace pedigree::testing
