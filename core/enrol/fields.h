// SPDX-License-Identifier: Apache-2.0
// One table for each message says what its CBOR map holds; the same table encodes and decodes it. Internal to
// core/enrol.
#pragma once

#include <cstddef>
#include <type_traits>

#include "core/enrol/image_group.h"

namespace pedigree::enrol {

enum class Kind : std::uint8_t {
  u32,               // std::uint32_t
  optional_u32,      // std::optional<std::uint32_t>
  u64,               // std::uint64_t
  boolean,           // bool
  flag,              // bool that is always written, and read as false where it is absent
  optional_boolean,  // std::optional<bool>
  enumerator,        // an enumeration of one octet; `high` has bit n for each allowed n
  text,              // std::string_view of low..high octets
  octets,            // Bytes of low..high octets
  optional_octets,   // std::optional<Bytes> of low..high octets
  device_id,         // Bytes, kDeviceIdSize octets, the first 0x01
  slots,             // SlotsResponse itself: an array of maps of SlotInfo
  images,            // ImageStateResponse itself: an array of maps of ImageEntry
};

/// A field that is not required is written only where it differs from nothing: 0, false, empty.
struct Field {
  char key[10];
  Kind kind;
  bool required;
  std::uint16_t offset;  // of the member in its message
  std::uint16_t low = 0;
  std::uint16_t high = 0;
};

/// Writes `message`, an object of the type that `fields` describes, as a map.
void write_fields(const void* message, std::span<const Field> fields, Writer& out) noexcept;
/// Reads a map into `message`. Errors: those of cbor::read_unique_map, missing_field (offset of the map),
/// bad_value.
Result<void> read_fields(void* message, std::span<const Field> fields, Reader& in) noexcept;
/// The same for a map that fills `payload`. Errors also: trailing_data.
Result<void> read_message(void* message, std::span<const Field> fields, Bytes payload) noexcept;

/// Bits of an enumeration's values, for Field::high.
template <typename... Values>
constexpr std::uint16_t allowed(Values... values) noexcept {
  return static_cast<std::uint16_t>(((1U << static_cast<unsigned>(values)) | ...));
}

/// What enumerators may be in messages, and a length bounded only by the payload.
inline constexpr std::uint16_t kPurposes =
    allowed(Purpose::iak, Purpose::idevid, Purpose::tls, Purpose::data);
inline constexpr std::uint16_t kOrigins =
    allowed(Origin::generate, Origin::derive, Origin::builtin, Origin::import);
inline constexpr std::uint16_t kKeyTypes =
    allowed(crypto::KeyType::p256, crypto::KeyType::p384, crypto::KeyType::ed25519, crypto::KeyType::rsa2048,
            crypto::KeyType::rsa3072, crypto::KeyType::rsa4096);
inline constexpr std::uint16_t kNoLimit = 0xffff;

}  // namespace pedigree::enrol

// NOLINTBEGIN(cppcoreguidelines-macro-usage): offsetof and a pair of functions for each message
#define PEDIGREE_FIELD(message, member, key, kind, required, ...)                   \
  Field {                                                                           \
    key, Kind::kind, required, offsetof(message, member) __VA_OPT__(, ) __VA_ARGS__ \
  }
/// Defines encode and decode of a message by its table.
#define PEDIGREE_MESSAGE(Message, table)                                  \
  static_assert(std::is_standard_layout_v<Message>, "offsetof needs it"); \
  void encode(const Message& m, Writer& out) noexcept {                   \
    write_fields(&m, table, out);                                         \
  }                                                                       \
  template <>                                                             \
  Result<Message> decode<Message>(Bytes payload) noexcept {               \
    Message m;                                                            \
    PEDIGREE_TRY(read_message(&m, table, payload));                       \
    return m;                                                             \
  }
// NOLINTEND(cppcoreguidelines-macro-usage)
