// SPDX-License-Identifier: Apache-2.0
#include "station/flow/unit_run.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/cbor/cbor.h"
#include "core/x509/certificate.h"
#include "core/x509/test_keys.h"
#include "station/flow/grant.h"
#include "station/flow/image.h"
#include "station/link/text.h"

namespace pedigree::station {

namespace {

using Kind = Event::Kind;
using Clock = std::chrono::steady_clock;

// What the station or its operator got wrong, or what an operator may lift, says nothing against the device:
// its pending key stays for the next try.
bool concerns_device(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::not_authorised:
    case ErrorCode::unknown_profile:
    case ErrorCode::unknown_issuer:
    case ErrorCode::device_suspended:
    case ErrorCode::bad_nonce:
    case ErrorCode::untrusted_root:
      return false;
    default:
      return true;
  }
}

Sha256 digest_of(const crypto::Crypto& crypto, Bytes data) {
  return crypto.sha256(data).value_or(Sha256{});
}

}  // namespace

std::vector<std::uint8_t> encode_chain(const std::vector<std::vector<std::uint8_t>>& chain) {
  const auto write = [&](Writer& out) {
    cbor::Encoder encoder(out);
    encoder.array(chain.size());
    for (const auto& der : chain) encoder.bstr(der);
  };
  Writer size;
  write(size);
  std::vector<std::uint8_t> wire(size.size());
  Writer out(wire);
  write(out);
  return wire;
}

Result<std::vector<std::vector<std::uint8_t>>> decode_chain(Bytes wire) {
  Reader in(wire);
  PEDIGREE_ASSIGN(const std::size_t count, cbor::read_array(in));
  if (count == 0) return fail(ErrorCode::empty_chain);
  std::vector<std::vector<std::uint8_t>> chain;
  for (std::size_t i = 0; i < count; ++i) {
    PEDIGREE_ASSIGN(const Bytes der, cbor::read_bstr(in));
    chain.emplace_back(der.begin(), der.end());
  }
  PEDIGREE_TRY(in.finish());
  return chain;
}

template <typename Body>
auto UnitRun::step(Step step, Body body) -> decltype(body()) {
  result_.reached = step;
  emit(Kind::started, step);
  fault_point("before", name(step));
  const auto start = Clock::now();
  auto outcome = body();
  result_.steps.push_back({step, std::chrono::duration_cast<Duration>(Clock::now() - start)});
  fault_point("after", name(step));
  if (outcome) emit(Kind::finished, step);
  return outcome;
}

void UnitRun::fault_point(std::string_view where, std::string_view what) const {
  if (options_.fault_point) options_.fault_point(fmt::format("{} {}", where, what));
}

void UnitRun::emit(Kind kind, Step step, std::string text) const {
  if (options_.progress) options_.progress({index_, kind, step, std::move(text), &result_});
}

void UnitRun::warn(std::string text) {
  result_.warnings.push_back(text);
  emit(Kind::warning, result_.reached, std::move(text));
}

Outcome<void> UnitRun::record(JournalEntry::Event event, const std::string& message) {
  using enum JournalEntry::Event;
  JournalEntry entry{
      .event = event, .device = result_.device, .profile = result_.profile, .slot = result_.slot};
  entry.message = message;
  if (event == key) entry.key = key_;
  if (event == issued || event == receipt) {
    entry.nonce = hex(nonce_);
    entry.serial = result_.serial;
    entry.chain_sha256 = chain_sha256_;
    entry.chain = result_.chain;
  }
  if (event == issued) {
    entry.authority = line_.authority.name();
    entry.issuer = options_.issuer;
  }
  if (event == receipt) entry.receipt = receipt_;
  fault_point("before", "journal");
  STATION_TRY(line_.journal.append(std::move(entry)));
  fault_point("after", "journal");
  return {};
}

