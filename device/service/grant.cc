// SPDX-License-Identifier: Apache-2.0
// Grants: what a secured device is permitted, once, by a delegate of its pinned root; and the end of a
// device.
#include "core/grant/grant.h"

#include "device/service/service.h"
#include "psa/crypto.h"

namespace pedigree::device {

/// Octets of the longest grant: it shares the workspace with what its verification needs.
std::size_t Service::max_grant() const noexcept {
  return std::min(grant::kMaxSize, workspace_.size() - grant::kScratch);
}

Status Service::challenge(Message& message) noexcept {
  PEDIGREE_CHECK(check_room(message, 0, sizeof(pedigree_challenge_t)));
  if (!challenged_) {
    if (psa_generate_random(nonce_.data(), nonce_.size()) != PSA_SUCCESS) return ErrorCode::no_entropy;
    challenged_ = true;
  }
  pedigree_challenge_t out;
  out.max_grant = static_cast<std::uint32_t>(max_grant());
  std::copy(nonce_.begin(), nonce_.end(), out.nonce);
  write_output(message, 0, out);
  return {};
}

Status Service::grant_write(Message& message) noexcept {
  pedigree_grant_write_request_t request;
  PEDIGREE_CHECK(read_input(message, 0, request));
  PEDIGREE_CHECK(check_room(message, 0, sizeof(std::uint32_t)));
  if (request.offset == 0) {
    if (request.total == 0) return ErrorCode::missing_field;
    if (request.total > max_grant()) return ErrorCode::too_long;
    clear_workspace();
    resident_.kind = Resident::Kind::grant;
    resident_.form = request.total;
  }
  // What came before is lost where another operation has needed the workspace: from the start again, then.
  if (resident_.kind != Resident::Kind::grant) clear_workspace();
  const std::size_t size = message.in_size(1);
  if (resident_.kind == Resident::Kind::grant && request.offset == resident_.size && size > 0) {
    if (size > resident_.form - resident_.size) return ErrorCode::too_long;
    resident_.size += message.read(1, workspace_.subspan(resident_.size, size));
    // One that was taken stays resident, so that its last part may come again because the answer was lost.
    if (resident_.size == resident_.form) {
      const Status accepted = accept_grant(workspace_.first(resident_.size));
      if (!accepted.ok()) clear_workspace();
      PEDIGREE_CHECK(accepted);
    }
  }
  write_output(message, 0, static_cast<std::uint32_t>(resident_.size));
  return {};
}

/// Everything about the grant is checked before anything is stored. The nonce is used up by the first try.
[[gnu::noinline]] Status Service::accept_grant(Bytes message) noexcept {
  const bool challenged = challenged_;
  challenged_ = false;
  RootRecord root;
  PEDIGREE_CHECK(store_.load_root(root));
  const auto verified =
      grant::verify(crypto_, message, root.spki_sha256, root.seen, workspace_.last(grant::kScratch));
  PEDIGREE_CHECK(verified);
  if (!equal(verified->device_id, platform_.device_id)) return ErrorCode::grant_other_device;
  if (!challenged || !equal(verified->nonce, nonce_)) return ErrorCode::grant_nonce;
  root.closed = verified->operation == grant::Operation::decommission;
  if (verified->operation == grant::Operation::repin) {
    root.spki_size = 0;
    std::copy(verified->root.begin(), verified->root.end(), root.spki_sha256.begin());
    root.seen.signer_since = 0;  // the other root's delegates are others
  }
  PEDIGREE_CHECK(store_.save_root(root));
  // Slot 0, which other operations have, is no permission.
  permission_ = {verified->operation, verified->slot, verified->purpose, verified->type};
  // From here on the device is closed, whatever happens to it: the next boot goes on with wiping.
  return root.closed ? close() : Status();
}

/// Ends the service for good, and wipes what it keeps. Errors: storage_failure; recover() tries again.
Status Service::close() noexcept {
  closed_ = true;
  Status result;
  const SlotRecord empty;
  for (std::uint32_t slot = 1; slot <= platform_.slots; ++slot) {
    const Status wiped = wipe(slot, empty);
    if (!wiped.ok()) result = wiped;
  }
  return result;
}

/// Keys and chains first: as long as they are there, the record tells of the slot.
Status Service::wipe(std::uint32_t slot, const SlotRecord& empty) const noexcept {
  for (std::uint8_t bank = 0; bank < kBanks; ++bank) {
    PEDIGREE_CHECK(keys_.destroy(slot, bank));
    PEDIGREE_CHECK(store_.trim_chain(slot, bank, 0));
  }
  return store_.save_slot(slot, empty);
}

}  // namespace pedigree::device
