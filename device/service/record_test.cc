// SPDX-License-Identifier: Apache-2.0
#include "device/service/record.h"

#include <gtest/gtest.h>

#include <vector>

namespace pedigree::device {
namespace {

KeyRecord sample_key(std::uint8_t bank, crypto::KeyType type) {
  KeyRecord key;
  key.bank = bank;
  key.purpose = enrol::Purpose::tls;
  key.type = type;
  key.origin = enrol::Origin::derive;
  key.label_size = 32;
  key.label.fill(0x41);
  key.public_key_size = type == crypto::KeyType::p256 ? 65 : 97;
  key.public_key.fill(bank == 0 ? 0x11 : 0x22);
  key.chain_size = 1234;
  key.chain_digest_known = true;
  key.chain_sha256.fill(0x33);
  key.certificates = 2;
  return key;
}

std::vector<std::uint8_t> encoded(const SlotRecord& record) {
  std::vector<std::uint8_t> buffer(kMaxSlotRecord);
  Writer out(buffer);
  encode(record, out);
  EXPECT_TRUE(out.fits());
  buffer.resize(out.size());
  return buffer;
}

template <typename Record>
std::optional<Record> decoded(Bytes stored) {
  Record record;
  if (!decode(stored, record)) return std::nullopt;
  return record;
}

SlotRecord full_record() {
  return {sample_key(0, crypto::KeyType::p256), sample_key(1, crypto::KeyType::p384)};
}

/// Sets the checksum right again, so that what stands before it is judged.
void seal(std::vector<std::uint8_t>& stored) {
  const std::size_t content = stored.size() - 4;
  Writer trailer(MutableBytes(stored).subspan(content));
  trailer.big_endian(crc32(Bytes(stored).first(content)), 4);
}

TEST(SlotRecord, TheLargestFitsAnAssetOf512Octets) {
  EXPECT_LE(encoded({sample_key(0, crypto::KeyType::p384), sample_key(1, crypto::KeyType::p384)}).size(),
            kMaxSlotRecord);
}

TEST(SlotRecord, ComesBackAsItWas) {
  const std::vector<std::uint8_t> stored = encoded(full_record());
  const auto record = decoded<SlotRecord>(stored);
  ASSERT_TRUE(record.has_value());
  ASSERT_TRUE(record->active && record->pending);
  EXPECT_EQ(record->active->bank, 0);
  EXPECT_EQ(record->pending->type, crypto::KeyType::p384);
  EXPECT_EQ(record->active->chain_size, 1234U);
  EXPECT_EQ(encoded(*record), stored);
  SlotRecord owned = full_record();
  owned.owner = 0x1ff;
  EXPECT_EQ(decoded<SlotRecord>(encoded(owned))->owner, 0x1ffU);
}

TEST(SlotRecord, EveryDamagedBitIsNoticed) {
  const std::vector<std::uint8_t> stored = encoded(full_record());
  for (std::size_t bit = 0; bit < 8 * stored.size(); ++bit) {
    std::vector<std::uint8_t> damaged = stored;
    damaged[bit / 8] = static_cast<std::uint8_t>(damaged[bit / 8] ^ (1U << (bit % 8)));
    EXPECT_FALSE(decoded<SlotRecord>(damaged).has_value()) << bit;
  }
}

TEST(SlotRecord, EveryTruncationAndExtensionIsNoticed) {
  std::vector<std::uint8_t> stored = encoded(full_record());
  for (std::size_t size = 0; size < stored.size(); ++size) {
    EXPECT_FALSE(decoded<SlotRecord>(Bytes(stored).first(size)).has_value()) << size;
  }
  stored.insert(stored.end() - 4, 0);
  seal(stored);
  EXPECT_FALSE(decoded<SlotRecord>(stored).has_value());
}

TEST(SlotRecord, RefusesWhatNoServiceWrites) {
  const std::vector<std::uint8_t> stored = encoded(full_record());
  // Offsets: 4 present, 5 owner, 9 bank, 10 purpose, 11 type, 12 origin, 13 label size.
  const std::pair<std::size_t, std::uint8_t> cases[] = {{4, 4},  {9, 2},  {10, 0}, {10, 5},  {11, 0},
                                                        {11, 3}, {12, 0}, {12, 5}, {13, 33}, {9, 1}};
  for (const auto& [offset, value] : cases) {
    std::vector<std::uint8_t> changed = stored;
    changed[offset] = value;
    seal(changed);
    EXPECT_FALSE(decoded<SlotRecord>(changed).has_value()) << offset << " = " << int{value};
  }
}

TEST(RootRecord, ComesBackAndNoticesDamage) {
  RootRecord root;
  root.spki_size = 550;
  root.spki_sha256.fill(0x5a);
  std::vector<std::uint8_t> stored(kMaxRootRecord);
  Writer out(stored);
  encode(root, out);
  ASSERT_EQ(out.size(), stored.size());
  const auto back = decoded<RootRecord>(stored);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->spki_size, 550U);
  EXPECT_EQ(back->spki_sha256, root.spki_sha256);
  for (std::size_t i = 0; i < stored.size(); ++i) {
    std::vector<std::uint8_t> damaged = stored;
    damaged[i] ^= 0x80;
    EXPECT_FALSE(decoded<RootRecord>(damaged).has_value()) << i;
    EXPECT_FALSE(decoded<RootRecord>(Bytes(stored).first(i)).has_value()) << i;
  }
}

TEST(Crc32, MatchesTheStandardCheckValue) {
  EXPECT_EQ(crc32(as_bytes("123456789")), 0xcbf43926U);
}

}  // namespace
}  // namespace pedigree::device