UnitResult UnitRun::run() {
  const auto start = Clock::now();
  result_.peer = link_.peer();
  result_.profile = options_.profile;
  if (auto outcome = provision(); !outcome) {
    result_.failure = std::move(outcome).error();
    const bool refused = result_.failure->side == Side::authority && !transient(result_.failure->code);
    result_.state = refused ? UnitState::refused : UnitState::failed;
  }
  result_.time = std::chrono::duration_cast<Duration>(Clock::now() - start);
  result_.counters = link_.counters();
  return std::move(result_);
}

Outcome<void> UnitRun::provision() {
  STATION_ASSIGN(const enrol::Purpose purpose, purpose_of(options_.profile));
  STATION_TRY(meet());
  STATION_ASSIGN(const auto slot, step(Step::info, [&] { return find_slot(purpose); }));
  known_ = line_.journal.find(result_.device, options_.profile);
  if (slot && slot->state == enrol::SlotState::active) {
    STATION_ASSIGN(const bool due, due_for_replacement(*slot));
    if (!due) return finish_active(*slot);
  }
  if (resumable(slot)) {
    result_.key_reused = true;
    result_.certificate_reused = true;
    result_.slot = slot->slot;
    result_.serial = known_->serial;
    result_.chain = known_->chain;
    key_ = known_->key;
    std::ranges::copy(*from_hex(known_->nonce), nonce_.begin());
  } else {
    STATION_TRY(certify(purpose, slot));
  }
  STATION_TRY(install());
  STATION_TRY(hand_in_receipt());
  result_.state = UnitState::provisioned;
  return finish();
}

Outcome<void> UnitRun::meet() {
  STATION_TRY(step(Step::connect, [&] { return negotiate(link_); }));
  STATION_ASSIGN(info_, device_.info());
  const DeviceInfo& info = info_;
  result_.device = info.id;
  claim_ = line_.journal.claim(info.id);
  result_.pinned_root = info.pinned_root;
  result_.world = info.world;
  origins_ = info.origins;
  if (info.dummy_key) warn("the device uses a published test key: anybody can speak in its name");
  if (info.entropy == enrol::Entropy::fixed) {
    warn("the device makes its keys from a fixed seed, for debugging: anybody can make the same ones");
  }
  if (info.lifecycle == enrol::Lifecycle::decommissioned) {
    return failed(Side::device, ErrorCode::lifecycle_forbids);
  }
  return {};
}

Outcome<std::optional<Slot>> UnitRun::find_slot(enrol::Purpose purpose) {
  STATION_ASSIGN(const auto slots, device_.slots());
  const auto has = [&](enrol::SlotState state) {
    return std::ranges::find_if(slots,
                                [=](const Slot& s) { return s.purpose == purpose && s.state == state; });
  };
  // A pending key first: it is what an interrupted run left.
  for (const auto state :
       {enrol::SlotState::pending, enrol::SlotState::replacing, enrol::SlotState::active}) {
    if (const auto found = has(state); found != slots.end()) {
      if (found->origin == enrol::Origin::import)
        warn("the slot's key was imported: others may hold a copy of it");
      return *found;
    }
  }
  return std::nullopt;
}

// An operator has superseded the certificate of the key that is there. What came after that is in place, so
// that a run that is repeated replaces nothing twice.
Outcome<bool> UnitRun::due_for_replacement(const Slot& slot) {
  if (!options_.replace) return false;
  if (slot.origin == enrol::Origin::builtin) {
    return failed_with(Side::station, ErrorCode::bad_value,
                       "the device was made with this key: none is made in its place");
  }
  STATION_TRY(read_active(slot));
  STATION_ASSIGN(const std::string reason, line_.authority.revocation_reason(result_.serial));
  return reason == "superseded";
}

// An authority's answer for this very key is in the journal: nothing is asked for again. A device that has an
// active key tells of that one alone.
bool UnitRun::resumable(const std::optional<Slot>& slot) const {
  if (!slot || slot->state != enrol::SlotState::pending || !known_ || known_->chain.empty() ||
      known_->key != slot->key)
    return false;
  const auto nonce = from_hex(known_->nonce);
  return known_->authority == line_.authority.name() && known_->issuer == options_.issuer && nonce &&
         nonce->size() == enrol::kNonceSize;
}

