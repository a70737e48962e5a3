// SPDX-License-Identifier: Apache-2.0
#include "device/update/service.h"

#include "pedigree/update.h"

namespace pedigree::update {
namespace {

using device::Message;
using device::Status;

/// Octets of one part of an upload or a list that are taken at a time.
constexpr std::size_t kMaxPart = 1536;

pedigree_image_state_t state_of(const image::Version& version, std::uint32_t size) noexcept {
  pedigree_image_state_t out{};
  out.size = size;
  out.build = version.build;
  out.revision = version.revision;
  out.major = version.major;
  out.minor = version.minor;
  return out;
}

void add_digest(Bytes digest, pedigree_image_state_t& out) noexcept {
  out.digest_size = static_cast<std::uint32_t>(digest.size());
  std::copy(digest.begin(), digest.end(), out.digest);
}

void add_counter(std::optional<std::uint32_t> counter, pedigree_image_state_t& out) noexcept {
  if (!counter) return;
  out.flags |= PEDIGREE_IMAGE_COUNTER;
  out.security_counter = *counter;
}

/// What the boot stage found of a running image.
void add_measured(const Measured& measured, pedigree_image_state_t& out) noexcept {
  out.flags |= PEDIGREE_IMAGE_ACTIVE | PEDIGREE_IMAGE_VERIFIED | PEDIGREE_IMAGE_BOOTABLE;
  std::copy(measured.signer.begin(), measured.signer.end(), out.signer);
}

void write_secure(const Updater& updater, Message& message) noexcept {
  const Measured& measured = updater.report().images[kSecure];
  pedigree_image_state_t out = state_of(measured.version, measured.size);
  out.image = PEDIGREE_IMAGE_SECURE;
  out.flags = PEDIGREE_IMAGE_CONFIRMED | PEDIGREE_IMAGE_PERMANENT;
  add_measured(measured, out);
  add_digest(measured.digest_view(), out);
  if (measured.has_counter) add_counter(measured.security_counter, out);
  device::write_output(message, 0, out);
}

void write_slot(const Updater& updater, std::uint8_t slot, Message& message) noexcept {
  const State& state = updater.state();
  const Bytes octets = updater.image(slot);
  if (octets.empty()) return;
  const auto facts = read_facts(octets);
  pedigree_image_state_t out =
      state_of(facts ? facts->layout.header.version : image::Version{}, state.slots[slot].size);
  out.image = PEDIGREE_IMAGE_NONSECURE;
  out.slot = slot;
  out.refused = state.slots[slot].refused;
  if (state.confirmed == slot) out.flags |= PEDIGREE_IMAGE_CONFIRMED;
  if (state.pending == slot) out.flags |= PEDIGREE_IMAGE_PENDING;
  if (state.pending == slot && state.permanent) out.flags |= PEDIGREE_IMAGE_PERMANENT;
  if (facts) {
    add_digest(facts->digest, out);
    add_counter(facts->security_counter, out);
    const bool bootable = (facts->layout.header.flags & image::kNonBootable) == 0;
    if (bootable && out.refused == 0) out.flags |= PEDIGREE_IMAGE_BOOTABLE;
  }
  const Measured& running = updater.report().images[kNonSecure];
  if (running.slot == slot) add_measured(running, out);
  device::write_output(message, 0, out);
}

Status image_state(const Updater& updater, Message& message) noexcept {
  PEDIGREE_CHECK(check_room(message, 0, PEDIGREE_MAX_IMAGE_STATES * sizeof(pedigree_image_state_t)));
  for (std::uint8_t slot = 0; slot < kSlots; ++slot) write_slot(updater, slot, message);
  write_secure(updater, message);
  return {};
}

/// A digest, or for confirm none.
template <typename Act>
Status on_digest(Message& message, Act act) noexcept {
  std::array<std::uint8_t, PEDIGREE_MAX_IMAGE_DIGEST> digest;
  if (message.in_size(0) > digest.size()) return ErrorCode::bad_request;
  return act(Bytes(digest).first(message.read(0, digest)));
}

Status image_write(Updater& updater, Message& message) noexcept {
  pedigree_image_write_request_t request{};
  PEDIGREE_CHECK(read_input(message, 0, request));
  PEDIGREE_CHECK(check_room(message, 0, sizeof(pedigree_image_written_t)));
  if (request.image != PEDIGREE_IMAGE_NONSECURE) return ErrorCode::wrong_image_state;
  std::array<std::uint8_t, kMaxPart> data;
  if (message.in_size(1) > data.size()) return ErrorCode::frame_too_large;
  Sha256 sha256{};
  std::copy(std::begin(request.sha256), std::end(request.sha256), sha256.begin());
  const Part part{request.offset, request.total, request.has_sha != 0 ? &sha256 : nullptr,
                  Bytes(data).first(message.read(1, data))};
  const auto progress = updater.write(part);
  if (!progress) return progress.error().code;
  write_output(message, 0, pedigree_image_written_t{progress->next, progress->complete ? 1U : 0U});
  return {};
}

Status image_erase(Updater& updater, Message& message) noexcept {
  std::uint32_t slot = 0;
  PEDIGREE_CHECK(read_input(message, 0, slot));
  return updater.erase(slot);
}

Status revocations_info(const Updater& updater, Message& message) noexcept {
  PEDIGREE_CHECK(check_room(message, 0, sizeof(pedigree_revocations_t)));
  const StoredList& list = updater.state().list;
  write_output(message, 0,
               pedigree_revocations_t{
                   list.number, list.size,
                   static_cast<std::uint32_t>(list.entries_size / image::RevocationList::kEntrySize)});
  return {};
}

Status revocations_write(Updater& updater, Message& message) noexcept {
  pedigree_revocations_write_request_t request{};
  PEDIGREE_CHECK(read_input(message, 0, request));
  PEDIGREE_CHECK(check_room(message, 0, sizeof(std::uint32_t)));
  std::array<std::uint8_t, kMaxPart> data;
  if (message.in_size(1) > data.size()) return ErrorCode::frame_too_large;
  const auto next =
      updater.write_list(request.offset, request.total, Bytes(data).first(message.read(1, data)));
  if (!next) return next.error().code;
  write_output(message, 0, *next);
  return {};
}

Status dispatch(Updater& updater, Message& message) noexcept {
  switch (message.type()) {
    case PEDIGREE_CALL_IMAGE_STATE:
      return image_state(updater, message);
    case PEDIGREE_CALL_IMAGE_WRITE:
      return image_write(updater, message);
    case PEDIGREE_CALL_IMAGE_TEST:
      return on_digest(message, [&](Bytes digest) -> Status {
        return digest.empty() ? Status(ErrorCode::not_found) : Status(updater.test(digest));
      });
    case PEDIGREE_CALL_IMAGE_CONFIRM:
      return on_digest(message, [&](Bytes digest) -> Status { return updater.confirm(digest); });
    case PEDIGREE_CALL_IMAGE_ERASE:
      return image_erase(updater, message);
    case PEDIGREE_CALL_REVOCATIONS_INFO:
      return revocations_info(updater, message);
    case PEDIGREE_CALL_REVOCATIONS_WRITE:
      return revocations_write(updater, message);
    default:
      return ErrorCode::unknown_command;
  }
}

}  // namespace

bool is_update_call(std::int32_t type) noexcept {
  return type >= PEDIGREE_CALL_IMAGE_STATE && type <= PEDIGREE_CALL_REVOCATIONS_WRITE;
}

std::int32_t serve(Updater& updater, Message& message) noexcept {
  return static_cast<std::int32_t>(dispatch(updater, message).code());
}

}  // namespace pedigree::update
