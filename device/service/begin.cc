// SPDX-License-Identifier: Apache-2.0
// begin: one pending key for one request, however often it is asked for.
#include "device/service/service.h"

namespace pedigree::device {
namespace {

bool in_range(std::uint8_t value, auto first, auto last) noexcept {
  return value >= static_cast<std::uint8_t>(first) && value <= static_cast<std::uint8_t>(last);
}

/// Attestation and identity keys exist once on a device; keys for TLS and data as often as wanted.
bool is_single(enrol::Purpose purpose) noexcept {
  return purpose == enrol::Purpose::iak || purpose == enrol::Purpose::idevid;
}

/// Errors: bad_value, purpose_forbids, unsupported_algorithm.
Status check_request(const pedigree_begin_request_t& request, KeyRequest& key) noexcept {
  if (!in_range(request.purpose, enrol::Purpose::iak, enrol::Purpose::data) ||
      !in_range(request.origin, enrol::Origin::generate, enrol::Origin::import) ||
      !in_range(request.type, crypto::KeyType::p256, crypto::KeyType::rsa4096) || request.replace > 1 ||
      request.label_size > enrol::kMaxLabel) {
    return ErrorCode::bad_value;
  }
  key.purpose = static_cast<enrol::Purpose>(request.purpose);
  key.type = static_cast<crypto::KeyType>(request.type);
  key.origin = static_cast<enrol::Origin>(request.origin);
  key.label = Bytes(request.label).first(request.label_size);
  if (key.label.empty() == (key.origin == enrol::Origin::derive)) return ErrorCode::bad_value;
  if (key.origin != enrol::Origin::builtin) return {};
  // The built-in key attests; lending it to another purpose would let it sign what an IAK must not.
  if (key.purpose != enrol::Purpose::iak) return ErrorCode::purpose_forbids;
  return key.type == crypto::KeyType::p256 ? ErrorCode{} : ErrorCode::unsupported_algorithm;
}

bool same_kind(const KeyRecord& key, const KeyRequest& request) noexcept {
  return key.purpose == request.purpose && key.type == request.type && key.origin == request.origin &&
         equal(key.label_view(), request.label);
}

}  // namespace

/// The slot that a request is for: the one it names; else the one of its purpose (iak, idevid) or the one
/// where the same owner's same request is pending (tls, data); else the first empty one. A damaged slot is
/// never chosen.
Status Service::find_slot(std::uint32_t slot, const KeyRequest& request, Found& found) const noexcept {
  found.slot = slot;
  if (slot != enrol::kAnySlot) return load_any(slot, found.record);
  std::uint32_t empty = 0;
  for (slot = platform_.slots; slot > 0; --slot) {
    if (!store_.load_slot(slot, found.record).ok()) continue;
    const SlotRecord& record = found.record;
    const auto& key = record.pending ? record.pending : record.active;
    if (!key) {
      empty = slot;
    } else if (is_single(request.purpose)
                   ? key->purpose == request.purpose
                   : record.pending && record.owner == caller_ && same_kind(*key, request)) {
      found.slot = slot;
    }
  }
  if (found.slot == 0) found.slot = empty;
  return found.slot != 0 ? load_any(found.slot, found.record) : ErrorCode::slots_full;
}

/// `otherwise` unless `key` is what `request` asks for.
Status Service::check_same_request(const KeyRecord& key, const KeyRequest& request,
                                   ErrorCode otherwise) const noexcept {
  if (!same_kind(key, request)) return otherwise;
  if (request.origin != enrol::Origin::import) return {};
  PublicKeyOctets imported;
  PEDIGREE_CHECK(keys_.imported_public_key(request, imported));
  return equal(imported.view(), key.public_key_view()) ? ErrorCode{} : otherwise;
}

/// Makes the pending key of a slot.
Status Service::make_pending(Found& found, const KeyRequest& request) noexcept {
  SlotRecord& record = found.record;
  KeyRecord& key = record.pending.emplace();
  key.bank = record.active && record.active->bank == 0 ? 1 : 0;
  PublicKeyOctets made;
  PEDIGREE_CHECK(keys_.make(found.slot, key.bank, request, made));
  key.purpose = request.purpose;
  key.type = request.type;
  key.origin = request.origin;
  key.label_size = static_cast<std::uint8_t>(request.label.size());
  std::copy(request.label.begin(), request.label.end(), key.label.begin());
  key.public_key = made.octets;
  key.public_key_size = static_cast<std::uint8_t>(made.size);
  // A cut between the key and its record leaves a key that nobody has seen; recover() wipes it.
  const Status saved = store_.save_slot(found.slot, record);
  if (!saved.ok()) {
    record.pending.reset();
    tidy(found.slot, record);
  }
  return saved;
}

/// Whether a key may be made as wanted. A grant says nothing of where the key comes from, so what it permits
/// is made in the device.
Status Service::check_making(const Found& found, const KeyRequest& wanted, bool replace) const noexcept {
  PEDIGREE_CHECK(check_permission({replace ? grant::Operation::replace : grant::Operation::begin, found.slot,
                                   wanted.purpose, wanted.type}));
  if (wanted.origin == enrol::Origin::import && !is_open()) return ErrorCode::lifecycle_forbids;
  if (!replace) return {};
  if (!found.record.active) return ErrorCode::wrong_state;
  if (found.record.owner != caller_) return ErrorCode::not_owner;
  return found.record.active->purpose == wanted.purpose ? ErrorCode{} : ErrorCode::purpose_forbids;
}

Status Service::begin(Message& message) noexcept {
  pedigree_begin_request_t request;
  PEDIGREE_CHECK(read_input(message, 0, request));
  KeyRequest wanted;
  PEDIGREE_CHECK(check_request(request, wanted));
  SecretArray<48> scalar;
  if (message.in_size(1) > scalar.span().size()) return ErrorCode::bad_value;
  wanted.import_key = Bytes(scalar.span()).first(message.read(1, scalar.span()));
  if (wanted.import_key.empty() == (wanted.origin == enrol::Origin::import)) return ErrorCode::bad_value;
  PEDIGREE_CHECK(check_room(message, 0, sizeof(pedigree_begin_response_t)));
  PEDIGREE_CHECK(check_room(message, 1, PEDIGREE_MAX_SPKI));

  const bool replace = request.replace != 0;
  Found found;
  if (const Status located = find_slot(request.slot, wanted, found); !located.ok()) {
    // Where a grant is missing, that is the reason.
    PEDIGREE_CHECK(check_permission({replace ? grant::Operation::replace : grant::Operation::begin,
                                     request.slot, wanted.purpose, wanted.type}));
    return located;
  }
  const SlotRecord& record = found.record;
  const bool reused = record.pending || (record.active && !replace);
  if (record.pending) {
    PEDIGREE_CHECK(check_same_request(*record.pending, wanted, ErrorCode::slot_busy));
  } else if (reused) {
    PEDIGREE_CHECK(check_permission({grant::Operation::begin, found.slot, wanted.purpose, wanted.type}));
    PEDIGREE_CHECK(check_same_request(*record.active, wanted, ErrorCode::wrong_state));
  } else {
    PEDIGREE_CHECK(check_making(found, wanted, replace));
    found.record.owner = caller_;
    PEDIGREE_CHECK(make_pending(found, wanted));
    permission_ = {};
  }
  const Spki spki = spki_of(record.pending ? *record.pending : *record.active);
  write_output(message, 0, pedigree_begin_response_t{found.slot, reused ? 1U : 0U});
  message.write(1, spki.view());
  return {};
}

}  // namespace pedigree::device
