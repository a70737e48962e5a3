// SPDX-License-Identifier: Apache-2.0
#include "core/firmware_image/image.h"

namespace pedigree::image {
namespace {

std::uint16_t u16(Bytes octets, std::size_t at) noexcept {
  return static_cast<std::uint16_t>(read_little_endian(octets.subspan(at, 2)));
}

std::uint32_t u32(Bytes octets, std::size_t at) noexcept {
  return read_little_endian(octets.subspan(at, 4));
}

void print_number(std::uint32_t value, Writer& out) noexcept {
  std::array<std::uint8_t, 10> digits{};
  std::size_t count = 0;
  do {
    digits[count++] = static_cast<std::uint8_t>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  while (count > 0) out.u8(digits[--count]);
}

/// The two numbers of a TLV's head or an area's info.
struct Head {
  std::uint16_t first = 0;
  std::uint16_t second = 0;
};

/// Errors: `missing` where the source ends before, those of the source.
Result<Head> read_head(const Source& source, std::uint32_t offset, ErrorCode missing) noexcept {
  if (source.size() < kTlvHeadSize || offset > source.size() - kTlvHeadSize) return fail(missing, offset);
  std::array<std::uint8_t, kTlvHeadSize> octets{};
  PEDIGREE_TRY(source.read(offset, octets));
  return Head{u16(octets, 0), u16(octets, 2)};
}

}  // namespace

std::uint32_t read_little_endian(Bytes octets) noexcept {
  std::uint32_t value = 0;
  for (std::size_t i = octets.size(); i-- > 0;) value = (value << 8U) | octets[i];
  return value;
}

void write_little_endian(std::uint32_t value, std::size_t width, Writer& out) noexcept {
  for (std::size_t i = 0; i < width; ++i) out.u8(static_cast<std::uint8_t>(value >> (8U * i)));
}

std::string_view name(TlvType type) noexcept {
  switch (type) {
    case TlvType::key_hash:
      return "KEYHASH";
    case TlvType::public_key:
      return "PUBKEY";
    case TlvType::sha256:
      return "SHA256";
    case TlvType::sha384:
      return "SHA384";
    case TlvType::sha512:
      return "SHA512";
    case TlvType::rsa2048_pss:
      return "RSA2048";
    case TlvType::ecdsa:
      return "ECDSASIG";
    case TlvType::rsa3072_pss:
      return "RSA3072";
    case TlvType::ed25519:
      return "ED25519";
    case TlvType::sig_pure:
      return "SIG_PURE";
    case TlvType::dependency:
      return "DEPENDENCY";
    case TlvType::security_counter:
      return "SEC_CNT";
    case TlvType::boot_record:
      return "BOOT_RECORD";
    case TlvType::vendor_id:
      return "UUID_VID";
    case TlvType::class_id:
      return "UUID_CID";
    case TlvType::chain:
      return "CHAIN";
    case TlvType::lineage:
      return "LINEAGE";
    case TlvType::statement:
      return "STATEMENT";
  }
  return {};
}

void print_version(const Version& version, Writer& out) noexcept {
  print_number(version.major, out);
  out.u8('.');
  print_number(version.minor, out);
  out.u8('.');
  print_number(version.revision, out);
  if (version.build == 0) return;
  out.u8('+');
  print_number(version.build, out);
}

Result<Header> parse_header(std::span<const std::uint8_t, kHeaderSize> octets) noexcept {
  const Bytes in = octets;
  Header header;
  if (u32(in, 0) != kMagic) return fail(ErrorCode::bad_image, 0);
  header.load_address = u32(in, 4);
  header.header_size = u16(in, 8);
  header.protected_size = u16(in, 10);
  header.payload_size = u32(in, 12);
  header.flags = u32(in, 16);
  header.version = {in[20], in[21], u16(in, 22), u32(in, 24)};
  if (header.header_size < kHeaderSize) return fail(ErrorCode::bad_image, 8);
  if (header.payload_size > 0xffffffffU - header.header_size - header.protected_size) {
    return fail(ErrorCode::bad_image, 12);
  }
  if ((header.flags & (kEncryptedAes128 | kEncryptedAes256 | kCompressed)) != 0) {
    return fail(ErrorCode::image_transformed, 16);
  }
  return header;
}

void write_header(const Header& header, Writer& out) noexcept {
  write_little_endian(kMagic, 4, out);
  write_little_endian(header.load_address, 4, out);
  write_little_endian(header.header_size, 2, out);
  write_little_endian(header.protected_size, 2, out);
  write_little_endian(header.payload_size, 4, out);
  write_little_endian(header.flags, 4, out);
  out.u8(header.version.major);
  out.u8(header.version.minor);
  write_little_endian(header.version.revision, 2, out);
  write_little_endian(header.version.build, 4, out);
  write_little_endian(0, 4, out);
}

Result<void> MemorySource::read(std::uint32_t offset, MutableBytes out) const noexcept {
  const Bytes part = octets_.subspan(offset, out.size());
  std::copy(part.begin(), part.end(), out.begin());
  return {};
}

Result<Layout> read_layout(const Source& source) noexcept {
  if (source.size() < kHeaderSize) return fail(ErrorCode::bad_image, 0);
  std::array<std::uint8_t, kHeaderSize> octets{};
  PEDIGREE_TRY(source.read(0, octets));
  Layout layout;
  PEDIGREE_ASSIGN(layout.header, parse_header(octets));
  layout.tlv_start = layout.header.header_size + layout.header.payload_size;
  layout.hashed_size = layout.tlv_start + layout.header.protected_size;
  if (layout.header.protected_size != 0) {
    PEDIGREE_ASSIGN(const Head info, read_head(source, layout.tlv_start, ErrorCode::bad_image));
    if (info.first != kProtectedInfoMagic || info.second != layout.header.protected_size ||
        info.second < kTlvHeadSize) {
      return fail(ErrorCode::bad_image, layout.tlv_start);
    }
  }
  PEDIGREE_ASSIGN(const Head info, read_head(source, layout.hashed_size, ErrorCode::bad_image));
  if (info.first != kTlvInfoMagic || info.second < kTlvHeadSize ||
      info.second > source.size() - layout.hashed_size) {
    return fail(ErrorCode::bad_image, layout.hashed_size);
  }
  layout.end = layout.hashed_size + info.second;
  return layout;
}

Result<std::optional<Tlv>> TlvReader::next() noexcept {
  if (layout_.header.protected_size != 0 && at_ == layout_.hashed_size) at_ += kTlvHeadSize;
  if (at_ == layout_.end) return std::nullopt;
  const bool is_protected = at_ < layout_.hashed_size;
  const std::uint32_t area_end = is_protected ? layout_.hashed_size : layout_.end;
  if (area_end - at_ < kTlvHeadSize) return fail(ErrorCode::bad_tlv, at_);
  PEDIGREE_ASSIGN(const Head head, read_head(source_, at_, ErrorCode::bad_tlv));
  if (head.second > area_end - at_ - kTlvHeadSize) return fail(ErrorCode::bad_tlv, at_);
  // Types that have no name here are values of the type too.
  const auto type = static_cast<TlvType>(head.first);  // NOLINT(clang-analyzer-optin.core.EnumCastOutOfRange)
  const Tlv tlv{type, head.second, at_, is_protected};
  at_ = tlv.value_offset() + tlv.size;
  return tlv;
}

Result<Bytes> read_value(const Source& source, const Tlv& tlv, MutableBytes out) noexcept {
  if (tlv.size > out.size()) return fail(ErrorCode::buffer_too_small, tlv.offset);
  const MutableBytes value = out.first(tlv.size);
  if (const auto done = source.read(tlv.value_offset(), value); !done) {
    return fail(done.error().code, tlv.offset);
  }
  return Bytes(value);
}

Result<Bytes> ImagePieces::next(const crypto::RunningDigest& /*so_far*/) noexcept {
  const Bytes mapped = source_.mapped();
  const std::size_t most = mapped.empty() ? block_.size() : kMappedPiece;
  if (most == 0) return fail(ErrorCode::buffer_too_small);
  const auto size = static_cast<std::uint32_t>(std::min<std::size_t>(most, end_ - at_));
  const std::uint32_t start = at_;
  at_ += size;
  if (!mapped.empty()) return mapped.subspan(start, size);
  PEDIGREE_TRY(source_.read(start, block_.first(size)));
  return Bytes(block_).first(size);
}

}  // namespace pedigree::image
