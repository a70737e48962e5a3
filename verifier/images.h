// SPDX-License-Identifier: Apache-2.0
// Firmware images that a relying party has: verified, they say whose the software is that a token measures.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/firmware_image/revocation_list.h"
#include "core/firmware_image/verify.h"
#include "core/psa_token/psa_token.h"

namespace pedigree::verifier {

/// An image that another was built from, as its signer states it.
struct ImageParent {
  std::string name, version;
  std::string signer;  ///< subject of the signer's certificate
  std::string oem;     ///< subject of its issuer
};

/// What a verified image says of itself, and who vouches for it.
struct KnownImage {
  std::string source;                ///< where it came from, for people: a file's name
  std::vector<std::uint8_t> digest;  ///< as devices measure it
  std::string name;                  ///< from its own statement; empty where it has none
  std::string version;
  std::string signer, oem, root;  ///< subjects: the signer, the CA above it, the root; empty where not known
  Sha256 signer_id{};             ///< SHA-256 of the signing key's SubjectPublicKeyInfo
  std::vector<ImageParent> lineage;  ///< in the order of the image
};

/// Verifies an image, its statement and its lineage, and reads what they say. `revoked`: signers that do not
/// count, null where no list is at hand. Errors: those of image::verify_image and image::check_not_revoked;
/// `fault` says where.
[[nodiscard]] Result<KnownImage> read_known_image(const crypto::Crypto& crypto, Bytes octets,
                                                  const image::TrustOptions& trust,
                                                  const image::RevocationList* revoked, std::string source,
                                                  image::VerifyFault& fault);

/// Verified images by their digest.
class KnownImages {
 public:
  void add(KnownImage image);
  [[nodiscard]] bool empty() const noexcept { return by_digest_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return by_digest_.size(); }
  /// The image that a component is the measure of: the same digest, by the signer that the component names.
  /// Null: none.
  [[nodiscard]] std::shared_ptr<const KnownImage> find(const psa_token::SoftwareComponent& component) const;

 private:
  std::map<std::vector<std::uint8_t>, std::shared_ptr<const KnownImage>> by_digest_;
};

/// Whether a component names a signer: tokens of unsigned software have zeros there.
[[nodiscard]] bool names_signer(const psa_token::SoftwareComponent& component) noexcept;

}  // namespace pedigree::verifier
