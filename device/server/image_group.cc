// SPDX-License-Identifier: Apache-2.0
// mcumgr's image group: each command is one decode, one call of the service, one encode.
#include "device/server/image_group.h"

#include "core/firmware_image/image.h"
#include "device/server/result.h"
#include "pedigree/update.h"

namespace pedigree::device {
namespace {

using enrol::ImageCommand;

/// Slots as the service tells them, and the texts of their versions, which the answer borrows.
struct States {
  std::array<pedigree_image_state_t, PEDIGREE_MAX_IMAGE_STATES> slots{};
  std::size_t count = 0;
  std::array<std::array<std::uint8_t, enrol::kMaxImageVersion>, PEDIGREE_MAX_IMAGE_STATES> texts{};
};

image::Version version_of(const pedigree_image_state_t& slot) noexcept {
  return {slot.major, slot.minor, slot.revision, slot.build};
}

/// As Zephyr prints it: "1.2.3", or "1.2.3.4" with a build number.
std::string_view print(const image::Version& version, MutableBytes text) noexcept {
  Writer out(text);
  image::print_version(version, out);
  const Bytes written = out.written();
  std::replace(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(written.size()), std::uint8_t{'+'},
               std::uint8_t{'.'});
  return as_text(written);
}

bool is_zero(Bytes octets) noexcept {
  return std::all_of(octets.begin(), octets.end(), [](std::uint8_t octet) { return octet == 0; });
}

enrol::ImageEntry entry_of(const pedigree_image_state_t& slot, MutableBytes text, bool extended) noexcept {
  enrol::ImageEntry entry;
  const auto has = [&slot](std::uint32_t flag) { return (slot.flags & flag) != 0; };
  entry.image = slot.image;
  entry.slot = slot.slot;
  entry.version = print(version_of(slot), text);
  entry.hash = Bytes(slot.digest).first(std::min<std::size_t>(slot.digest_size, sizeof slot.digest));
  entry.bootable = has(PEDIGREE_IMAGE_BOOTABLE);
  entry.pending = has(PEDIGREE_IMAGE_PENDING);
  entry.confirmed = has(PEDIGREE_IMAGE_CONFIRMED);
  entry.active = has(PEDIGREE_IMAGE_ACTIVE);
  entry.permanent = has(PEDIGREE_IMAGE_PERMANENT);
  if (!extended) return entry;
  entry.refused = slot.refused;
  if (!is_zero(slot.signer)) entry.signer = slot.signer;
  if (has(PEDIGREE_IMAGE_COUNTER)) entry.counter = slot.security_counter;
  return entry;
}

Result<void> read_states(psa_handle_t service, States& states) noexcept {
  return as_result(pedigree_image_state(service, states.slots.data(), &states.count));
}

Result<void> write_state(psa_handle_t service, bool extended, Writer& out) noexcept {
  States states;
  PEDIGREE_TRY(read_states(service, states));
  enrol::ImageStateResponse response;
  response.count = states.count;
  for (std::size_t i = 0; i < states.count; ++i) {
    response.images[i] = entry_of(states.slots[i], states.texts[i], extended);
  }
  enrol::encode(response, out);
  return {};
}

Result<void> state_read(psa_handle_t service, Bytes payload, ImageNotes& notes, Writer& out) noexcept {
  // Zephyr's server does not look at the payload; some clients send none.
  if (!payload.empty()) {
    PEDIGREE_ASSIGN(const auto message, enrol::decode<enrol::ImageStateRead>(payload));
    notes.extended = message.extended;
  }
  return write_state(service, notes.extended, out);
}

Result<void> state_write(psa_handle_t service, Bytes payload, ImageNotes& notes, Writer& out) noexcept {
  PEDIGREE_ASSIGN(const auto message, enrol::decode<enrol::ImageStateWrite>(payload));
  notes.extended = message.extended;
  notes.confirm = message.confirm;
  if (message.confirm) {
    PEDIGREE_TRY(as_result(pedigree_image_confirm(service, message.hash.data(), message.hash.size())));
  } else {
    if (message.hash.empty()) return fail(ErrorCode::missing_field);
    PEDIGREE_TRY(as_result(pedigree_image_test(service, message.hash.data(), message.hash.size())));
  }
  return write_state(service, notes.extended, out);
}

/// An upgrade only: the first part must begin with the header of a newer image than the one that runs.
Result<void> check_upgrade(psa_handle_t service, Bytes first_part) noexcept {
  if (first_part.size() < image::kHeaderSize) return fail(ErrorCode::bad_image);
  PEDIGREE_ASSIGN(const auto header, image::parse_header(first_part.first<image::kHeaderSize>()));
  States states;
  PEDIGREE_TRY(read_states(service, states));
  for (std::size_t i = 0; i < states.count; ++i) {
    const pedigree_image_state_t& slot = states.slots[i];
    const bool runs = slot.image == PEDIGREE_IMAGE_NONSECURE && (slot.flags & PEDIGREE_IMAGE_ACTIVE) != 0;
    if (runs && header.version <= version_of(slot)) return fail(ErrorCode::rolled_back);
  }
  return {};
}

Result<void> upload(psa_handle_t service, Bytes payload, ImageNotes& notes, Writer& out) noexcept {
  PEDIGREE_ASSIGN(const auto message, enrol::decode<enrol::ImageUploadRequest>(payload));
  notes.extended = message.extended;
  if (message.offset == 0 && message.upgrade) PEDIGREE_TRY(check_upgrade(service, message.data));
  pedigree_image_write_request_t request{};
  request.image = message.image;
  request.offset = message.offset;
  request.total = message.total.value_or(0);
  // A shorter one, as some clients send, says too little to resume by.
  if (message.sha256.size() == sizeof request.sha256) {
    request.has_sha = 1;
    std::copy(message.sha256.begin(), message.sha256.end(), request.sha256);
  }
  pedigree_image_written_t written{};
  PEDIGREE_TRY(
      as_result(pedigree_image_write(service, &request, message.data.data(), message.data.size(), &written)));
  enrol::ImageUploadResponse response;
  response.offset = written.next;
  if (written.complete != 0) response.match = true;
  enrol::encode(response, out);
  return {};
}

Result<void> erase(psa_handle_t service, Bytes payload, ImageNotes& notes, Writer& out) noexcept {
  std::uint32_t slot = PEDIGREE_IMAGE_UPLOAD_SLOT;
  if (!payload.empty()) {
    PEDIGREE_ASSIGN(const auto message, enrol::decode<enrol::ImageEraseRequest>(payload));
    notes.extended = message.extended;
    slot = message.slot.value_or(slot);
  }
  PEDIGREE_TRY(as_result(pedigree_image_erase(service, slot)));
  cbor::Encoder(out).map(0);
  return {};
}

}  // namespace

Result<void> serve_image_group(psa_handle_t service, const smp::Packet& request, ImageNotes& notes,
                               Writer& out) noexcept {
  const bool read = request.header.operation == smp::Operation::read;
  switch (static_cast<ImageCommand>(request.header.command)) {
    case ImageCommand::state:
      return read ? state_read(service, request.payload, notes, out)
                  : state_write(service, request.payload, notes, out);
    case ImageCommand::upload:
      return read ? fail(ErrorCode::unknown_command) : upload(service, request.payload, notes, out);
    case ImageCommand::erase:
      return read ? fail(ErrorCode::unknown_command) : erase(service, request.payload, notes, out);
  }
  return fail(ErrorCode::unknown_command);
}

void write_image_failure(const smp::Header& header, ErrorCode code, const ImageNotes& notes,
                         Writer& out) noexcept {
  const auto rc = enrol::image_rc(code, static_cast<ImageCommand>(header.command), notes.confirm);
  enrol::write_image_error(header.version, code, rc, notes.extended, out);
}

}  // namespace pedigree::device