Outcome<void> UnitRun::finish_active(const Slot& slot) {
  result_.slot = slot.slot;
  result_.key_reused = true;
  result_.certificate_reused = true;
  key_ = slot.key;
  chain_sha256_ = slot.chain_sha256;
  result_.state = UnitState::already;
  const bool same = known_ && known_->chain_sha256 == slot.chain_sha256;
  if (!same || known_->receipt.empty()) return prove_active(slot);
  result_.serial = known_->serial;
  result_.chain = known_->chain;
  if (known_->done) {
    result_.receipt_state = "active";
    return finish();
  }
  receipt_ = known_->receipt;
  const auto nonce = from_hex(known_->nonce);
  if (nonce && nonce->size() == nonce_.size()) std::ranges::copy(*nonce, nonce_.begin());
  STATION_TRY(hand_in_receipt());
  return finish();
}

Outcome<void> UnitRun::read_active(const Slot& slot) {
  STATION_ASSIGN(const auto wire, device_.read_chain(slot.slot));
  auto chain = decode_chain(wire);
  if (!chain) return unreadable(Side::device, chain.error(), "the device's chain");
  result_.chain = *std::move(chain);
  const auto leaf = x509::Certificate::parse(result_.chain.front());
  if (!leaf) return unreadable(Side::device, leaf.error(), "the device's certificate");
  result_.serial = hex(leaf->serial());
  return {};
}

// The chain is in place but this journal does not know how: another station, or a power cut after the commit.
// A fresh receipt proves it to the authority again.
Outcome<void> UnitRun::prove_active(const Slot& slot) {
  STATION_TRY(read_active(slot));
  STATION_TRY(fetch_nonce());
  STATION_TRY(commit());
  STATION_TRY(hand_in_receipt());
  return finish();
}

Outcome<void> UnitRun::fetch_nonce() {
  return step(Step::nonce, [&]() -> Outcome<void> {
    STATION_ASSIGN(const Nonce nonce, line_.authority.nonce(result_.device, options_.profile));
    nonce_ = nonce.value;
    evidence_ = nonce.evidence;
    return {};
  });
}

Outcome<void> UnitRun::certify(enrol::Purpose purpose, const std::optional<Slot>& slot) {
  if (slot && slot->state != enrol::SlotState::active) result_.kept_key = true;
  STATION_TRY(fetch_nonce());
  STATION_TRY(make_key(purpose, slot));
  STATION_ASSIGN(const auto csr,
                 step(Step::csr, [&] { return device_.csr(result_.slot, nonce_, evidence_); }));
  auto issued = step(Step::enrol, [&] { return enrol(csr); });
  if (!issued) {
    drop_pending_key(issued.error());
    return std::unexpected(std::move(issued).error());
  }
  result_.serial = issued->serial;
  result_.chain = std::move(issued->chain);
  result_.certificate_reused = issued->reused;
  chain_sha256_ = hex(digest_of(line_.crypto, encode_chain(result_.chain)));
  return record(JournalEntry::Event::issued);
}

enrol::Origin UnitRun::origin_for(enrol::Purpose purpose) const {
  if (options_.origin) return *options_.origin;
  const bool has_builtin = (origins_ & 1U << static_cast<unsigned>(enrol::Origin::builtin)) != 0;
  return purpose == enrol::Purpose::iak && has_builtin ? enrol::Origin::builtin : enrol::Origin::generate;
}

Outcome<void> UnitRun::make_key(enrol::Purpose purpose, const std::optional<Slot>& slot) {
  KeyRequest request{.purpose = purpose, .type = options_.key_type, .origin = origin_for(purpose)};
  if (slot) {
    const bool beside = slot->state == enrol::SlotState::active;
    request = {slot->slot, slot->purpose, slot->type, slot->origin, beside};
  }
  STATION_ASSIGN(const auto pending, step(Step::key, [&] {
                   return begin_granted(device_, line_.authority, info_, request, options_.grant_why);
                 }));
  const Sha256 digest = digest_of(line_.crypto, pending.spki);
  key_ = hex(digest);
  result_.slot = pending.slot;
  result_.key_reused = pending.reused;
  result_.kept_key = true;
  if (const auto origin = x509::test_key_origin(digest)) {
    warn(fmt::format("the slot's key is a test key that {} published: anybody can use it", *origin));
  }
  return record(JournalEntry::Event::key);
}

