// SPDX-License-Identifier: Apache-2.0
// Makes and signs images in MCUboot's format, with the signer's chain, a statement about the image, and the
// statements of those that it was built from.
#pragma once

#include <string>
#include <vector>

#include "core/firmware_image/verify.h"

namespace pedigree::signing {

using Octets = std::vector<std::uint8_t>;

/// Where the image goes, piece by piece.
class Sink {
 public:
  Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  virtual ~Sink() = default;
  /// Errors: io_failure.
  [[nodiscard]] virtual Result<void> write(Bytes piece) noexcept = 0;
};

/// An image that another one is built from: its own statement, and those that it carries.
struct Parent {
  Octets statement;
  std::vector<Octets> lineage;
};

/// The image at `index` in the boot loader's list must have at least this version.
struct Dependency {
  std::uint8_t index = 0;
  image::Version minimum;
};

/// A TLV of somebody else's, for the protected area.
struct CustomTlv {
  std::uint16_t type = 0;  ///< 0x00a0 to 0xfffe, and none that has a name (image::name)
  Octets value;
};

struct SignOptions {
  image::Version version;
  std::uint16_t header_size = image::kHeaderSize;  ///< octets before the code, at least 32
  bool pad_header = false;  ///< put the header before the input; else the input begins with that many zeros
  std::uint8_t erased_value = 0xff;  ///< of flash: fills what pad_header puts after the header's fields
  std::uint32_t load_address = 0;
  std::uint32_t flags = 0;  ///< of image::Flag: non-bootable, RAM load, ROM fixed
  std::optional<std::uint32_t> security_counter;
  std::string boot_record;  ///< software type of a boot record, at most 12 characters; empty: none
  std::vector<Dependency> dependencies;
  std::optional<image::Uuid> vendor;
  std::optional<image::Uuid> class_id;
  std::vector<CustomTlv> custom;
  bool whole_public_key = false;  ///< PUBKEY instead of KEYHASH
  bool sha512 = false;            ///< Ed25519: over SHA-512 instead of SHA-256
  bool pure = false;              ///< Ed25519: over the image itself, which is then kept in memory
  /// The signer's certificates, DER, leaf first. Empty: an image as others make it, without what follows.
  std::vector<Octets> chain;
  std::string name;  ///< of the image in its statement, 1 to image::kMaxName octets
  std::vector<Parent> parents;
};

/// What was made.
struct SignedImage {
  std::uint32_t size = 0;
  crypto::Hash hash{};
  Octets digest;  ///< as MCUboot measures it
};

/// Makes an image of `input` (code, after header_size zeros unless pad_header) and signs it by `key`. The
/// image goes to `out` in pieces as it is hashed, in one pass, and no more of it than a piece is kept (but of
/// a pure one all); on failure part of it may have gone there. The signature made is verified before it is
/// used: a key store that signs with another key than it shows, or a computer that miscounts, makes no image.
/// Errors: wrong_key_type (sha512 or pure with another key than Ed25519), unsupported_algorithm (RSA-4096),
/// key_mismatch (the chain's first certificate is for another key), product_refused and version_refused (the
/// chain's own limits forbid the image), bad_value (an option outside its range, a name that is missing, or
/// an input that does not begin with zeros), too_many (parents), too_long (the protected area would be over
/// 65,535 octets, or the image over 4 GiB), invalid_signature (made by the key, and not verified by it),
/// those of the certificates' parser, of Crypto::sign, of `input` and of `out`.
[[nodiscard]] Result<SignedImage> sign_image(const crypto::Crypto& crypto, const crypto::PrivateKey& key,
                                             const SignOptions& options, const image::Source& input,
                                             Sink& out);
/// The same of an input in memory.
[[nodiscard]] Result<SignedImage> sign_image(const crypto::Crypto& crypto, const crypto::PrivateKey& key,
                                             const SignOptions& options, Bytes input, Sink& out);

/// Verifies an image that others are to be built from, its own statement included, and takes its statements.
/// Errors: missing_tlv (it has no statement of its own), those of verify_image; `fault` says where.
[[nodiscard]] Result<Parent> take_parent(const crypto::Crypto& crypto, const image::Source& source,
                                         const image::TrustOptions& trust, image::VerifyFault& fault);

}  // namespace pedigree::signing
