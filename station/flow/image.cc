// SPDX-License-Identifier: Apache-2.0
#include "station/flow/image.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/firmware_image/revocation_list.h"
#include "station/flow/payload.h"
#include "station/flow/transfer.h"
#include "station/link/text.h"

namespace pedigree::station {

namespace {

using enrol::ImageCommand;

template <typename Message>
Request image_request(smp::Operation operation, ImageCommand command, const Message& message, bool slow) {
  return {.operation = operation,
          .group = enrol::kImageGroup,
          .command = static_cast<std::uint8_t>(command),
          .payload = encoded(message),
          .slow = slow};
}

ImageSlot owned(const enrol::ImageEntry& m) {
  ImageSlot slot{.image = m.image,
                 .slot = m.slot,
                 .version = std::string(m.version),
                 .hash = hex(m.hash),
                 .bootable = m.bootable,
                 .pending = m.pending,
                 .confirmed = m.confirmed,
                 .active = m.active,
                 .permanent = m.permanent,
                 .refused = std::nullopt,
                 .signer = hex(m.signer),
                 .counter = m.counter};
  if (m.refused != 0) slot.refused = static_cast<ErrorCode>(m.refused);
  return slot;
}

Outcome<std::vector<ImageSlot>> slots_in(Bytes payload) {
  STATION_ASSIGN(const auto message,
                 decoded<enrol::ImageStateResponse>(payload, "the device's list of images"));
  std::vector<ImageSlot> slots;
  for (std::size_t i = 0; i < message.count; ++i) slots.push_back(owned(message.images[i]));
  return slots;
}

}  // namespace

Outcome<std::vector<ImageSlot>> ImageClient::state() {
  STATION_ASSIGN(const auto payload, call(link_, image_request(smp::Operation::read, ImageCommand::state,
                                                               enrol::ImageStateRead{true}, false)));
  return slots_in(payload);
}

// The part from `offset` on, as large as a packet takes. The first makes the device find or erase a slot, the
// last makes it hash the whole: both may take a while.
Request ImageClient::upload_part(Bytes image, const Sha256& sha256, std::uint32_t number,
                                 std::size_t offset) const {
  enrol::ImageUploadRequest message;
  message.offset = static_cast<std::uint32_t>(offset);
  message.extended = true;
  if (offset == 0) {
    message.image = number;
    message.total = static_cast<std::uint32_t>(image.size());
    message.sha256 = sha256;
  }
  Writer size;
  enrol::encode(message, size);
  const std::size_t room = room_beside(size.size(), link_.limits().packet);
  message.data = image.subspan(offset, std::min(room, image.size() - offset));
  const bool slow = offset == 0 || offset + message.data.size() == image.size();
  return image_request(smp::Operation::write, ImageCommand::upload, message, slow);
}

Outcome<Uploaded> ImageClient::upload(Bytes image, const Sha256& sha256, const UploadOptions& options) {
  if (image.empty() || image.size() > UINT32_MAX) return failed(Side::station, ErrorCode::bad_image);
  const auto part = [&](std::size_t offset, std::size_t& size) {
    Request request = upload_part(image, sha256, options.image, offset);
    size = enrol::decode<enrol::ImageUploadRequest>(request.payload)->data.size();
    return request;
  };
  const auto stands = [](Bytes payload) -> Outcome<std::size_t> {
    STATION_ASSIGN(const auto answer,
                   decoded<enrol::ImageUploadResponse>(payload, "the device's answer to an upload"));
    if (answer.match && !*answer.match) return failed(Side::device, ErrorCode::bad_digest);
    return answer.offset;
  };
  const auto progress = [&](std::size_t done) {
    if (options.progress) options.progress(done, image.size());
  };
  return Transfer(link_, image.size(), "the upload").run(part, stands, progress);
}

Outcome<std::vector<ImageSlot>> ImageClient::test(Bytes hash) {
  const enrol::ImageStateWrite message{.hash = hash, .confirm = false, .extended = true};
  STATION_ASSIGN(const auto payload,
                 call(link_, image_request(smp::Operation::write, ImageCommand::state, message, true)));
  return slots_in(payload);
}

Outcome<std::vector<ImageSlot>> ImageClient::confirm(Bytes hash) {
  const enrol::ImageStateWrite message{.hash = hash, .confirm = true, .extended = true};
  STATION_ASSIGN(const auto payload,
                 call(link_, image_request(smp::Operation::write, ImageCommand::state, message, true)));
  return slots_in(payload);
}

Outcome<void> ImageClient::erase(std::optional<std::uint32_t> slot) {
  STATION_TRY(call(link_, image_request(smp::Operation::write, ImageCommand::erase,
                                        enrol::ImageEraseRequest{slot, true}, true)));
  return {};
}

Outcome<KeptRevocations> ImageClient::revocations() {
  const Request ask{.operation = smp::Operation::read,
                    .group = smp::kPedigreeGroup,
                    .command = static_cast<std::uint8_t>(enrol::Command::revocations),
                    .payload = {0xa0},
                    .slow = false};
  STATION_ASSIGN(const auto payload, call(link_, ask));
  STATION_ASSIGN(const auto m,
                 decoded<enrol::RevocationsResponse>(payload, "what the device says of revoked signers"));
  return KeptRevocations{m.number, m.size, m.count, m.max_size};
}

Outcome<KeptRevocations> ImageClient::send_revocations(Bytes list) {
  if (list.empty()) return failed(Side::station, ErrorCode::list_refused);
  STATION_TRY(send_object(link_, enrol::Command::revocations, list, "the revocation list"));
  return revocations();
}

Outcome<std::uint64_t> deliver_revocations(Link& link, Bytes list) {
  const auto offered = image::read_list(list);
  if (!offered)
    return unreadable(Side::authority, offered.error(), "the authority's list of revoked signers");
  ImageClient client(link);
  const auto kept = client.revocations();
  if (!kept && kept.error().code == ErrorCode::unknown_command) return 0;
  if (!kept) return std::unexpected(kept.error());
  if (kept->number >= offered->list.number) return kept->number;
  STATION_ASSIGN(const auto now, client.send_revocations(list));
  return now.number;
}

Result<std::vector<std::uint8_t>> image_hash(Bytes octets) {
  const image::MemorySource source(octets);
  PEDIGREE_ASSIGN(const image::Layout layout, image::read_layout(source));
  image::TlvReader reader(source, layout);
  while (true) {
    PEDIGREE_ASSIGN(const auto tlv, reader.next());
    if (!tlv) return fail(ErrorCode::missing_tlv, layout.hashed_size);
    const bool is_hash = tlv->type == image::TlvType::sha256 || tlv->type == image::TlvType::sha384 ||
                         tlv->type == image::TlvType::sha512;
    if (!is_hash || tlv->is_protected) continue;
    const Bytes value = octets.subspan(tlv->value_offset(), tlv->size);
    return std::vector<std::uint8_t>(value.begin(), value.end());
  }
}

}  // namespace pedigree::station
