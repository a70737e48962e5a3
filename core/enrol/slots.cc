// SPDX-License-Identifier: Apache-2.0
// Messages about the device and its key slots: info, slots, begin, abort, destroy, public key.
#include "core/enrol/fields.h"

namespace pedigree::enrol {
namespace {

/// Octets of the largest SubjectPublicKeyInfo (RSA-4096: 550) and of a private scalar (P-384: 48).
constexpr std::uint16_t kMaxSpki = 600;
constexpr std::uint16_t kMaxScalar = 48;
constexpr std::uint16_t kMaxName = 32;

constexpr std::uint16_t kLifecycles =
    allowed(Lifecycle::unknown, Lifecycle::assembly_and_test, Lifecycle::rot_provisioning, Lifecycle::secured,
            Lifecycle::debug, Lifecycle::decommissioned);

constexpr std::uint16_t kEntropies =
    allowed(Entropy::unknown, Entropy::platform, Entropy::seed, Entropy::fixed);

constexpr Field kInfoResponse[] = {
    PEDIGREE_FIELD(InfoResponse, version, "ver", text, true, 0, kMaxName),
    PEDIGREE_FIELD(InfoResponse, device_id, "id", device_id, true, kDeviceIdSize, kDeviceIdSize),
    PEDIGREE_FIELD(InfoResponse, lifecycle, "lc", enumerator, true, 0, kLifecycles),
    PEDIGREE_FIELD(InfoResponse, pinned_root, "root", optional_octets, false, 32, 32),
    PEDIGREE_FIELD(InfoResponse, world, "world", text, true, 0, kMaxName),
    PEDIGREE_FIELD(InfoResponse, dummy_key, "dummy", boolean, false),
    PEDIGREE_FIELD(InfoResponse, entropy, "ent", enumerator, false, 0, kEntropies),
    PEDIGREE_FIELD(InfoResponse, slots_used, "used", u32, true),
    PEDIGREE_FIELD(InfoResponse, slots_total, "slots", u32, true),
    PEDIGREE_FIELD(InfoResponse, max_chain, "maxc", u32, true),
    PEDIGREE_FIELD(InfoResponse, algorithms, "algs", u32, true),
    PEDIGREE_FIELD(InfoResponse, origins, "orig", u32, true),
};
constexpr Field kSlotsResponse[] = {PEDIGREE_FIELD(SlotsResponse, slots, "slots", slots, true)};
constexpr Field kBeginRequest[] = {
    PEDIGREE_FIELD(BeginRequest, slot, "slot", u32, false),
    PEDIGREE_FIELD(BeginRequest, purpose, "use", enumerator, true, 0, kPurposes),
    PEDIGREE_FIELD(BeginRequest, type, "alg", enumerator, true, 0, kKeyTypes),
    PEDIGREE_FIELD(BeginRequest, origin, "orig", enumerator, true, 0, kOrigins),
    PEDIGREE_FIELD(BeginRequest, label, "label", text, false, 0, kMaxLabel),
    PEDIGREE_FIELD(BeginRequest, import_key, "key", octets, false, 1, kMaxScalar),
    PEDIGREE_FIELD(BeginRequest, replace, "repl", boolean, false),
};
constexpr Field kBeginResponse[] = {
    PEDIGREE_FIELD(BeginResponse, slot, "slot", u32, true),
    PEDIGREE_FIELD(BeginResponse, reused, "reused", boolean, false),
    PEDIGREE_FIELD(BeginResponse, spki, "spki", octets, true, 1, kMaxSpki),
};
constexpr Field kSlotRequest[] = {PEDIGREE_FIELD(SlotRequest, slot, "slot", u32, true)};
constexpr Field kPublicKeyResponse[] = {
    PEDIGREE_FIELD(PublicKeyResponse, spki, "spki", octets, true, 1, kMaxSpki)};

}  // namespace

PEDIGREE_MESSAGE(InfoResponse, kInfoResponse)
PEDIGREE_MESSAGE(SlotsResponse, kSlotsResponse)
PEDIGREE_MESSAGE(BeginRequest, kBeginRequest)
PEDIGREE_MESSAGE(BeginResponse, kBeginResponse)
PEDIGREE_MESSAGE(SlotRequest, kSlotRequest)
PEDIGREE_MESSAGE(PublicKeyResponse, kPublicKeyResponse)

}  // namespace pedigree::enrol