Outcome<Issued> UnitRun::enrol(const std::vector<std::uint8_t>& csr) {
  return line_.authority.enrol({.device = result_.device,
                                .profile = options_.profile,
                                .issuer = options_.issuer,
                                .nonce = nonce_,
                                .csr = csr});
}

void UnitRun::drop_pending_key(const Failure& failure) {
  if (failure.side != Side::authority || transient(failure.code)) return;
  if (auto recorded = record(JournalEntry::Event::refused, failure.message); !recorded) {
    warn(recorded.error().message);
  }
  if (!concerns_device(failure.code)) return;
  fault_point("before", "abort");
  if (auto aborted = device_.abort(result_.slot); !aborted) {
    warn(fmt::format("the pending key could not be dropped: {}", aborted.error().message));
  } else {
    result_.kept_key = false;
  }
  fault_point("after", "abort");
}

Outcome<void> UnitRun::install() {
  chain_sha256_ = hex(digest_of(line_.crypto, encode_chain(result_.chain)));
  auto installed = deliver(result_.pinned_root.empty());
  // A grant has named another root, which the device has not seen.
  if (!installed && installed.error().code == ErrorCode::root_required) installed = deliver(true);
  if (!installed && installed.error().side == Side::device && !transient(installed.error().code)) {
    STATION_TRY(record(JournalEntry::Event::rejected, installed.error().message));
  }
  return installed;
}

Outcome<void> UnitRun::deliver(bool with_root) {
  auto sent = result_.chain;
  if (with_root) {
    STATION_ASSIGN(auto root, line_.authority.root());
    sent.push_back(std::move(root));
  }
  const auto wire = encode_chain(sent);
  const Sha256 digest = digest_of(line_.crypto, wire);
  STATION_TRY(step(Step::chain, [&] { return device_.write_chain(result_.slot, wire, digest); }));
  return commit();
}

Outcome<void> UnitRun::commit() {
  STATION_ASSIGN(receipt_, step(Step::commit, [&] { return device_.commit(result_.slot, nonce_); }));
  result_.kept_key = false;
  return record(JournalEntry::Event::receipt);
}

Outcome<void> UnitRun::hand_in_receipt() {
  const auto send = [&] {
    return line_.authority.receipt(
        {.device = result_.device, .serial = result_.serial, .nonce = nonce_, .receipt = receipt_});
  };
  auto state = step(Step::receipt, send);
  if (!state && state.error().code == ErrorCode::bad_nonce) {
    // The nonce grew too old while the network was down: the device signs over a fresh one.
    STATION_TRY(fetch_nonce());
    STATION_TRY(commit());
    state = step(Step::receipt, send);
  }
  if (!state) return std::unexpected(std::move(state).error());
  result_.receipt_state = *std::move(state);
  STATION_TRY(record(JournalEntry::Event::done));
  bring_revocations();
  return {};
}

// A device that trusts another firmware root refuses the list, and is provisioned all the same.
void UnitRun::bring_revocations() {
  const auto list = line_.authority.signer_revocations();
  if (list && list->empty()) return;
  const auto number =
      list ? deliver_revocations(link_, *list) : Outcome<std::uint64_t>(std::unexpected(list.error()));
  if (number) {
    result_.revocation_list = *number;
  } else {
    warn(fmt::format("the list of revoked firmware signers was not delivered: {}", number.error().message));
  }
}

Outcome<void> UnitRun::finish() {
  STATION_TRY(write_out());
  if (!options_.reset) return {};
  return step(Step::reset, [&] { return reset(link_); });
}

}  // namespace pedigree::station
