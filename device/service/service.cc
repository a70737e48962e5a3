// SPDX-License-Identifier: Apache-2.0
#include "device/service/service.h"

#include "core/x509/certificate.h"
#include "core/x509/test_keys.h"

namespace pedigree::device {
namespace {

template <std::size_t N>
void copy_text(std::string_view text, char (&out)[N]) noexcept {
  std::copy_n(text.begin(), std::min(text.size(), N - 1), out);
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

}  // namespace

Service::Spki Service::spki_of(const KeyRecord& key) noexcept {
  Spki spki;
  Writer writer(spki.octets);
  der::Builder builder(writer);
  x509::write_spki({key.type, key.public_key_view()}, builder);
  spki.size = writer.written().size();
  return spki;
}

Status Service::hash(std::span<const Bytes> parts, Sha256& out) const noexcept {
  return crypto_.digest(crypto::Hash::sha256, parts, out);
}

Status Service::hash_spki(const KeyRecord& key, Sha256& out) const noexcept {
  const Spki spki = spki_of(key);
  const Bytes octets = spki.view();
  return hash({&octets, 1}, out);
}

std::size_t Service::max_chain() const noexcept {
  return std::min(workspace_.size() - kMaxRootSpki, kMaxParts * store_.part_size());
}

crypto::PrivateKey Service::private_key(std::uint32_t slot, const KeyRecord& key) const noexcept {
  return {key.type, keys_.key_id(slot, key)};
}

void Service::recover() noexcept {
  clear_workspace();
  RootRecord root;
  const Status pinned = store_.load_root(root);
  if (kTakesGrants && pinned.ok() && root.closed) return static_cast<void>(close());
  // A secured device that is open all the same (Platform::open_until_pinned).
  opened_ = platform_.open_until_pinned && platform_.lifecycle == enrol::Lifecycle::secured &&
            pinned.code() == ErrorCode::not_found;
  for (std::uint32_t slot = 1; slot <= platform_.slots; ++slot) {
    // A damaged record may have named a key that must not be lost: that slot is left as it is.
    SlotRecord record;
    if (store_.load_slot(slot, record).ok()) tidy(slot, record);
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

[[gnu::noinline]] void Service::clear_workspace() noexcept {
  resident_ = {};
}

void Service::forget(std::uint32_t slot) noexcept {
  if (resident_.slot == slot) clear_workspace();
}

Status Service::settle(std::uint32_t slot, const SlotRecord& record) noexcept {
  PEDIGREE_CHECK(store_.save_slot(slot, record));
  forget(slot);
  tidy(slot, record);
  return {};
}

std::int32_t Service::call(Message& message) noexcept {
  caller_ = static_cast<std::uint32_t>(std::max<std::int32_t>(message.client(), 0));
  return static_cast<std::int32_t>(dispatch(message).code());
}

Status Service::dispatch(Message& message) noexcept {
  const std::int32_t type = message.type();
  if (lifecycle() == enrol::Lifecycle::decommissioned && type != PEDIGREE_CALL_INFO) {
    return ErrorCode::lifecycle_forbids;
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
    case PEDIGREE_CALL_COMMIT:
      return commit(message);
    case PEDIGREE_CALL_ATTEST:
      if constexpr (kAttests) return attest(message);
      return ErrorCode::unknown_command;
    case PEDIGREE_CALL_CHALLENGE:
      if constexpr (kTakesGrants) return challenge(message);
      return ErrorCode::unknown_command;
    case PEDIGREE_CALL_GRANT_WRITE:
      if constexpr (kTakesGrants) return grant_write(message);
      return ErrorCode::unknown_command;
    case PEDIGREE_CALL_CHAIN_DIGEST:
    case PEDIGREE_CALL_ABORT:
    case PEDIGREE_CALL_DESTROY:
    case PEDIGREE_CALL_SIGN_HASH:
    case PEDIGREE_CALL_PUBLIC_KEY:
      return on_slot(message);
    default:
      return ErrorCode::unknown_command;
  }
}

enrol::Lifecycle Service::lifecycle() const noexcept {
  return closed_ ? enrol::Lifecycle::decommissioned : platform_.lifecycle;
}

bool Service::is_open() const noexcept {
  return platform_.lifecycle == enrol::Lifecycle::assembly_and_test ||
         platform_.lifecycle == enrol::Lifecycle::rot_provisioning || opened_;
}

Status Service::check_permission(const Permission& wanted) const noexcept {
  if (is_open()) return {};
  if (!kTakesGrants || permission_.slot == 0) return ErrorCode::grant_required;
  if (wanted.operation != permission_.operation) return ErrorCode::grant_other_operation;
  if (wanted.slot != permission_.slot) return ErrorCode::grant_other_slot;
  const bool same_key = wanted.purpose == permission_.purpose && wanted.type == permission_.type;
  return same_key ? ErrorCode{} : ErrorCode::grant_other_key;
}

Status Service::load_any(std::uint32_t slot, SlotRecord& record) const noexcept {
  if (slot == 0 || slot > platform_.slots) return ErrorCode::slot_not_found;
  return store_.load_slot(slot, record);
}

Status Service::load(std::uint32_t slot, SlotRecord& record) const noexcept {
  PEDIGREE_CHECK(load_any(slot, record));
  return record.active || record.pending ? ErrorCode{} : ErrorCode::slot_not_found;
}

Status Service::load_active(std::uint32_t slot, SlotRecord& record) const noexcept {
  PEDIGREE_CHECK(load(slot, record));
  return record.active ? ErrorCode{} : ErrorCode::wrong_state;
}

Status Service::note_test_key(const std::optional<KeyRecord>& key, pedigree_info_t& out) const noexcept {
  if (!key) return {};
  Sha256 hash;
  PEDIGREE_CHECK(hash_spki(*key, hash));
  if (x509::is_test_key(hash)) out.dummy_key = 1;
  return {};
}

Status Service::info(Message& message) noexcept {
  PEDIGREE_CHECK(check_room(message, 0, sizeof(pedigree_info_t)));
  pedigree_info_t out{};
  out.max_chain = static_cast<std::uint32_t>(max_chain());
  out.algorithms = KeyStore::algorithms();
  out.origins = keys_.origins();
  out.slots_total = platform_.slots;
  for (std::uint32_t slot = 1; slot <= platform_.slots; ++slot) {
    SlotRecord record;
    const Status loaded = load(slot, record);
    if (loaded.code() == ErrorCode::slot_not_found) continue;
    ++out.slots_used;
    if (!loaded.ok()) continue;
    PEDIGREE_CHECK(note_test_key(record.active, out));
    PEDIGREE_CHECK(note_test_key(record.pending, out));
  }
  out.lifecycle = static_cast<std::uint8_t>(lifecycle());
  out.entropy = static_cast<std::uint8_t>(platform_.entropy);
  RootRecord root;
  const Status pinned = store_.load_root(root);
  if (pinned.ok()) {
    out.root_pinned = 1;
    std::copy(root.spki_sha256.begin(), root.spki_sha256.end(), out.pinned_root);
  } else if (pinned.code() != ErrorCode::not_found) {
    return pinned;
  }
  std::copy(platform_.device_id.begin(), platform_.device_id.end(), out.device_id);
  copy_text(kServiceVersion, out.version);
  copy_text(platform_.world, out.world);
  write_output(message, 0, out);
  return {};
}

Status Service::fill_slot_info(std::uint32_t slot, const SlotRecord& record,
                               pedigree_slot_info_t& out) const noexcept {
  const KeyRecord& key = shown_key(record);
  out = {};
  out.slot = slot;
  out.purpose = static_cast<std::uint8_t>(key.purpose);
  out.type = static_cast<std::uint8_t>(key.type);
  out.state = static_cast<std::uint8_t>(state_of(record));
  out.origin = static_cast<std::uint8_t>(key.origin);
  Sha256 hash;
  PEDIGREE_CHECK(hash_spki(key, hash));
  std::copy(hash.begin(), hash.end(), out.spki_sha256);
  if (record.active) {
    out.chain_size = record.active->chain_size;
    std::copy(record.active->chain_sha256.begin(), record.active->chain_sha256.end(), out.chain_sha256);
  }
  if (record.pending) {
    const bool resident = resident_.kind == Resident::Kind::staged_chain && resident_.slot == slot;
    out.staged = static_cast<std::uint32_t>(
        resident ? resident_.size
                 : store_.stored_chain(slot, record.pending->bank, record.pending->chain_size));
  }
  return {};
}

Status Service::list_slots(Message& message) noexcept {
  PEDIGREE_CHECK(check_room(message, 0, enrol::kMaxSlots * sizeof(pedigree_slot_info_t)));
  for (std::uint32_t slot = 1; slot <= platform_.slots; ++slot) {
    SlotRecord record;
    if (!load(slot, record).ok()) continue;
    pedigree_slot_info_t out;
    PEDIGREE_CHECK(fill_slot_info(slot, record, out));
    write_output(message, 0, out);
  }
  return {};
}

Status Service::public_key(Message& message, const SlotRecord& record) noexcept {
  const Spki spki = spki_of(shown_key(record));
  PEDIGREE_CHECK(check_room(message, 0, spki.size));
  message.write(0, spki.view());
  return {};
}

Status Service::sign_hash(Message& message, std::uint32_t slot, const SlotRecord& record) const noexcept {
  if (!record.active) return ErrorCode::wrong_state;
  const enrol::Purpose purpose = record.active->purpose;
  if (purpose != enrol::Purpose::tls && purpose != enrol::Purpose::data) return ErrorCode::purpose_forbids;
  std::array<std::uint8_t, crypto::kMaxDigestSize> digest;
  if (message.in_size(1) > digest.size()) return ErrorCode::bad_value;
  const Bytes octets = Bytes(digest).first(message.read(1, digest));
  PEDIGREE_CHECK(check_room(message, 0, crypto::signature_size(record.active->type)));
  std::array<std::uint8_t, PEDIGREE_MAX_SIGNATURE> signature;
  std::size_t size = 0;
  PEDIGREE_CHECK(keys_.sign_hash(slot, *record.active, octets, signature, size));
  message.write(0, Bytes(signature).first(size));
  return {};
}

Status Service::on_slot(Message& message) noexcept {
  const std::int32_t type = message.type();
  std::uint32_t slot = 0;
  SlotRecord record;
  PEDIGREE_CHECK(read_input(message, 0, slot));
  if (type == PEDIGREE_CALL_DESTROY) {
    PEDIGREE_CHECK(check_permission({grant::Operation::destroy, slot, {}, {}}));
  }
  const Status loaded = load_any(slot, record);
  // A damaged record can be destroyed too: this is the way out for such a slot.
  if (type != PEDIGREE_CALL_DESTROY || loaded.code() != ErrorCode::storage_corrupt) {
    PEDIGREE_CHECK(loaded);
    if (type == PEDIGREE_CALL_ABORT && !record.pending) return {};
    if (!record.active && !record.pending) {
      return type == PEDIGREE_CALL_DESTROY ? ErrorCode{} : ErrorCode::slot_not_found;
    }
    if (type == PEDIGREE_CALL_PUBLIC_KEY) return public_key(message, record);
    if (type == PEDIGREE_CALL_CHAIN_DIGEST) return chain_digest(message, record);
    if (record.owner != caller_) return ErrorCode::not_owner;
    if (type == PEDIGREE_CALL_SIGN_HASH) return sign_hash(message, slot, record);
  }
  record.pending.reset();
  if (type == PEDIGREE_CALL_DESTROY) record.active.reset();
  // Without the record nothing names the keys any more; a cut before tidy leaves them to recover().
  PEDIGREE_CHECK(settle(slot, record));
  if (type == PEDIGREE_CALL_DESTROY) permission_ = {};
  return {};
}

}  // namespace pedigree::device
