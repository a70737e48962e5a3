// SPDX-License-Identifier: Apache-2.0
// MCUboot's image format, read from wherever the image is: header, payload, protected and unprotected TLV
// area. Numbers are little-endian. What is refused is what MCUboot's own boot loader refuses, and a little
// more: nothing here is accepted that it would not accept.
#pragma once

#include <compare>
#include <optional>

#include "core/bytes/writer.h"
#include "core/crypto/crypto.h"

namespace pedigree::image {

inline constexpr std::uint32_t kMagic = 0x96f3b83d;
inline constexpr std::uint32_t kHeaderSize = 32;  ///< octets of the header's fields; header_size may be more
inline constexpr std::uint16_t kTlvInfoMagic = 0x6907;
inline constexpr std::uint16_t kProtectedInfoMagic = 0x6908;
/// Octets of an area's info {magic, total} and of a TLV's head {type, length}.
inline constexpr std::uint32_t kTlvHeadSize = 4;
/// What one area holds at most, its info included.
inline constexpr std::uint32_t kMaxAreaSize = 0xffff;

/// Types of TLV. Those of 0x50a0 on are Pedigree's, from the range that MCUboot leaves to vendors.
enum class TlvType : std::uint16_t {
  key_hash = 0x01,    ///< digest of the public key, by the image's hash
  public_key = 0x02,  ///< the public key itself
  sha256 = 0x10,      ///< digest of header, payload and protected area
  sha384 = 0x11,
  sha512 = 0x12,
  rsa2048_pss = 0x20,
  ecdsa = 0x22,  ///< ECDSA-Sig-Value, P-256 or P-384
  rsa3072_pss = 0x23,
  ed25519 = 0x24,     ///< over the digest; with sig_pure over the octets themselves
  sig_pure = 0x25,    ///< one octet, 1
  dependency = 0x40,  ///< image index, three octets of padding, least version
  security_counter = 0x50,
  boot_record = 0x60,  ///< CBOR map of a PSA software component
  vendor_id = 0x74,    ///< UUID
  class_id = 0x75,     ///< UUID
  chain = 0x50a0,      ///< the signer's certificates (cose::read_chain), protected
  lineage = 0x50a1,    ///< a statement about an image that this one was built from, protected
  statement = 0x50a2,  ///< what the signer states of this image; the last of the protected area
};
/// "KEYHASH", "SHA256", "CHAIN"...; empty where the type is unknown. Static storage.
[[nodiscard]] std::string_view name(TlvType type) noexcept;

/// Flags of the header that matter here.
enum Flag : std::uint32_t {
  kEncryptedAes128 = 0x4,
  kEncryptedAes256 = 0x8,
  kNonBootable = 0x10,
  kRamLoad = 0x20,
  kRomFixed = 0x100,
  kCompressed = 0xe00,  ///< LZMA1, LZMA2, Arm Thumb filter
};

/// A number of `octets`, at most 4, and its writing in `width` octets.
[[nodiscard]] std::uint32_t read_little_endian(Bytes octets) noexcept;
void write_little_endian(std::uint32_t value, std::size_t width, Writer& out) noexcept;

struct Version {
  std::uint8_t major = 0;
  std::uint8_t minor = 0;
  std::uint16_t revision = 0;
  std::uint32_t build = 0;
  friend constexpr auto operator<=>(const Version&, const Version&) = default;
};
/// "1.2.3", or "1.2.3+4" where the build number is not 0.
void print_version(const Version& version, Writer& out) noexcept;

/// A vendor or class id (RFC 9562), 16 octets.
using Uuid = std::array<std::uint8_t, 16>;

struct Header {
  std::uint32_t load_address = 0;
  std::uint16_t header_size = 0;  ///< octets before the payload
  std::uint16_t protected_size = 0;
  std::uint32_t payload_size = 0;
  std::uint32_t flags = 0;
  Version version;
};
/// Reads the 32 octets of a header. Errors: bad_image (offset of the field): magic, a header_size under 32,
/// sizes over 32 bits; image_transformed: encrypted or compressed.
[[nodiscard]] Result<Header> parse_header(std::span<const std::uint8_t, kHeaderSize> octets) noexcept;
/// Writes 32 octets.
void write_header(const Header& header, Writer& out) noexcept;

/// An image in flash, in a file, or wherever `read` gets it from.
class Source {
 public:
  constexpr Source() noexcept = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  /// Octets there are, from the header on.
  [[nodiscard]] virtual std::uint32_t size() const noexcept = 0;
  /// Fills `out` from `offset`; the caller has checked both against `size`. Errors: io_failure, others.
  [[nodiscard]] virtual Result<void> read(std::uint32_t offset, MutableBytes out) const noexcept = 0;
  /// All octets where they are addressable, else nothing. They are then not copied, and sig_pure images can
  /// be verified.
  [[nodiscard]] virtual Bytes mapped() const noexcept { return {}; }

