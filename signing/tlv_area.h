// SPDX-License-Identifier: Apache-2.0
// Writes the TLVs of an area.
#pragma once

#include "signing/sign_image.h"

namespace pedigree::signing {

class TlvArea {
 public:
  explicit TlvArea(std::uint16_t magic) : magic_(magic) {}
  void add(image::TlvType type, Bytes value);
  [[nodiscard]] bool empty() const noexcept { return tlvs_.empty(); }
  /// Octets with the area's info.
  [[nodiscard]] std::size_t size() const noexcept { return image::kTlvHeadSize + tlvs_.size(); }
  /// The area, whose info says `total` octets: more than are here where others follow.
  [[nodiscard]] Octets octets(std::size_t total) const;
  [[nodiscard]] Octets octets() const { return octets(size()); }

 private:
  std::uint16_t magic_;
  Octets tlvs_;
};

/// A number in little-endian octets.
void append_little_endian(Octets& out, std::uint32_t value, std::size_t width);
void append_version(Octets& out, const image::Version& version);
/// A TLV's head.
void append_head(Octets& out, std::uint16_t first, std::size_t second);

/// The TLVs of the protected area but the statement. `key_digest`: of the signer's key, by the image's hash.
[[nodiscard]] TlvArea protected_area(const SignOptions& options, crypto::Hash hash, Bytes key_digest);

}  // namespace pedigree::signing
