// SPDX-License-Identifier: Apache-2.0
// What a secured device does with a grant: the station asks the device for a challenge, carries it to the
// authority, and the grant back. Every flow may be started again: what is done is passed over.
#pragma once

#include <functional>

#include "core/grant/grant.h"
#include "station/flow/device.h"
#include "station/link/authority_client.h"

namespace pedigree::station {

/// Has the authority grant something for this device, and gives the grant to it. `wish.device` and
/// `wish.nonce` are filled in here. Failures: those of Device and AuthorityClient.
[[nodiscard]] Outcome<void> obtain_grant(Device& device, AuthorityClient& authority, const DeviceInfo& info,
                                         GrantQuestion wish);

/// begin, with a grant where the device asks for one and there is a reason to give (`why` not empty).
[[nodiscard]] Outcome<PendingKey> begin_granted(Device& device, AuthorityClient& authority,
                                                const DeviceInfo& info, KeyRequest request,
                                                const std::string& why);

/// What was taken from a device.
struct Emptied {
  std::vector<std::uint32_t> slots;  ///< destroyed in this run
  std::vector<std::string> revoked;  ///< serials of certificates revoked in this run
  bool already = false;              ///< nothing was left to be done on the device
};

/// Called as a flow goes on: steps that are done, of how many.
using Steps = std::function<void(std::size_t done, std::size_t total)>;

/// A device that comes back: revokes its certificates as superseded, but for those of keys that it was made
/// with, and destroys the key of every slot, by a grant each where the device is secured. It can be
/// provisioned again then.
[[nodiscard]] Outcome<Emptied> return_device(Device& device, AuthorityClient& authority,
                                             const std::string& why, const Steps& steps = {});

/// The end of a device: its certificates are revoked, the registry retires it, and it wipes itself. Failures
/// also: storage_failure where it is closed and not empty yet, which a restart finishes.
[[nodiscard]] Outcome<Emptied> decommission_device(Device& device, AuthorityClient& authority,
                                                   const std::string& why, const Steps& steps = {});

/// The root that a device is to take.
struct NewRoot {
  std::string spki_sha256;  ///< of its SubjectPublicKeyInfo, hex
  crypto::KeyType type{};
};
/// What came of it.
struct Repinned {
  bool already = false;     ///< it had pinned that root before this run
  std::string before;       ///< the root that it had pinned before this run, hex
  std::uint32_t slots = 0;  ///< that still hold keys, whose chains are of the root before
};
/// Has a device pin another root, by a grant of the authority whose root it has pinned. From then on that
/// authority's grants are none for it. Its keys and chains stay. Failures also: root_required (it has pinned
/// none yet), unsupported_algorithm (it knows no keys of the new root's type, and could never verify what
/// that root signs).
[[nodiscard]] Outcome<Repinned> repin_device(Device& device, AuthorityClient& authority, const NewRoot& root,
                                             const std::string& why);

}  // namespace pedigree::station
