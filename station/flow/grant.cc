// SPDX-License-Identifier: Apache-2.0
#include "station/flow/grant.h"

#include <fmt/format.h>

#include <algorithm>

#include "station/link/text.h"

namespace pedigree::station {
namespace {

using grant::Operation;

bool needs_grant(const Failure& failure) {
  return failure.side == Side::device && failure.code == ErrorCode::grant_required;
}

/// The slot where the device will make a key of this purpose, as it chooses itself. Failures: slots_full.
Outcome<std::uint32_t> free_slot(Device& device, const DeviceInfo& info) {
  STATION_ASSIGN(const auto slots, device.slots());
  for (std::uint32_t slot = 1; slot <= info.slots_total; ++slot) {
    if (std::ranges::none_of(slots, [=](const Slot& one) { return one.slot == slot; })) return slot;
  }
  return failed(Side::device, ErrorCode::slots_full);
}

Outcome<void> destroy(Device& device, AuthorityClient& authority, const DeviceInfo& info, std::uint32_t slot,
                      const std::string& why) {
  auto destroyed = device.destroy(slot);
  if (destroyed || !needs_grant(destroyed.error())) return destroyed;
  STATION_TRY(
      obtain_grant(device, authority, info,
                   {.operation = std::string(grant::name(Operation::destroy)), .slot = slot, .why = why}));
  return device.destroy(slot);
}

}  // namespace

Outcome<void> obtain_grant(Device& device, AuthorityClient& authority, const DeviceInfo& info,
                           GrantQuestion wish) {
  STATION_ASSIGN(const auto challenge, device.challenge());
  wish.device = info.id;
  wish.nonce = challenge.nonce;
  STATION_ASSIGN(const auto message, authority.grant(wish));
  // What is too long for the device, or not a grant at all, is told before it is tried.
  const auto read = grant::read(message);
  if (!read) return unreadable(Side::authority, read.error(), "the authority's grant");
  if (message.size() > challenge.max_size) {
    return failed_with(Side::authority, ErrorCode::too_long,
                       fmt::format("the authority's grant has {} octets, and the device takes {}",
                                   message.size(), challenge.max_size));
  }
  return device.send_grant(message);
}

Outcome<PendingKey> begin_granted(Device& device, AuthorityClient& authority, const DeviceInfo& info,
                                  KeyRequest request, const std::string& why) {
  auto begun = device.begin(request);
  if (begun || why.empty() || !needs_grant(begun.error())) return begun;
  if (request.slot == enrol::kAnySlot) {
    STATION_ASSIGN(request.slot, free_slot(device, info));
  }
  STATION_TRY(obtain_grant(
      device, authority, info,
      {.operation = std::string(grant::name(request.replace ? Operation::replace : Operation::begin)),
       .slot = request.slot,
       .purpose = std::string(enrol::name(request.purpose)),
       .algorithm = std::string(crypto::name(request.type)),
       .why = why}));
  return device.begin(request);
}

Outcome<Emptied> return_device(Device& device, AuthorityClient& authority, const std::string& why,
                               const Steps& steps) {
  STATION_ASSIGN(const auto info, device.info());
  if (info.lifecycle == enrol::Lifecycle::decommissioned) {
    return failed(Side::device, ErrorCode::lifecycle_forbids);
  }
  Emptied emptied;
  STATION_ASSIGN(auto slots, device.slots());
  emptied.already = slots.empty();
  if (emptied.already) return emptied;
  // A key that the device was made with is the same afterwards: its certificate stays. Its slot goes last, so
  // that a run that was cut short still finds it when certificates are revoked, which is done before
  // anything.
  const auto built_in =
      std::ranges::partition(slots, [](const Slot& slot) { return slot.origin != enrol::Origin::builtin; });
  std::vector<std::string> kept;
  for (const Slot& slot : built_in) kept.push_back(slot.key);
  STATION_ASSIGN(emptied.revoked, authority.revoke_all(info.id, "superseded", why, kept));
  for (const Slot& slot : slots) {
    if (steps) steps(1 + emptied.slots.size(), 1 + slots.size());
    STATION_TRY(destroy(device, authority, info, slot.slot, why));
    emptied.slots.push_back(slot.slot);
  }
  return emptied;
}

Outcome<Emptied> decommission_device(Device& device, AuthorityClient& authority, const std::string& why,
                                     const Steps& steps) {
  STATION_ASSIGN(const auto info, device.info());
  Emptied emptied;
  emptied.already = info.lifecycle == enrol::Lifecycle::decommissioned && info.slots_used == 0;
  // Nobody believes the device any more before it is told.
  STATION_ASSIGN(emptied.revoked, authority.revoke_all(info.id, "cessationOfOperation", why, {}));
  if (steps) steps(1, 2);
  if (info.lifecycle != enrol::Lifecycle::decommissioned) {
    STATION_TRY(obtain_grant(device, authority, info,
                             {.operation = std::string(grant::name(Operation::decommission)), .why = why}));
  }
  STATION_ASSIGN(const auto now, device.info());
  if (now.lifecycle != enrol::Lifecycle::decommissioned) {
    return failed_with(Side::device, ErrorCode::wrong_state,
                       "the device has taken the grant, and does not say that it is decommissioned");
  }
  if (now.slots_used != 0) {
    return failed_with(
        Side::device, ErrorCode::storage_failure,
        fmt::format("the device is closed, and {} of its slots are not wiped yet: restart it, and "
                    "run this again",
                    now.slots_used));
  }
  return emptied;
}

Outcome<Repinned> repin_device(Device& device, AuthorityClient& authority, const NewRoot& root,
                               const std::string& why) {
  STATION_ASSIGN(const auto info, device.info());
  if (info.lifecycle == enrol::Lifecycle::decommissioned) {
    return failed(Side::device, ErrorCode::lifecycle_forbids);
  }
  if (info.pinned_root.empty()) {
    return failed_with(Side::device, ErrorCode::root_required,
                       "the device has pinned no root yet: its first chain will");
  }
  const Repinned done{info.pinned_root == root.spki_sha256, info.pinned_root, info.slots_used};
  if (done.already) return done;
  // There is no way back from a root whose signatures the device cannot verify: nobody's grants would be any.
  if (((info.algorithms >> static_cast<unsigned>(root.type)) & 1U) == 0) {
    return failed_with(
        Side::device, ErrorCode::unsupported_algorithm,
        fmt::format("the new root's key is {}, which the device does not know", crypto::name(root.type)));
  }
  STATION_TRY(obtain_grant(
      device, authority, info,
      {.operation = std::string(grant::name(Operation::repin)), .root = root.spki_sha256, .why = why}));
  STATION_ASSIGN(const auto now, device.info());
  if (now.pinned_root == root.spki_sha256) return done;
  return failed_with(Side::device, ErrorCode::wrong_state,
                     "the device has taken the grant, and does not say that it has pinned the new root");
}

}  // namespace pedigree::station