 protected:
  ~Source() = default;
};

/// An image in memory.
class MemorySource final : public Source {
 public:
  explicit MemorySource(Bytes octets) noexcept : octets_(octets) {}
  [[nodiscard]] std::uint32_t size() const noexcept override {
    return static_cast<std::uint32_t>(octets_.size());
  }
  [[nodiscard]] Result<void> read(std::uint32_t offset, MutableBytes out) const noexcept override;
  [[nodiscard]] Bytes mapped() const noexcept override { return octets_; }

 private:
  Bytes octets_;
};

/// Where the parts of an image are; offsets count from the header.
struct Layout {
  Header header;
  std::uint32_t tlv_start = 0;    ///< the first area's info: end of the payload
  std::uint32_t hashed_size = 0;  ///< header, payload, protected area: what is hashed and signed
  std::uint32_t end = 0;          ///< end of the unprotected area, and of the image
};
/// Reads header and the infos of the areas. Octets after the image are not looked at: a slot holds more.
/// Errors: those of parse_header; bad_image (offset of the info): a wrong magic, a protected area of another
/// size than the header says, an area beyond the source; those of `source`.
[[nodiscard]] Result<Layout> read_layout(const Source& source) noexcept;

struct Tlv {
  TlvType type{};
  std::uint16_t size = 0;    ///< octets of the value
  std::uint32_t offset = 0;  ///< of the TLV's head
  bool is_protected = false;
  [[nodiscard]] std::uint32_t value_offset() const noexcept { return offset + kTlvHeadSize; }
};

/// Walks the TLVs of both areas, the protected one first.
class TlvReader {
 public:
  TlvReader(const Source& source, const Layout& layout) noexcept
      : source_(source), layout_(layout), at_(layout.tlv_start + kTlvHeadSize) {}
  /// The next TLV, or nothing after the last. Errors: bad_tlv (offset of its head) where head or value reach
  /// over the end of their area; those of the source.
  [[nodiscard]] Result<std::optional<Tlv>> next() noexcept;

 private:
  const Source& source_;
  const Layout& layout_;
  std::uint32_t at_;
};

/// Reads the value of a TLV into the beginning of `out`. Errors: buffer_too_small, those of the source; both
/// with the offset of the TLV.
[[nodiscard]] Result<Bytes> read_value(const Source& source, const Tlv& tlv, MutableBytes out) noexcept;

/// Hands out the octets of an image from `start` to `end` to be hashed, through `block` where they are not
/// mapped.
class ImagePieces final : public crypto::PieceSource {
 public:
  /// Octets of a piece of a mapped image.
  static constexpr std::uint32_t kMappedPiece = 1U << 18U;
  ImagePieces(const Source& source, std::uint32_t start, std::uint32_t end, MutableBytes block) noexcept
      : source_(source), end_(end), block_(block), at_(start) {}
  [[nodiscard]] Result<Bytes> next(const crypto::RunningDigest& so_far) noexcept override;

 private:
  const Source& source_;
  std::uint32_t end_;
  MutableBytes block_;
  std::uint32_t at_;
};

}  // namespace pedigree::image
