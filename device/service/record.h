// SPDX-License-Identifier: Apache-2.0
// The stored records: one for each slot, which names its keys and chain parts, and one for the pinned root
// and what grants have told.
// A record is one storage asset, so that setting it is one atomic step; its last four octets are a CRC-32.
#pragma once

#include <optional>

#include "core/bytes/writer.h"
#include "core/grant/grant.h"

namespace pedigree::device {

/// An uncompressed P-384 point.
inline constexpr std::size_t kMaxPublicKey = 97;
/// A slot has two banks, each with room for a key and a chain: the active key is in one, a pending one in the
/// other.
inline constexpr std::uint8_t kBanks = 2;

/// A key and the chain that belongs to it.
struct KeyRecord {
  std::uint8_t bank = 0;
  enrol::Purpose purpose{};
  crypto::KeyType type{};
  enrol::Origin origin{};
  std::uint8_t label_size = 0;
  std::uint8_t public_key_size = 0;
  std::array<std::uint8_t, enrol::kMaxLabel> label{};
  std::array<std::uint8_t, kMaxPublicKey> public_key{};  ///< form of crypto::PublicKey
  /// Octets and SHA-256 of the chain: announced for a pending key (0: no transfer began), committed for an
  /// active one. The digest of a pending key's chain may be unknown.
  std::uint32_t chain_size = 0;
  bool chain_digest_known = false;
  Sha256 chain_sha256{};
  /// Certificates of the committed chain; its array head is made from this, because the head that was
  /// received may have counted a root that is not kept.
  std::uint8_t certificates = 0;

  [[nodiscard]] Bytes label_view() const noexcept { return Bytes(label).first(label_size); }
  [[nodiscard]] Bytes public_key_view() const noexcept { return Bytes(public_key).first(public_key_size); }
};

/// What is stored of a slot besides its chains: the keys it holds; neither: the slot is empty.
struct SlotRecord {
  SlotRecord() noexcept;  ///< empty
  SlotRecord(const KeyRecord& active_key, const KeyRecord& pending_key) noexcept
      : active(active_key), pending(pending_key) {}
  std::optional<KeyRecord> active;
  std::optional<KeyRecord> pending;
  /// Who may use and end the keys: a secure partition's client id, or 0: the non-secure side.
  std::uint32_t owner = 0;
};

/// Octets of the largest encoded SlotRecord; it must fit an asset of 512.
inline constexpr std::size_t kMaxSlotRecord = 8 + 2 * (1 + 6 + enrol::kMaxLabel + kMaxPublicKey + 38) + 4;
static_assert(kMaxSlotRecord <= 512);

void encode(SlotRecord record, Writer& out) noexcept;
/// Reads a record that fills `stored`. False, whatever is wrong with it; `record` is then unspecified.
[[nodiscard]] bool decode(Bytes stored, SlotRecord& record) noexcept;

/// The pinned root: its key is stored in parts beside this record, unless a grant has pinned it by its hash
/// alone; its size is then 0. And what the grants by its delegates have told.
struct RootRecord {
  std::uint32_t spki_size = 0;
  Sha256 spki_sha256{};
  // Not in a record that was written before there were grants.
  grant::Seen seen;
  bool closed = false;  ///< a grant has ended the device
};
inline constexpr std::size_t kMaxRootRecord = 4 + 4 + 32 + 8 + 8 + 1 + 4;
void encode(RootRecord record, Writer& out) noexcept;
[[nodiscard]] bool decode(Bytes stored, RootRecord& record) noexcept;

/// CRC-32 (ISO 3309; polynomial 0xedb88320 reflected).
[[nodiscard]] std::uint32_t crc32(Bytes data) noexcept;

}  // namespace pedigree::device
