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

/// Errors: bad_value.
Result<KeyRequest> check_request(const pedigree_begin_request_t& request) noexcept {
  if (!in_range(request.purpose, enrol::Purpose::iak, enrol::Purpose::data) ||
      !in_range(request.origin, enrol::Origin::generate, enrol::Origin::import) ||
      !in_range(request.type, crypto::KeyType::p256, crypto::KeyType::rsa4096) || request.replace > 1 ||
      request.label_size > enrol::kMaxLabel) {
    return fail(ErrorCode::bad_value);
  }
  KeyRequest key;
  key.purpose = static_cast<enrol::Purpose>(request.purpose);
  key.type = static_cast<crypto::KeyType>(request.type);
  key.origin = static_cast<enrol::Origin>(request.origin);
  key.label = Bytes(request.label).first(request.label_size);
  if (key.label.empty() == (key.origin == enrol::Origin::derive)) return fail(ErrorCode::bad_value);
  // The built-in key attests; lending it to another purpose would let it sign what an IAK must not.
  if (key.origin == enrol::Origin::builtin && key.purpose != enrol::Purpose::iak) {
    return fail(ErrorCode::purpose_forbids);
  }
  if (key.origin == enrol::Origin::builtin && key.type != crypto::KeyType::p256) {
    return fail(ErrorCode::unsupported_algorithm);
  }
  return key;
}

bool same_kind(const KeyRecord& key, const KeyRequest& request) noexcept {
  return key.purpose == request.purpose && key.type == request.type && key.origin == request.origin &&
         equal(key.label_view(), request.label);
}

Result<void> answer(Message& message, std::uint32_t slot, const KeyRecord& key, bool reused) noexcept {
  std::array<std::uint8_t, PEDIGREE_MAX_SPKI> buffer;
  PEDIGREE_ASSIGN(const Bytes spki, write_key_spki(key, buffer));
  write_output(message, 0, pedigree_begin_response_t{slot, reused ? 1U : 0U});
  message.write(1, spki);
  return {};
}

}  // namespace

/// The slot that a request is for: the one it names; else the one of its purpose (iak, idevid) or the one
/// where the same request is pending (tls, data); else the first empty one. A damaged slot is never chosen.
Result<Service::Found> Service::find_slot(const pedigree_begin_request_t& request,
                                          Bytes label) const noexcept {
  if (request.slot != enrol::kAnySlot) {
    PEDIGREE_ASSIGN(const SlotRecord record, load_any(request.slot));
    return Found{request.slot, record};
  }
  const auto purpose = static_cast<enrol::Purpose>(request.purpose);
  const KeyRequest wanted{purpose,
                          static_cast<crypto::KeyType>(request.type),
                          static_cast<enrol::Origin>(request.origin),
                          label,
                          {}};
  Found empty;
  for (std::uint32_t slot = 1; slot <= enrol::kMaxSlots; ++slot) {
    const auto record = store_.load_slot(slot);
    if (!record) continue;
    const auto& key = record->pending ? record->pending : record->active;
    if (!key) {
      if (empty.slot == 0) empty.slot = slot;
    } else if (is_single(purpose) ? key->purpose == purpose : record->pending && same_kind(*key, wanted)) {
      return Found{slot, *record};
    }
  }
  if (empty.slot == 0) return fail(ErrorCode::slots_full);
  return empty;
}

Result<bool> Service::is_same_request(const KeyRecord& key, const KeyRequest& request) const noexcept {
  if (!same_kind(key, request)) return false;
  if (request.origin != enrol::Origin::import) return true;
  std::array<std::uint8_t, kMaxPublicKey> buffer;
  PEDIGREE_ASSIGN(const Bytes imported, keys_.imported_public_key(request, buffer));
  return equal(imported, key.public_key_view());
}

Result<KeyRecord> Service::make_pending(const Found& found, const KeyRequest& request) noexcept {
  KeyRecord key;
  key.bank = found.record.active && found.record.active->bank == 0 ? 1 : 0;
  key.purpose = request.purpose;
  key.type = request.type;
  key.origin = request.origin;
  key.label_size = static_cast<std::uint8_t>(request.label.size());
  std::ranges::copy(request.label, key.label.begin());
  PEDIGREE_ASSIGN(const Bytes made, keys_.make(found.slot, key.bank, request, key.public_key));
  key.public_key_size = static_cast<std::uint8_t>(made.size());
  SlotRecord record = found.record;
  record.pending = key;
  // A cut between the key and its record leaves a key that nobody has seen; recover() wipes it.
  if (const auto saved = store_.save_slot(found.slot, record); !saved) {
    tidy(found.slot, found.record);
    return std::unexpected(saved.error());
  }
  return key;
}

Result<void> Service::begin(Message& message) noexcept {
  PEDIGREE_TRY(check_provisioning());
  PEDIGREE_ASSIGN(const auto request, read_input<pedigree_begin_request_t>(message, 0));
  PEDIGREE_ASSIGN(KeyRequest wanted, check_request(request));
  SecretArray<48> scalar;
  if (message.in_size(1) > scalar.span().size()) return fail(ErrorCode::bad_value);
  wanted.import_key = Bytes(scalar.span()).first(message.read(1, scalar.span()));
  if (wanted.import_key.empty() == (wanted.origin == enrol::Origin::import)) {
    return fail(ErrorCode::bad_value);
  }
  if (message.out_size(0) < sizeof(pedigree_begin_response_t) || message.out_size(1) < PEDIGREE_MAX_SPKI) {
    return fail(ErrorCode::buffer_too_small);
  }
  PEDIGREE_ASSIGN(const Found found, find_slot(request, wanted.label));
  if (found.record.pending) {
    PEDIGREE_ASSIGN(const bool same, is_same_request(*found.record.pending, wanted));
    if (!same) return fail(ErrorCode::slot_busy);
    return answer(message, found.slot, *found.record.pending, true);
  }
  const bool replace = request.replace != 0;
  if (found.record.active && !replace) {
    PEDIGREE_ASSIGN(const bool same, is_same_request(*found.record.active, wanted));
    if (!same) return fail(ErrorCode::wrong_state);
    return answer(message, found.slot, *found.record.active, true);
  }
  if (!found.record.active && replace) return fail(ErrorCode::wrong_state);
  if (found.record.active && found.record.active->purpose != wanted.purpose) {
    return fail(ErrorCode::purpose_forbids);
  }
  PEDIGREE_ASSIGN(const KeyRecord key, make_pending(found, wanted));
  return answer(message, found.slot, key, false);
}

}  // namespace pedigree::device
