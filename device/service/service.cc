// SPDX-License-Identifier: Apache-2.0
#include "device/service/service.h"

#include "core/x509/certificate.h"
#include "core/x509/test_keys.h"

namespace pedigree::device {
namespace {

constexpr std::string_view kVersion = "0.1.0";

template <std::size_t N>
void copy_text(std::string_view text, char (&out)[N]) noexcept {
  const std::string_view fitting = text.substr(0, N - 1);
  std::ranges::copy(fitting, out);
}

enrol::SlotState state_of(const SlotRecord& record) noexcept {
  if (record.active) return record.pending ? enrol::SlotState::replacing : enrol::SlotState::active;
  return record.pending ? enrol::SlotState::pending : enrol::SlotState::empty;
}

/// The key that info, slots and public key tell of: the active one, or the pending one while there is no
/// other.
const KeyRecord& shown_key(const SlotRecord& record) noexcept {
  return record.active ? *record.active : *record.pending;
}

Result<bool> is_test_key(const crypto::Crypto& crypto, const KeyRecord& key) noexcept {
  std::array<std::uint8_t, PEDIGREE_MAX_SPKI> buffer;
  PEDIGREE_ASSIGN(const Bytes spki, write_key_spki(key, buffer));
  PEDIGREE_ASSIGN(const Sha256 hash, crypto.sha256(spki));
  return x509::test_key_origin(hash).has_value();
}

}  // namespace

Result<Bytes> write_key_spki(const KeyRecord& key, MutableBytes out) noexcept {
  Writer writer(out);
  der::Builder builder(writer);
  x509::write_spki({key.type, key.public_key_view()}, builder);
  return writer.finish();
}

std::size_t Service::max_chain() const noexcept {
  return std::min(workspace_.size() - kMaxRootSpki, kMaxParts * store_.part_size());
}

crypto::PrivateKey Service::private_key(std::uint32_t slot, const KeyRecord& key) const noexcept {
  return {key.type, keys_.key_id(slot, key)};
}

void Service::recover() noexcept {
  resident_ = {};
  for (std::uint32_t slot = 1; slot <= enrol::kMaxSlots; ++slot) {
    // A damaged record may have named a key that must not be lost: that slot is left as it is.
    if (const auto record = store_.load_slot(slot)) tidy(slot, *record);
  }
}

void Service::tidy(std::uint32_t slot, const SlotRecord& record) const noexcept {
  for (std::uint8_t bank = 0; bank < kBanks; ++bank) {
    const bool active = record.active && record.active->bank == bank;
    const bool pending = record.pending && record.pending->bank == bank;
    // Failures are met again at the next boot, or when the bank is next used.
    if (!active && !pending) static_cast<void>(keys_.destroy(slot, bank));
    if (!pending) static_cast<void>(store_.trim_chain(slot, bank, active ? record.active->chain_size : 0));
  }
}

void Service::forget(std::uint32_t slot) noexcept {
  if (resident_.slot == slot) resident_ = {};
}

std::int32_t Service::call(Message& message) noexcept {
  const Result<void> result = dispatch(message);
  return result ? 0 : static_cast<std::int32_t>(result.error().code);
}

Result<void> Service::dispatch(Message& message) noexcept {
  const std::int32_t type = message.type();
  if (platform_.lifecycle == enrol::Lifecycle::decommissioned && type != PEDIGREE_CALL_INFO) {
    return fail(ErrorCode::lifecycle_forbids);
  }
  switch (type) {
    case PEDIGREE_CALL_INFO:
      return info(message);
    case PEDIGREE_CALL_LIST_SLOTS:
      return list_slots(message);
    case PEDIGREE_CALL_BEGIN:
      return begin(message);
    case PEDIGREE_CALL_CSR:
      return csr(message);
    case PEDIGREE_CALL_CHAIN_WRITE:
      return chain_write(message);
    case PEDIGREE_CALL_CHAIN_READ:
      return chain_read(message);
    case PEDIGREE_CALL_CHAIN_DIGEST:
      return chain_digest(message);
    case PEDIGREE_CALL_COMMIT:
      return commit(message);
    case PEDIGREE_CALL_ABORT:
      return abort(message);
    case PEDIGREE_CALL_DESTROY:
      return destroy(message);
    case PEDIGREE_CALL_SIGN_HASH:
      return sign_hash(message);
    case PEDIGREE_CALL_PUBLIC_KEY:
      return public_key(message);
    default:
      return fail(ErrorCode::unknown_command);
  }
}

Result<void> Service::check_provisioning() const noexcept {
  if (platform_.lifecycle == enrol::Lifecycle::assembly_and_test ||
      platform_.lifecycle == enrol::Lifecycle::rot_provisioning) {
    return {};
  }
  return fail(ErrorCode::grant_required);
}

Result<SlotRecord> Service::load_any(std::uint32_t slot) const noexcept {
  if (slot == 0 || slot > enrol::kMaxSlots) return fail(ErrorCode::slot_not_found);
  return store_.load_slot(slot);
}

Result<SlotRecord> Service::load(std::uint32_t slot) const noexcept {
  PEDIGREE_ASSIGN(const SlotRecord record, load_any(slot));
  if (state_of(record) == enrol::SlotState::empty) return fail(ErrorCode::slot_not_found);
  return record;
}

Result<bool> Service::uses_test_key() const noexcept {
  for (std::uint32_t slot = 1; slot <= enrol::kMaxSlots; ++slot) {
    const auto record = store_.load_slot(slot);
    if (!record) continue;
    for (const auto& key : {record->active, record->pending}) {
      if (!key) continue;
      PEDIGREE_ASSIGN(const bool found, is_test_key(crypto_, *key));
      if (found) return true;
    }
  }
  return false;
}

Result<void> Service::info(Message& message) noexcept {
  if (message.out_size(0) < sizeof(pedigree_info_t)) return fail(ErrorCode::buffer_too_small);
  pedigree_info_t out{};
  out.max_chain = static_cast<std::uint32_t>(max_chain());
  out.algorithms = KeyStore::algorithms();
  out.origins = keys_.origins();
  out.slots_total = enrol::kMaxSlots;
  for (std::uint32_t slot = 1; slot <= enrol::kMaxSlots; ++slot) {
    const auto record = store_.load_slot(slot);
    if (!record || state_of(*record) != enrol::SlotState::empty) ++out.slots_used;
  }
  out.lifecycle = static_cast<std::uint8_t>(platform_.lifecycle);
  PEDIGREE_ASSIGN(const std::optional<RootRecord> root, store_.load_root());
  if (root) {
    out.root_pinned = 1;
    std::ranges::copy(root->spki_sha256, out.pinned_root);
  }
  PEDIGREE_ASSIGN(const bool test_key, uses_test_key());
  out.dummy_key = test_key ? 1 : 0;
  std::ranges::copy(platform_.device_id, out.device_id);
  copy_text(kVersion, out.version);
  copy_text(platform_.world, out.world);
  write_output(message, 0, out);
  return {};
}

Result<void> Service::fill_slot_info(std::uint32_t slot, const SlotRecord& record,
                                     pedigree_slot_info_t& out) const noexcept {
  const KeyRecord& key = shown_key(record);
  out.slot = slot;
  out.purpose = static_cast<std::uint8_t>(key.purpose);
  out.type = static_cast<std::uint8_t>(key.type);
  out.state = static_cast<std::uint8_t>(state_of(record));
  out.origin = static_cast<std::uint8_t>(key.origin);
  std::array<std::uint8_t, PEDIGREE_MAX_SPKI> buffer;
  PEDIGREE_ASSIGN(const Bytes spki, write_key_spki(key, buffer));
  PEDIGREE_ASSIGN(const Sha256 hash, crypto_.sha256(spki));
  std::ranges::copy(hash, out.spki_sha256);
  if (record.active) {
    out.chain_size = record.active->chain_size;
    std::ranges::copy(record.active->chain_sha256, out.chain_sha256);
  }
  if (record.pending) {
    const bool resident = resident_.kind == Resident::Kind::staged_chain && resident_.slot == slot;
    out.staged = static_cast<std::uint32_t>(
        resident ? resident_.size
                 : store_.stored_chain(slot, record.pending->bank, record.pending->chain_size));
  }
  return {};
}

Result<void> Service::list_slots(Message& message) noexcept {
  if (message.out_size(0) < enrol::kMaxSlots * sizeof(pedigree_slot_info_t)) {
    return fail(ErrorCode::buffer_too_small);
  }
  for (std::uint32_t slot = 1; slot <= enrol::kMaxSlots; ++slot) {
    const auto record = store_.load_slot(slot);
    if (!record || state_of(*record) == enrol::SlotState::empty) continue;
    pedigree_slot_info_t out{};
    PEDIGREE_TRY(fill_slot_info(slot, *record, out));
    write_output(message, 0, out);
  }
  return {};
}

Result<void> Service::public_key(Message& message) noexcept {
  PEDIGREE_ASSIGN(const std::uint32_t slot, read_input<std::uint32_t>(message, 0));
  PEDIGREE_ASSIGN(const SlotRecord record, load(slot));
  std::array<std::uint8_t, PEDIGREE_MAX_SPKI> buffer;
  PEDIGREE_ASSIGN(const Bytes spki, write_key_spki(shown_key(record), buffer));
  if (message.out_size(0) < spki.size()) return fail(ErrorCode::buffer_too_small);
  message.write(0, spki);
  return {};
}

Result<void> Service::sign_hash(Message& message) noexcept {
  PEDIGREE_ASSIGN(const std::uint32_t slot, read_input<std::uint32_t>(message, 0));
  PEDIGREE_ASSIGN(const SlotRecord record, load(slot));
  if (!record.active) return fail(ErrorCode::wrong_state);
  const enrol::Purpose purpose = record.active->purpose;
  if (purpose != enrol::Purpose::tls && purpose != enrol::Purpose::data) {
    return fail(ErrorCode::purpose_forbids);
  }
  std::array<std::uint8_t, crypto::kMaxDigestSize> digest;
  if (message.in_size(1) > digest.size()) return fail(ErrorCode::bad_value);
  const Bytes octets = Bytes(digest).first(message.read(1, digest));
  if (message.out_size(0) < crypto::signature_size(record.active->type)) {
    return fail(ErrorCode::buffer_too_small);
  }
  std::array<std::uint8_t, PEDIGREE_MAX_SIGNATURE> signature;
  PEDIGREE_ASSIGN(const Bytes signed_octets, keys_.sign_hash(slot, *record.active, octets, signature));
  message.write(0, signed_octets);
  return {};
}

Result<void> Service::destroy(Message& message) noexcept {
  PEDIGREE_ASSIGN(const std::uint32_t slot, read_input<std::uint32_t>(message, 0));
  PEDIGREE_TRY(check_provisioning());
  if (slot == 0 || slot > enrol::kMaxSlots) return fail(ErrorCode::slot_not_found);
  // Without the record nothing names the keys any more; a cut before tidy leaves them to recover(). A damaged
  // record is removed too: this is the way out for such a slot.
  PEDIGREE_TRY(store_.save_slot(slot, {}));
  forget(slot);
  tidy(slot, {});
  return {};
}

Result<void> Service::abort(Message& message) noexcept {
  PEDIGREE_ASSIGN(const std::uint32_t slot, read_input<std::uint32_t>(message, 0));
  PEDIGREE_ASSIGN(SlotRecord record, load_any(slot));
  if (!record.pending) return {};
  record.pending.reset();
  PEDIGREE_TRY(store_.save_slot(slot, record));
  forget(slot);
  tidy(slot, record);
  return {};
}

}  // namespace pedigree::device
