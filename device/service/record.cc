// SPDX-License-Identifier: Apache-2.0
#include "device/service/record.h"

namespace pedigree::device {
namespace {

constexpr std::uint32_t kSlotMagic = 0x50445302;  // "PDS", layout 2
constexpr std::uint32_t kRootMagic = 0x50445201;  // "PDR", layout 1
constexpr std::uint8_t kHasActive = 1;
constexpr std::uint8_t kHasPending = 2;
constexpr std::size_t kCrcSize = 4;

/// Writes the fields of a record, or reads the same fields back, so that the layout stands in one place.
class Codec {
 public:
  explicit Codec(Writer& out) noexcept : out_(&out) {}
  explicit Codec(Bytes stored) noexcept : in_(stored) {}

  /// Whether all that was read was allowed, and nothing is left.
  [[nodiscard]] bool finished() const noexcept { return sound_ && in_.empty(); }
  /// Whether there is more to read; always, when writing.
  [[nodiscard]] bool goes_on() const noexcept { return out_ != nullptr || !in_.empty(); }
  void require(bool holds) noexcept { sound_ = sound_ && holds; }

  void octets(MutableBytes field) noexcept {
    if (out_ != nullptr) return out_->bytes(field);
    require(field.size() <= in_.size());
    if (!sound_) return;
    std::copy_n(in_.begin(), field.size(), field.begin());
    in_ = in_.subspan(field.size());
  }

  /// A number that is `first` to `last`; where what was read is not, it is `first`.
  void number(std::uint8_t& field, unsigned first, unsigned last) noexcept {
    octets({&field, 1});
    require(field >= first && field <= last);
    if (!sound_) field = static_cast<std::uint8_t>(first);
  }
  template <typename Enum>
  void enumerator(Enum& field, Enum first, Enum last) noexcept {
    auto value = static_cast<std::uint8_t>(field);
    number(value, static_cast<unsigned>(first), static_cast<unsigned>(last));
    field = static_cast<Enum>(value);
  }

  void flag(bool& field) noexcept {
    std::uint8_t value = field ? 1 : 0;
    number(value, 0, 1);
    field = value == 1;
  }

  void u64(std::uint64_t& field) noexcept {
    auto high = static_cast<std::uint32_t>(field >> 32U);
    auto low = static_cast<std::uint32_t>(field);
    u32(high);
    u32(low);
    field = std::uint64_t{high} << 32U | low;
  }

  void u32(std::uint32_t& field) noexcept {
    std::array<std::uint8_t, 4> big_endian;
    for (std::size_t i = 0; i < 4; ++i) big_endian[i] = static_cast<std::uint8_t>(field >> (24 - 8 * i));
    octets(big_endian);
    field = 0;
    for (const std::uint8_t octet : big_endian) field = field << 8U | octet;
  }

 private:
  Writer* out_ = nullptr;
  Bytes in_;
  bool sound_ = true;
};

void code(KeyRecord& key, Codec& codec) noexcept {
  codec.number(key.bank, 0, kBanks - 1);
  codec.enumerator(key.purpose, enrol::Purpose::iak, enrol::Purpose::data);
  codec.enumerator(key.type, crypto::KeyType::p256, crypto::KeyType::p384);
  codec.enumerator(key.origin, enrol::Origin::generate, enrol::Origin::import);
  codec.number(key.label_size, 0, enrol::kMaxLabel);
  codec.octets(MutableBytes(key.label).first(key.label_size));
  const unsigned public_key_size = key.type == crypto::KeyType::p256 ? 65 : 97;
  codec.number(key.public_key_size, public_key_size, public_key_size);
  codec.octets(MutableBytes(key.public_key).first(key.public_key_size));
  codec.u32(key.chain_size);
  codec.flag(key.chain_digest_known);
  codec.octets(key.chain_sha256);
  codec.number(key.certificates, 0, 23);
}

void code(std::optional<KeyRecord>& key, bool present, Codec& codec) noexcept {
  if (!present) return;
  if (!key) key.emplace();
  code(*key, codec);
}

void code(SlotRecord& record, Codec& codec) noexcept {
  auto present =
      static_cast<std::uint8_t>((record.active ? kHasActive : 0) | (record.pending ? kHasPending : 0));
  codec.number(present, 0, kHasActive | kHasPending);
  codec.u32(record.owner);
  code(record.active, (present & kHasActive) != 0, codec);
  code(record.pending, (present & kHasPending) != 0, codec);
  codec.require(!record.active || !record.pending || record.active->bank != record.pending->bank);
}

void code(RootRecord& record, Codec& codec) noexcept {
  codec.u32(record.spki_size);
  codec.octets(record.spki_sha256);
  if (!codec.goes_on()) return;
  codec.u64(record.seen.time);
  codec.u64(record.seen.signer_since);
  codec.flag(record.closed);
}

template <typename Record>
void write(Record& record, std::uint32_t magic, Writer& out) noexcept {
  Codec codec(out);
  const std::size_t start = out.size();
  codec.u32(magic);
  code(record, codec);
  std::uint32_t crc = crc32(out.written(start));
  codec.u32(crc);
}

/// The content between magic and checksum; empty where either is wrong.
Bytes open(Bytes stored, std::uint32_t magic) noexcept {
  if (stored.size() < 4 + kCrcSize) return {};
  const Bytes content = stored.first(stored.size() - kCrcSize);
  std::uint32_t found_magic = 0;
  std::uint32_t found_crc = 0;
  Codec(stored.first(4)).u32(found_magic);
  Codec(stored.last(kCrcSize)).u32(found_crc);
  return found_magic == magic && found_crc == crc32(content) ? content.subspan(4) : Bytes();
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

// Not inline: it clears all of the record, in every operation.
[[gnu::noinline]] SlotRecord::SlotRecord() noexcept = default;

void encode(SlotRecord record, Writer& out) noexcept {
  write(record, kSlotMagic, out);
}

bool decode(Bytes stored, SlotRecord& record) noexcept {
  Codec codec(open(stored, kSlotMagic));
  record = {};
  code(record, codec);
  return codec.finished();
}

void encode(RootRecord record, Writer& out) noexcept {
  write(record, kRootMagic, out);
}

bool decode(Bytes stored, RootRecord& record) noexcept {
  Codec codec(open(stored, kRootMagic));
  code(record, codec);
  return codec.finished();
}

}  // namespace pedigree::device
