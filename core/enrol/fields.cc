// SPDX-License-Identifier: Apache-2.0
#include "core/enrol/fields.h"

namespace pedigree::enrol {
namespace {

constexpr Field kSlotInfoFields[] = {
    PEDIGREE_FIELD(SlotInfo, slot, "slot", u32, true),
    PEDIGREE_FIELD(SlotInfo, purpose, "use", enumerator, true, 0, kPurposes),
    PEDIGREE_FIELD(SlotInfo, type, "alg", enumerator, true, 0, kKeyTypes),
    PEDIGREE_FIELD(SlotInfo, state, "st", enumerator, true, 0,
                   allowed(SlotState::empty, SlotState::pending, SlotState::active, SlotState::replacing)),
    PEDIGREE_FIELD(SlotInfo, origin, "orig", enumerator, true, 0, kOrigins),
    PEDIGREE_FIELD(SlotInfo, spki_sha256, "key", octets, false, 32, 32),
    PEDIGREE_FIELD(SlotInfo, chain_size, "len", u32, false),
    PEDIGREE_FIELD(SlotInfo, chain_sha256, "sha", optional_octets, false, 32, 32),
    PEDIGREE_FIELD(SlotInfo, staged, "off", u32, false),
};
static_assert(std::is_standard_layout_v<SlotInfo>);

constexpr Field kImageEntryFields[] = {
    PEDIGREE_FIELD(ImageEntry, image, "image", u32, false),
    PEDIGREE_FIELD(ImageEntry, slot, "slot", u32, true),
    PEDIGREE_FIELD(ImageEntry, version, "version", text, true, 0, kMaxImageVersion),
    PEDIGREE_FIELD(ImageEntry, hash, "hash", octets, false, 1, kMaxImageHash),
    PEDIGREE_FIELD(ImageEntry, bootable, "bootable", flag, false),
    PEDIGREE_FIELD(ImageEntry, pending, "pending", flag, false),
    PEDIGREE_FIELD(ImageEntry, confirmed, "confirmed", flag, false),
    PEDIGREE_FIELD(ImageEntry, active, "active", flag, false),
    PEDIGREE_FIELD(ImageEntry, permanent, "permanent", flag, false),
    PEDIGREE_FIELD(ImageEntry, refused, "refused", u32, false),
    PEDIGREE_FIELD(ImageEntry, signer, "signer", octets, false, 32, 32),
    PEDIGREE_FIELD(ImageEntry, counter, "counter", optional_u32, false),
};
static_assert(std::is_standard_layout_v<ImageEntry>);

template <typename Member>
const Member& get(const void* message, const Field& field) noexcept {
  return *reinterpret_cast<const Member*>(static_cast<const std::byte*>(message) + field.offset);
}

template <typename Member>
Member& get(void* message, const Field& field) noexcept {
  return *reinterpret_cast<Member*>(static_cast<std::byte*>(message) + field.offset);
}

/// Whether there is something to write.
bool is_present(const void* message, const Field& field) noexcept {
  if (field.required) return true;
  switch (field.kind) {
    case Kind::u32:
      return get<std::uint32_t>(message, field) != 0;
    case Kind::optional_u32:
      return get<std::optional<std::uint32_t>>(message, field).has_value();
    case Kind::u64:
      return get<std::uint64_t>(message, field) != 0;
    case Kind::boolean:
      return get<bool>(message, field);
    case Kind::optional_boolean:
      return get<std::optional<bool>>(message, field).has_value();
    case Kind::text:
      return !get<std::string_view>(message, field).empty();
    case Kind::octets:
      return !get<Bytes>(message, field).empty();
    case Kind::optional_octets:
      return get<std::optional<Bytes>>(message, field).has_value();
    default:
      return true;
  }
}

void write_slots(const SlotsResponse& slots, cbor::Encoder& out) noexcept {
  out.array(slots.count);
  for (std::size_t i = 0; i < slots.count; ++i) write_fields(&slots.slots[i], kSlotInfoFields, out.writer());
}

void write_images(const ImageStateResponse& state, cbor::Encoder& out) noexcept {
  out.array(state.count);
  for (std::size_t i = 0; i < state.count; ++i) {
    write_fields(&state.images[i], kImageEntryFields, out.writer());
  }
}

void write_value(const void* message, const Field& field, cbor::Encoder& out) noexcept {
  switch (field.kind) {
    case Kind::u32:
      return out.uint(get<std::uint32_t>(message, field));
    case Kind::optional_u32:
      return out.uint(*get<std::optional<std::uint32_t>>(message, field));
    case Kind::u64:
      return out.uint(get<std::uint64_t>(message, field));
    case Kind::boolean:
    case Kind::flag:
      return out.boolean(get<bool>(message, field));
    case Kind::optional_boolean:
      return out.boolean(*get<std::optional<bool>>(message, field));
    case Kind::enumerator:
      return out.uint(get<std::uint8_t>(message, field));
    case Kind::text:
      return out.tstr(get<std::string_view>(message, field));
    case Kind::octets:
    case Kind::device_id:
      return out.bstr(get<Bytes>(message, field));
    case Kind::optional_octets:
      return out.bstr(*get<std::optional<Bytes>>(message, field));
    case Kind::slots:
      return write_slots(*static_cast<const SlotsResponse*>(message), out);
    case Kind::images:
      return write_images(*static_cast<const ImageStateResponse*>(message), out);
  }
}

Result<std::uint32_t> read_u32(Reader& in) noexcept {
  const std::uint32_t offset = in.offset();
  PEDIGREE_ASSIGN(const std::uint64_t value, cbor::read_uint(in));
  if (value > UINT32_MAX) return fail(ErrorCode::bad_value, offset);
  return static_cast<std::uint32_t>(value);
}

Result<std::uint8_t> read_enumerator(Reader& in, std::uint16_t allowed_bits) noexcept {
  const std::uint32_t offset = in.offset();
  PEDIGREE_ASSIGN(const std::uint64_t value, cbor::read_uint(in));
  if (value > 15 || ((allowed_bits >> value) & 1U) == 0) return fail(ErrorCode::bad_value, offset);
  return static_cast<std::uint8_t>(value);
}

Result<Bytes> read_octets(Reader& in, const Field& field) noexcept {
  const std::uint32_t offset = in.offset();
  Bytes value;
  if (field.kind == Kind::text) {
    PEDIGREE_ASSIGN(const std::string_view text, cbor::read_tstr(in));
    value = as_bytes(text);
  } else {
    PEDIGREE_ASSIGN(value, cbor::read_bstr(in));
  }
  const bool is_id = field.kind == Kind::device_id;
  if (value.size() < field.low || value.size() > field.high || (is_id && value[0] != 0x01)) {
    return fail(ErrorCode::bad_value, offset);
  }
  return value;
}

Result<void> read_slots(SlotsResponse& slots, Reader& in) noexcept {
  const std::uint32_t offset = in.offset();
  PEDIGREE_ASSIGN(const std::size_t count, cbor::read_array(in));
  if (count > kMaxSlots) return fail(ErrorCode::too_many, offset);
  for (std::size_t i = 0; i < count; ++i) PEDIGREE_TRY(read_fields(&slots.slots[i], kSlotInfoFields, in));
  slots.count = count;
  return {};
}

Result<void> read_images(ImageStateResponse& state, Reader& in) noexcept {
  const std::uint32_t offset = in.offset();
  PEDIGREE_ASSIGN(const std::size_t count, cbor::read_array(in));
  if (count > kMaxImageEntries) return fail(ErrorCode::too_many, offset);
  for (std::size_t i = 0; i < count; ++i) {
    PEDIGREE_TRY(read_fields(&state.images[i], kImageEntryFields, in));
  }
  state.count = count;
  return {};
}

Result<void> read_value(void* message, const Field& field, Reader& in) noexcept {
  switch (field.kind) {
    case Kind::u32: {
      PEDIGREE_ASSIGN(get<std::uint32_t>(message, field), read_u32(in));
      return {};
    }
    case Kind::optional_u32: {
      PEDIGREE_ASSIGN(get<std::optional<std::uint32_t>>(message, field), read_u32(in));
      return {};
    }
    case Kind::u64: {
      PEDIGREE_ASSIGN(get<std::uint64_t>(message, field), cbor::read_uint(in));
      return {};
    }
    case Kind::boolean:
    case Kind::flag: {
      PEDIGREE_ASSIGN(get<bool>(message, field), cbor::read_bool(in));
      return {};
    }
    case Kind::optional_boolean: {
      PEDIGREE_ASSIGN(get<std::optional<bool>>(message, field), cbor::read_bool(in));
      return {};
    }
    case Kind::enumerator: {
      PEDIGREE_ASSIGN(get<std::uint8_t>(message, field), read_enumerator(in, field.high));
      return {};
    }
    case Kind::slots:
      return read_slots(*static_cast<SlotsResponse*>(message), in);
    case Kind::images:
      return read_images(*static_cast<ImageStateResponse*>(message), in);
    default:
      break;
  }
  PEDIGREE_ASSIGN(const Bytes value, read_octets(in, field));
  if (field.kind == Kind::text) {
    get<std::string_view>(message, field) = as_text(value);
  } else if (field.kind == Kind::optional_octets) {
    get<std::optional<Bytes>>(message, field) = value;
  } else {
    get<Bytes>(message, field) = value;
  }
  return {};
}

}  // namespace

void write_fields(const void* message, std::span<const Field> fields, Writer& out) noexcept {
  std::size_t count = 0;
  for (const Field& field : fields) count += std::size_t{is_present(message, field)};
  cbor::Encoder encoder(out);
  encoder.map(count);
  for (const Field& field : fields) {
    if (!is_present(message, field)) continue;
    encoder.tstr(field.key);
    write_value(message, field, encoder);
  }
}

Result<void> read_fields(void* message, std::span<const Field> fields, Reader& in) noexcept {
  const std::uint32_t offset = in.offset();
  PEDIGREE_ASSIGN(const std::size_t count, cbor::read_unique_map(in));
  std::uint32_t seen = 0;
  for (std::size_t i = 0; i < count; ++i) {
    PEDIGREE_ASSIGN(const std::string_view key, cbor::read_tstr(in));
    std::size_t n = 0;
    while (n < fields.size() && key != fields[n].key) ++n;
    if (n == fields.size()) {
      PEDIGREE_TRY(cbor::skip(in));
    } else {
      PEDIGREE_TRY(read_value(message, fields[n], in));
      seen |= 1U << n;
    }
  }
  for (std::size_t n = 0; n < fields.size(); ++n) {
    if (fields[n].required && ((seen >> n) & 1U) == 0) return fail(ErrorCode::missing_field, offset);
  }
  return {};
}

Result<void> read_message(void* message, std::span<const Field> fields, Bytes payload) noexcept {
  Reader in(payload);
  PEDIGREE_TRY(read_fields(message, fields, in));
  return in.finish();
}

}  // namespace pedigree::enrol
