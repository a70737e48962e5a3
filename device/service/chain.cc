// SPDX-License-Identifier: Apache-2.0
// The chain of a slot: written in parts, resumed where it stands, read back.
#include "device/service/service.h"

namespace pedigree::device {
namespace {

/// Whether the pending key's transfer is the one that the request goes on with.
bool same_transfer(const KeyRecord& pending, const pedigree_chain_write_request_t& request) noexcept {
  return request.has_sha == 1 && pending.chain_digest_known && pending.chain_size == request.total &&
         equal(pending.chain_sha256, request.sha256);
}

}  // namespace

/// Begins a new transfer: the parts of an earlier one go first, so that parts found later belong to this one.
Status Service::start_transfer(const pedigree_chain_write_request_t& request, SlotRecord& record) noexcept {
  if (request.total == 0) return ErrorCode::missing_field;
  if (request.total > max_chain()) return ErrorCode::too_long;
  forget(request.slot);
  KeyRecord& pending = *record.pending;
  PEDIGREE_CHECK(store_.trim_chain(request.slot, pending.bank, 0));
  pending.chain_size = request.total;
  pending.chain_digest_known = request.has_sha == 1;
  std::copy_n(request.sha256, sizeof request.sha256, pending.chain_sha256.begin());
  return store_.save_slot(request.slot, record);
}

/// Makes the staged chain resident: what is in memory already, or what storage has of it.
Status Service::load_staged(std::uint32_t slot, const KeyRecord& pending) noexcept {
  if (resident_.kind == Resident::Kind::staged_chain && resident_.slot == slot) return {};
  const std::size_t stored = store_.stored_chain(slot, pending.bank, pending.chain_size);
  clear_workspace();
  if (stored > max_chain()) return ErrorCode::storage_corrupt;
  PEDIGREE_CHECK(store_.read_chain(slot, pending.bank, 0, chain_space().first(stored)));
  resident_.kind = Resident::Kind::staged_chain;
  resident_.slot = slot;
  resident_.size = stored;
  return {};
}

/// Stores the parts that `received` octets complete. The last one is stored only if the whole is what was
/// announced: otherwise the transfer starts over. Errors: bad_digest, storage_full, storage_failure.
Status Service::store_full_parts(std::uint32_t slot, const KeyRecord& pending,
                                 std::size_t received) noexcept {
  const std::size_t part_size = store_.part_size();
  const Bytes chain = Bytes(chain_space()).first(pending.chain_size);
  const bool complete = received == pending.chain_size;
  if (complete && pending.chain_digest_known) {
    Sha256 digest;
    PEDIGREE_CHECK(hash({&chain, 1}, digest));
    if (digest != pending.chain_sha256) {
      PEDIGREE_CHECK(store_.trim_chain(slot, pending.bank, 0));
      resident_.size = 0;
      return ErrorCode::bad_digest;
    }
  }
  const std::size_t end = complete ? (received + part_size - 1) / part_size : received / part_size;
  for (std::size_t part = resident_.size / part_size; part < end; ++part) {
    PEDIGREE_CHECK(store_.write_chain_part(slot, pending.bank, part, chain));
  }
  return {};
}

Status Service::chain_write(Message& message) noexcept {
  pedigree_chain_write_request_t request;
  SlotRecord record;
  PEDIGREE_CHECK(read_input(message, 0, request));
  if (request.has_sha > 1) return ErrorCode::bad_value;
  PEDIGREE_CHECK(check_room(message, 0, sizeof(std::uint32_t)));
  PEDIGREE_CHECK(load(request.slot, record));
  if (!record.pending) return ErrorCode::wrong_state;
  if (request.offset == 0 && !same_transfer(*record.pending, request)) {
    PEDIGREE_CHECK(start_transfer(request, record));
  }
  if (record.pending->chain_size == 0) return ErrorCode::bad_offset;
  PEDIGREE_CHECK(load_staged(request.slot, *record.pending));
  const std::size_t size = message.in_size(1);
  if (size > record.pending->chain_size - std::min<std::size_t>(request.offset, record.pending->chain_size)) {
    return ErrorCode::too_long;
  }
  if (request.offset == resident_.size && size > 0) {
    const MutableBytes space = chain_space().subspan(resident_.size, size);
    const std::size_t received = resident_.size + message.read(1, space);
    // Octets behind resident_.size do not count until their parts are stored.
    PEDIGREE_CHECK(store_full_parts(request.slot, *record.pending, received));
    resident_.size = received;
  }
  write_output(message, 0, static_cast<std::uint32_t>(resident_.size));
  return {};
}

Status Service::chain_read(Message& message) noexcept {
  pedigree_range_request_t request;
  SlotRecord record;
  PEDIGREE_CHECK(read_input(message, 0, request));
  PEDIGREE_CHECK(check_room(message, 0, sizeof(std::uint32_t)));
  PEDIGREE_CHECK(load_active(request.slot, record));
  const KeyRecord& active = *record.active;
  if (request.offset > active.chain_size) return ErrorCode::bad_offset;
  write_output(message, 0, active.chain_size);
  std::array<std::uint8_t, 256> buffer;
  std::size_t offset = request.offset;
  const std::size_t end = offset + std::min<std::size_t>(active.chain_size - offset, message.out_size(1));
  while (offset < end) {
    const MutableBytes piece = MutableBytes(buffer).first(std::min(buffer.size(), end - offset));
    PEDIGREE_CHECK(store_.read_chain(request.slot, active.bank, offset, piece));
    if (offset == 0) piece[0] = static_cast<std::uint8_t>(0x80U | active.certificates);
    message.write(1, piece);
    offset += piece.size();
  }
  return {};
}

Status Service::chain_digest(Message& message, const SlotRecord& record) noexcept {
  if (!record.active) return ErrorCode::wrong_state;
  PEDIGREE_CHECK(check_room(message, 0, sizeof(pedigree_chain_digest_t)));
  pedigree_chain_digest_t out;
  out.size = record.active->chain_size;
  std::copy_n(record.active->chain_sha256.begin(), sizeof out.sha256, out.sha256);
  write_output(message, 0, out);
  return {};
}

}  // namespace pedigree::device
