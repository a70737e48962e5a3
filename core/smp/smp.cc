// SPDX-License-Identifier: Apache-2.0
#include "core/smp/smp.h"

namespace pedigree::smp {
namespace {

Result<std::uint16_t> read_u16(Reader& in) noexcept {
  const std::uint32_t offset = in.offset();
  PEDIGREE_ASSIGN(const std::uint64_t value, cbor::read_uint(in));
  if (value > UINT16_MAX) return fail(ErrorCode::bad_value, offset);
  return static_cast<std::uint16_t>(value);
}

/// {"group": g, "rc": n}, the value of `err` (SMP version 2).
Result<Status> read_group_error(Reader& in) noexcept {
  const std::uint32_t offset = in.offset();
  PEDIGREE_ASSIGN(const std::size_t count, cbor::read_unique_map(in));
  Status status{.from_group = true};
  unsigned seen = 0;
  for (std::size_t i = 0; i < count; ++i) {
    PEDIGREE_ASSIGN(const std::string_view key, cbor::read_tstr(in));
    if (key == "group") {
      PEDIGREE_ASSIGN(status.group, read_u16(in));
      seen |= 1U;
    } else if (key == "rc") {
      PEDIGREE_ASSIGN(status.rc, read_u16(in));
      seen |= 2U;
    } else {
      PEDIGREE_TRY(cbor::skip(in));
    }
  }
  if (seen != 3) return fail(ErrorCode::missing_field, offset);
  return status;
}

}  // namespace

Result<Header> read_header(Reader& in) noexcept {
  if (in.size() < kHeaderSize) return fail(ErrorCode::truncated, in.offset());
  const Bytes octets = in.rest().first(kHeaderSize);
  const unsigned version = octets[0] >> 3U;  // with the reserved bits above it
  const unsigned operation = octets[0] & 0x07U;
  if (version > 1 || operation > 3) return fail(ErrorCode::bad_header, in.offset());
  const Header header{.operation = static_cast<Operation>(operation),
                      .version = static_cast<Version>(version),
                      .flags = octets[1],
                      .length = static_cast<std::uint16_t>(octets[2] << 8U | octets[3]),
                      .group = static_cast<std::uint16_t>(octets[4] << 8U | octets[5]),
                      .sequence = octets[6],
                      .command = octets[7]};
  PEDIGREE_TRY(in.take(kHeaderSize));
  return header;
}

void write_header(const Header& header, Writer& out) noexcept {
  const auto version = static_cast<unsigned>(header.version);
  out.u8(static_cast<std::uint8_t>(version << 3U | static_cast<unsigned>(header.operation)));
  out.u8(header.flags);
  out.big_endian(header.length, 2);
  out.big_endian(header.group, 2);
  out.u8(header.sequence);
  out.u8(header.command);
}

Result<Packet> parse_packet(Bytes data) noexcept {
  Reader in(data);
  Packet packet;
  PEDIGREE_ASSIGN(packet.header, read_header(in));
  PEDIGREE_ASSIGN(packet.payload, in.take(packet.header.length));
  PEDIGREE_TRY(in.finish());
  return packet;
}

void write_packet(Header header, Bytes payload, Writer& out) noexcept {
  header.length = static_cast<std::uint16_t>(payload.size());
  write_header(header, out);
  out.bytes(payload);
}

std::string_view sentence(Rc rc) noexcept {
  switch (rc) {
    case Rc::ok:
      return "the request succeeded";
    case Rc::unknown:
      return "the device failed without naming a reason; its log may tell more";
    case Rc::no_memory:
      return "the device has no memory left for the request; send smaller chunks or retry";
    case Rc::invalid:
      return "the device found the request malformed or a value out of range";
    case Rc::timeout:
      return "an operation inside the device took too long; retry";
    case Rc::not_found:
      return "the device has no such object";
    case Rc::bad_state:
      return "the device is not in the state that the request needs";
    case Rc::too_large:
      return "the request or its answer is larger than the device's buffer; send smaller chunks";
    case Rc::not_supported:
      return "the device does not support this group or command";
    case Rc::corrupt:
      return "the device received damaged data; send it again";
    case Rc::busy:
      return "the device is busy; retry";
    case Rc::access_denied:
      return "the device denies access to this operation";
    case Rc::version_too_old:
      return "the request's protocol version is too old for the device";
    case Rc::version_too_new:
      return "the request's protocol version is too new for the device; use version 1";
  }
  return "the device reports a management error that this version does not know; update it";
}

Result<Status> read_status(Bytes payload) noexcept {
  Reader in(payload);
  PEDIGREE_ASSIGN(const std::size_t count, cbor::read_unique_map(in));
  Status status;
  Status group;
  std::uint16_t why = 0;
  for (std::size_t i = 0; i < count; ++i) {
    PEDIGREE_ASSIGN(const std::string_view key, cbor::read_tstr(in));
    if (key == "rc") {
      PEDIGREE_ASSIGN(status.rc, read_u16(in));
    } else if (key == "why") {
      PEDIGREE_ASSIGN(why, read_u16(in));
    } else if (key == "err") {
      PEDIGREE_ASSIGN(group, read_group_error(in));
    } else {
      PEDIGREE_TRY(cbor::skip(in));
    }
  }
  PEDIGREE_TRY(in.finish());
  if (status.ok() && group.from_group) status = group;
  status.why = why;
  return status;
}

void write_error(Version version, ErrorCode code, Writer& out, std::uint16_t group) noexcept {
  if (version == Version::v1) {
    write_rc(nearest_rc(code), out);
    return;
  }
  cbor::Encoder encoder(out);
  encoder.map(1);
  encoder.tstr("err");
  encoder.map(2);
  encoder.tstr("group");
  encoder.uint(group);
  encoder.tstr("rc");
  encoder.uint(static_cast<std::uint16_t>(code));
}

void write_rc(Rc rc, Writer& out) noexcept {
  cbor::Encoder encoder(out);
  encoder.map(1);
  encoder.tstr("rc");
  encoder.uint(static_cast<std::uint16_t>(rc));
}

Rc nearest_rc(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::buffer_too_small:
    case ErrorCode::too_long:
    case ErrorCode::frame_too_large:
      return Rc::too_large;
    case ErrorCode::slots_full:
    case ErrorCode::storage_full:
      return Rc::no_memory;
    case ErrorCode::slot_not_found:
    case ErrorCode::key_not_found:
    case ErrorCode::not_found:
      return Rc::not_found;
    case ErrorCode::slot_busy:
    case ErrorCode::wrong_state:
    case ErrorCode::wrong_image_state:
    case ErrorCode::rolled_back:
    case ErrorCode::list_rolled_back:
    case ErrorCode::chain_incomplete:
    case ErrorCode::bad_offset:
      return Rc::bad_state;
    case ErrorCode::unknown_command:
    case ErrorCode::unsupported_algorithm:
    case ErrorCode::origin_unsupported:
      return Rc::not_supported;
    case ErrorCode::purpose_forbids:
    case ErrorCode::lifecycle_forbids:
    case ErrorCode::grant_required:
    case ErrorCode::grant_nonce:
    case ErrorCode::grant_expired:
    case ErrorCode::grant_signer_refused:
    case ErrorCode::grant_other_device:
    case ErrorCode::grant_other_operation:
    case ErrorCode::grant_other_slot:
    case ErrorCode::grant_other_key:
      return Rc::access_denied;
    case ErrorCode::bad_digest:
    case ErrorCode::bad_checksum:
    case ErrorCode::storage_corrupt:
    case ErrorCode::image_digest_mismatch:
      return Rc::corrupt;
    case ErrorCode::crypto_failure:
    case ErrorCode::no_entropy:
    case ErrorCode::storage_failure:
    case ErrorCode::communication_failure:
      return Rc::unknown;
    case ErrorCode::timeout:
      return Rc::timeout;
    default:
      return Rc::invalid;
  }
}

}  // namespace pedigree::smp
