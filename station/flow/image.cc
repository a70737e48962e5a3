// SPDX-License-Identifier: Apache-2.0
#include "station/flow/image.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/firmware_image/revocation_list.h"
#include "station/flow/payload.h"
#include "station/link/text.h"

namespace pedigree::station {

namespace {

using enrol::ImageCommand;

/// How often a transfer may make no progress before it is given up.
constexpr unsigned kStandstills = 4;
/// Parts that are handed to the link at once, in multiples of what the device buffers: enough to keep the
/// line busy, and few enough that a loss, after which the rest is refused, costs little.
constexpr std::size_t kRounds = 4;

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

/// Moves an object to the device in parts: `part(offset)` makes a request, `stands(payload)` reads from its
/// answer where the transfer stands.
class Transfer {
 public:
  Transfer(Link& link, std::size_t total, std::string what)
      : link_(link), total_(total), what_(std::move(what)) {}

  template <typename Part, typename Stands, typename Progress>
  Outcome<Uploaded> run(Part part, Stands stands, Progress progress) {
    std::size_t position = 0;
    std::optional<std::size_t> resumed;
    for (unsigned standstills = 0; standstills < kStandstills;) {
      STATION_ASSIGN(const std::size_t reached, round(part, stands, position));
      // What the first answer counts beyond the first part was there before.
      if (!resumed) resumed = reached > first_size_ ? reached : 0;
      if (reached > position) progress(reached);
      if (reached == total_) return Uploaded{total_, *resumed};
      standstills = reached > position ? 0 : standstills + 1;
      together_ = reached > position ? most_together() : 1;
      position = reached;
    }
    return failed_with(Side::device, ErrorCode::bad_offset,
                       fmt::format("{} stands still at {} of {} octets", what_, position, total_));
  }

 private:
  [[nodiscard]] std::size_t most_together() const { return kRounds * std::max(1U, link_.limits().in_flight); }

  /// Sends parts from `position` on. Answers where the device stands then: the last answer counts, as an
  /// earlier one may be from before a restart of the device.
  template <typename Part, typename Stands>
  Outcome<std::size_t> round(Part part, Stands stands, std::size_t position) {
    std::vector<Request> parts;
    for (std::size_t next = position; next < total_ && parts.size() < together_;) {
      std::size_t size = 0;
      parts.push_back(part(next, size));
      if (next == 0) first_size_ = size;
      next += size;
    }
    std::size_t reached = 0;
    for (auto& answer : link_.exchange(std::move(parts))) {
      STATION_ASSIGN(const auto payload, payload_of(std::move(answer)));
      STATION_ASSIGN(const std::size_t offset, stands(payload));
      if (offset > total_) return unreadable(Side::device, {ErrorCode::bad_offset, 0}, what_);
      reached = std::max(reached, offset);
    }
    return reached;
  }

  Link& link_;
  std::size_t total_;
  std::string what_;
  std::size_t together_ = 1;  // the first part alone: it says where the device stands
  std::size_t first_size_ = 0;
};

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

Request ImageClient::revocations_part(Bytes list, std::size_t offset) const {
  enrol::RevocationsWrite message;
  message.offset = static_cast<std::uint32_t>(offset);
  if (offset == 0) message.total = static_cast<std::uint32_t>(list.size());
  Writer size;
  enrol::encode(message, size);
  const std::size_t room = room_beside(size.size(), link_.limits().packet);
  message.data = list.subspan(offset, std::min(room, list.size() - offset));
  return {.operation = smp::Operation::write,
          .group = smp::kPedigreeGroup,
          .command = static_cast<std::uint8_t>(enrol::Command::revocations),
          .payload = encoded(message),
          // With the last part the device verifies the list.
          .slow = offset + message.data.size() == list.size()};
}

Outcome<KeptRevocations> ImageClient::send_revocations(Bytes list) {
  if (list.empty()) return failed(Side::station, ErrorCode::list_refused);
  const auto part = [&](std::size_t offset, std::size_t& size) {
    Request request = revocations_part(list, offset);
    size = enrol::decode<enrol::RevocationsWrite>(request.payload)->data.size();
    return request;
  };
  const auto stands = [](Bytes payload) -> Outcome<std::size_t> {
    STATION_ASSIGN(const auto answer,
                   decoded<enrol::ChainWriteResponse>(payload, "the device's answer to a revocation list"));
    return answer.offset;
  };
  STATION_TRY(Transfer(link_, list.size(), "the revocation list").run(part, stands, [](std::size_t) {}));
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
