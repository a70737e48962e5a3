// SPDX-License-Identifier: Apache-2.0
#include "device/server/server.h"

#include "device/server/image_group.h"

namespace pedigree::device {
namespace {

/// The text under `key` in a request map; empty if absent. Errors: those of cbor, duplicate.
Result<std::optional<std::string_view>> find_text(Bytes payload, std::string_view key) noexcept {
  Reader in(payload);
  std::optional<std::string_view> found;
  PEDIGREE_ASSIGN(std::size_t pairs, cbor::read_map(in));
  for (; pairs > 0; --pairs) {
    PEDIGREE_ASSIGN(const std::string_view name, cbor::read_tstr(in));
    if (name != key) {
      PEDIGREE_TRY(cbor::skip(in));
      continue;
    }
    if (found) return fail(ErrorCode::duplicate, in.offset());
    PEDIGREE_ASSIGN(found, cbor::read_tstr(in));
  }
  PEDIGREE_TRY(in.finish());
  return found;
}

void write_text_map(std::string_view key, std::string_view value, Writer& out) noexcept {
  cbor::Encoder encoder(out);
  encoder.map(1);
  encoder.tstr(key);
  encoder.tstr(value);
}

/// {"d": text} -> {"r": text}
Result<void> echo(Bytes payload, Writer& out) noexcept {
  PEDIGREE_ASSIGN(const auto text, find_text(payload, "d"));
  if (!text) return fail(ErrorCode::missing_field);
  write_text_map("r", *text, out);
  return {};
}

/// Errors of SMP itself are an rc in both versions; those of our group and of the image group carry the
/// group.
void write_failure(const smp::Header& header, std::uint16_t pedigree_group, ErrorCode code,
                   const ImageNotes& notes, Writer& out) noexcept {
  if (header.group == pedigree_group) {
    smp::write_error(header.version, code, out, pedigree_group);
  } else if (header.group == enrol::kImageGroup) {
    write_image_failure(header, code, notes, out);
  } else {
    smp::write_rc(smp::nearest_rc(code), out);
  }
}

}  // namespace

Bytes Server::handle(Bytes request, MutableBytes response) noexcept {
  Reader in(request);
  const Result<smp::Header> header = smp::read_header(in);
  if (!header || response.size() < smp::kHeaderSize + 32) return {};
  const bool read = header->operation == smp::Operation::read;
  if (!read && header->operation != smp::Operation::write) return {};

  const MutableBytes body = response.subspan(smp::kHeaderSize);
  Writer out(body);
  const Result<smp::Packet> packet = smp::parse_packet(request);
  ImageNotes notes;
  Result<void> result = packet ? serve(*packet, body.size(), notes, out) : std::unexpected(packet.error());
  if (result && !out.fits()) result = fail(ErrorCode::buffer_too_small);
  if (!result) {
    out = Writer(body);
    write_failure(*header, options_.group, result.error().code, notes, out);
  }
  smp::Header answer = *header;
  answer.operation = read ? smp::Operation::read_response : smp::Operation::write_response;
  answer.flags = 0;
  answer.length = static_cast<std::uint16_t>(out.size());
  Writer head(response);
  smp::write_header(answer, head);
  return Bytes(response).first(smp::kHeaderSize + out.size());
}

bool Server::take_reset() noexcept {
  const bool asked = reset_;
  reset_ = false;
  return asked;
}

Result<void> Server::serve(const smp::Packet& request, std::size_t room, ImageNotes& notes,
                           Writer& out) noexcept {
  if (request.header.group == smp::kOsGroup) return os_group(request, out);
  if (request.header.group == enrol::kImageGroup) return serve_image_group(service_, request, notes, out);
  if (request.header.group == options_.group) {
    return serve_pedigree_group(service_, request, scratch_, room, receipt_, out);
  }
  return fail(ErrorCode::unknown_command);
}

Result<void> Server::os_group(const smp::Packet& request, Writer& out) noexcept {
  cbor::Encoder encoder(out);
  switch (static_cast<smp::OsCommand>(request.header.command)) {
    case smp::OsCommand::echo:
      return echo(request.payload, out);
    case smp::OsCommand::reset:
      if (request.header.operation != smp::Operation::write) return fail(ErrorCode::unknown_command);
      reset_ = true;
      encoder.map(0);
      return {};
    case smp::OsCommand::parameters:
      encoder.map(2);
      encoder.tstr("buf_size");
      encoder.uint(options_.buffer_size);
      encoder.tstr("buf_count");
      encoder.uint(options_.buffer_count);
      return {};
    case smp::OsCommand::info:
      return os_info(request.payload, out);
    case smp::OsCommand::bootloader_info:
      return bootloader_info(request.payload, out);
  }
  return fail(ErrorCode::unknown_command);
}

/// {"format": letters of s (system), i (machine), a (both)} -> {"output": the parts, separated by spaces};
/// "s" if absent.
Result<void> Server::os_info(Bytes payload, Writer& out) const noexcept {
  PEDIGREE_ASSIGN(const auto format, find_text(payload, "format"));
  std::array<std::uint8_t, 128> buffer;
  Writer text(buffer);
  const auto append = [&text](std::string_view part) {
    if (text.size() > 0) text.u8(' ');
    text.bytes(as_bytes(part));
  };
  for (const char letter : format.value_or("s")) {
    if (letter != 's' && letter != 'i' && letter != 'a') return fail(ErrorCode::bad_value);
    if (letter != 'i') append(options_.os_name);
    if (letter != 's') append(options_.machine);
  }
  PEDIGREE_ASSIGN(const Bytes output, text.finish());
  write_text_map("output", as_text(output), out);
  return {};
}

/// {} -> {"bootloader": name}. A query asks for one further property, and we have none.
Result<void> Server::bootloader_info(Bytes payload, Writer& out) const noexcept {
  PEDIGREE_ASSIGN(const auto query, find_text(payload, "query"));
  if (query) return fail(ErrorCode::not_found);
  write_text_map("bootloader", options_.bootloader, out);
  return {};
}

}  // namespace pedigree::device
