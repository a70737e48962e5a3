// SPDX-License-Identifier: Apache-2.0
#include "device/service/record.h"

namespace pedigree::device {
namespace {

constexpr std::uint32_t kSlotMagic = 0x50445301;  // "PDS", layout 1
constexpr std::uint32_t kRootMagic = 0x50445201;  // "PDR", layout 1
constexpr std::uint8_t kHasActive = 1;
constexpr std::uint8_t kHasPending = 2;
constexpr std::size_t kCrcSize = 4;

void encode_key(const KeyRecord& key, Writer& out) noexcept {
  out.u8(key.bank);
  out.u8(static_cast<std::uint8_t>(key.purpose));
  out.u8(static_cast<std::uint8_t>(key.type));
  out.u8(static_cast<std::uint8_t>(key.origin));
  out.u8(key.label_size);
  out.bytes(key.label_view());
  out.u8(key.public_key_size);
  out.bytes(key.public_key_view());
  out.big_endian(key.chain_size, 4);
  out.u8(key.chain_digest_known ? 1 : 0);
  out.bytes(key.chain_sha256);
  out.u8(key.certificates);
}

std::size_t public_key_size(crypto::KeyType type) noexcept {
  if (type == crypto::KeyType::p256) return 65;
  if (type == crypto::KeyType::p384) return 97;
  return 0;
}

template <typename Enum>
Result<Enum> read_enum(Reader& in, Enum first, Enum last) noexcept {
  PEDIGREE_ASSIGN(const std::uint8_t value, in.u8());
  if (value < static_cast<std::uint8_t>(first) || value > static_cast<std::uint8_t>(last)) {
    return fail(ErrorCode::storage_corrupt);
  }
  return static_cast<Enum>(value);
}

/// Reads a length and that many octets, at most out.size(); returns the length.
Result<std::uint8_t> read_sized(Reader& in, MutableBytes out) noexcept {
  PEDIGREE_ASSIGN(const std::uint8_t size, in.u8());
  if (size > out.size()) return fail(ErrorCode::storage_corrupt);
  PEDIGREE_ASSIGN(const Bytes octets, in.take(size));
  std::ranges::copy(octets, out.begin());
  return size;
}

Result<KeyRecord> decode_key(Reader& in) noexcept {
  KeyRecord key;
  PEDIGREE_ASSIGN(key.bank, in.u8());
  PEDIGREE_ASSIGN(key.purpose, read_enum(in, enrol::Purpose::iak, enrol::Purpose::data));
  PEDIGREE_ASSIGN(key.type, read_enum(in, crypto::KeyType::p256, crypto::KeyType::p384));
  PEDIGREE_ASSIGN(key.origin, read_enum(in, enrol::Origin::generate, enrol::Origin::import));
  PEDIGREE_ASSIGN(key.label_size, read_sized(in, key.label));
  PEDIGREE_ASSIGN(key.public_key_size, read_sized(in, key.public_key));
  PEDIGREE_ASSIGN(const std::uint64_t chain_size, in.big_endian(4));
  key.chain_size = static_cast<std::uint32_t>(chain_size);
  PEDIGREE_ASSIGN(const std::uint8_t digest_known, in.u8());
  key.chain_digest_known = digest_known == 1;
  PEDIGREE_ASSIGN(const Bytes digest, in.take(key.chain_sha256.size()));
  std::ranges::copy(digest, key.chain_sha256.begin());
  PEDIGREE_ASSIGN(key.certificates, in.u8());
  const bool sound = key.bank < kBanks && digest_known <= 1 && key.certificates < 24 &&
                     key.public_key_size == public_key_size(key.type);
  if (!sound) return fail(ErrorCode::storage_corrupt);
  return key;
}

Result<SlotRecord> decode_slot(Reader& in) noexcept {
  PEDIGREE_ASSIGN(const std::uint8_t present, in.u8());
  if (present > (kHasActive | kHasPending)) return fail(ErrorCode::storage_corrupt);
  SlotRecord record;
  if ((present & kHasActive) != 0) {
    PEDIGREE_ASSIGN(record.active, decode_key(in));
  }
  if ((present & kHasPending) != 0) {
    PEDIGREE_ASSIGN(record.pending, decode_key(in));
  }
  if (record.active && record.pending && record.active->bank == record.pending->bank) {
    return fail(ErrorCode::storage_corrupt);
  }
  PEDIGREE_TRY(in.finish());
  return record;
}

/// The content between magic and checksum. Errors: storage_corrupt.
Result<Bytes> open(Bytes stored, std::uint32_t magic) noexcept {
  Reader in(stored);
  if (stored.size() < 4 + kCrcSize) return fail(ErrorCode::storage_corrupt);
  const Bytes content = stored.first(stored.size() - kCrcSize);
  Reader trailer(stored.last(kCrcSize));
  if (in.big_endian(4) != magic || trailer.big_endian(kCrcSize) != crc32(content)) {
    return fail(ErrorCode::storage_corrupt);
  }
  return content.subspan(4);
}

}  // namespace

std::uint32_t crc32(Bytes data) noexcept {
  std::uint32_t crc = 0xffffffff;
  for (const std::uint8_t octet : data) {
    crc ^= octet;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xedb88320U : 0U);
  }
  return ~crc;
}

void encode(const SlotRecord& record, Writer& out) noexcept {
  const std::size_t start = out.size();
  out.big_endian(kSlotMagic, 4);
  out.u8(static_cast<std::uint8_t>((record.active ? kHasActive : 0) | (record.pending ? kHasPending : 0)));
  if (record.active) encode_key(*record.active, out);
  if (record.pending) encode_key(*record.pending, out);
  out.big_endian(crc32(out.written(start)), kCrcSize);
}

Result<SlotRecord> decode_slot_record(Bytes stored) noexcept {
  PEDIGREE_ASSIGN(const Bytes content, open(stored, kSlotMagic));
  Reader in(content);
  auto record = decode_slot(in);
  if (!record) return fail(ErrorCode::storage_corrupt);
  return record;
}

void encode(const RootRecord& record, Writer& out) noexcept {
  const std::size_t start = out.size();
  out.big_endian(kRootMagic, 4);
  out.big_endian(record.spki_size, 4);
  out.bytes(record.spki_sha256);
  out.big_endian(crc32(out.written(start)), kCrcSize);
}

Result<RootRecord> decode_root_record(Bytes stored) noexcept {
  PEDIGREE_ASSIGN(const Bytes content, open(stored, kRootMagic));
  RootRecord record;
  if (content.size() != 4 + record.spki_sha256.size()) return fail(ErrorCode::storage_corrupt);
  Reader in(content);
  record.spki_size = static_cast<std::uint32_t>(in.big_endian(4).value_or(0));
  std::ranges::copy(in.rest(), record.spki_sha256.begin());
  return record;
}

}  // namespace pedigree::device
