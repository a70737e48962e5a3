// SPDX-License-Identifier: Apache-2.0
#include "station/conformance/bench.h"

#include <fmt/format.h>

#include <algorithm>

#include "station/link/text.h"

namespace pedigree::station::conformance {

using enrol::Command;
using smp::Operation;

std::string_view name(Effect effect) noexcept {
  switch (effect) {
    case Effect::looks:
      return "looks only";
    case Effect::keys:
      return "makes keys";
    case Effect::commits:
      return "stores chains";
    case Effect::restarts:
      return "restarts";
    case Effect::cuts_power:
      return "cuts power";
  }
  return "unknown";
}

std::unexpected<Failure> wrong(std::string message) {
  return failed_with(Side::device, ErrorCode::bad_value, std::move(message));
}

std::unexpected<Failure> not_run(std::string why) {
  return failed_with(Side::station, ErrorCode::not_checked, std::move(why));
}

bool is_not_run(const Failure& failure) noexcept {
  return failure.side == Side::station && failure.code == ErrorCode::not_checked;
}

Checked expect_refusal(const std::optional<Failure>& answer, std::string_view what,
                       std::initializer_list<ErrorCode> allowed) {
  std::string wanted;
  for (const ErrorCode code : allowed) {
    wanted += fmt::format("{}{} ({})", wanted.empty() ? "" : " or ", pedigree::name(code),
                          static_cast<unsigned>(code));
  }
  if (!answer) return wrong(fmt::format("{}: it was accepted, and should be refused as {}", what, wanted));
  if (answer->side == Side::device && std::ranges::find(allowed, answer->code) != allowed.end()) return {};
  if (answer->code == ErrorCode::timeout) return std::unexpected(*answer);
  return wrong(fmt::format("{}: it was refused as {} ({}), and should be as {}", what,
                           pedigree::name(answer->code), static_cast<unsigned>(answer->code), wanted));
}

enrol::BeginRequest generate(std::uint32_t slot, enrol::Purpose purpose, crypto::KeyType type) {
  enrol::BeginRequest request;
  request.slot = slot;
  request.purpose = purpose;
  request.type = type;
  request.origin = enrol::Origin::generate;
  return request;
}

Outcome<void> Bench::meet() {
  STATION_TRY(negotiate(wire));
  STATION_ASSIGN(info, device.info());
  // A decommissioned device tells nothing but info.
  if (info.lifecycle == enrol::Lifecycle::decommissioned) return {};
  STATION_ASSIGN(slots_before, device.slots());
  STATION_TRY(ask_whether_open());
  const auto token = device.attest(0, nonce(), false);
  if (!token && token.error().side == Side::station) return std::unexpected(token.error());
  attests = token || token.error().code != ErrorCode::unknown_command;
  return {};
}

/// A secured device may be open for its first provisioning. What it says of a slot that it does not have
/// tells: that it is not there, or that a grant is missing.
Outcome<void> Bench::ask_whether_open() {
  makes_keys = info.lifecycle == enrol::Lifecycle::assembly_and_test ||
               info.lifecycle == enrol::Lifecycle::rot_provisioning;
  if (makes_keys) return {};
  const auto answer = write(Command::begin, generate(info.slots_total + 1, enrol::Purpose::data), true);
  if (!answer && answer.error().code == ErrorCode::timeout) return std::unexpected(answer.error());
  makes_keys = closes_at_boot = !answer && answer.error().code == ErrorCode::slot_not_found;
  return {};
}

Outcome<Octets> Bench::call(Operation operation, Command command, Octets payload, bool slow) {
  return station::call(wire, {.operation = operation,
                              .group = smp::kPedigreeGroup,
                              .command = static_cast<std::uint8_t>(command),
                              .payload = std::move(payload),
                              .slow = slow});
}

Outcome<TestKey> Bench::begin(const enrol::BeginRequest& request) {
  STATION_ASSIGN(const Octets payload, write(Command::begin, request, true));
  STATION_ASSIGN(const auto answer, decoded<enrol::BeginResponse>(payload, "the answer to begin"));
  const auto listed = [&](const Slot& slot) { return slot.slot == answer.slot; };
  if (std::ranges::any_of(slots_before, listed)) {
    return wrong(fmt::format("begin answered slot {}, which held a key before the test", answer.slot));
  }
  ours_.insert(answer.slot);
  return TestKey{answer.slot, answer.reused, Octets(answer.spki.begin(), answer.spki.end())};
}

Outcome<TestKey> Bench::begin(enrol::Purpose purpose) {
  STATION_TRY(may_make_keys());
  return begin(generate(free_slots().front(), purpose));
}

Outcome<Octets> Bench::public_key(std::uint32_t slot) {
  STATION_ASSIGN(const Octets payload, read(Command::public_key, enrol::SlotRequest{slot}));
  STATION_ASSIGN(const auto answer, decoded<enrol::PublicKeyResponse>(payload, "the public key"));
  return Octets(answer.spki.begin(), answer.spki.end());
}

Outcome<void> Bench::destroy(std::uint32_t slot) {
  STATION_TRY(write(Command::destroy, enrol::SlotRequest{slot}));
  ours_.erase(slot);
  return {};
}

Outcome<void> Bench::abort(std::uint32_t slot) {
  STATION_TRY(write(Command::abort, enrol::SlotRequest{slot}));
  return {};
}

Outcome<std::uint32_t> Bench::chain_part(const enrol::ChainWriteRequest& request) {
  STATION_ASSIGN(const Octets payload, write(Command::chain, request));
  STATION_ASSIGN(const auto answer, decoded<enrol::ChainWriteResponse>(payload, "the answer to a chain"));
  return answer.offset;
}

Outcome<void> Bench::write_chain(std::uint32_t slot, Bytes chain, std::size_t size) {
  const Sha256 digest = sha256(chain);
  if (size == 0) return device.write_chain(slot, chain, digest);
  for (std::size_t offset = 0; offset < chain.size();) {
    enrol::ChainWriteRequest part;
    part.slot = slot;
    part.offset = static_cast<std::uint32_t>(offset);
    part.data = chain.subspan(offset, std::min(size, chain.size() - offset));
    if (offset == 0) part.total = static_cast<std::uint32_t>(chain.size());
    if (offset == 0) part.sha256 = Bytes(digest);
    STATION_ASSIGN(const std::uint32_t next, chain_part(part));
    if (next != offset + part.data.size()) {
      return wrong(fmt::format("after {} octets at offset {} it wants to go on at {}", part.data.size(),
                               offset, next));
    }
    offset = next;
  }
  return {};
}

Outcome<Octets> Bench::store(std::uint32_t slot, Bytes chain) {
  STATION_TRY(write_chain(slot, chain));
  auto receipt = device.commit(slot, nonce());
  // What was not meant to be stored is, and its root with it.
  if (receipt && info.pinned_root.empty()) {
    STATION_ASSIGN(const DeviceInfo now, device.info());
    info.pinned_root = now.pinned_root;
  }
  return receipt;
}

Outcome<std::optional<Slot>> Bench::slot(std::uint32_t number) {
  STATION_ASSIGN(const std::vector<Slot> all, device.slots());
  const auto found = std::ranges::find(all, number, &Slot::slot);
  return found == all.end() ? std::nullopt : std::optional<Slot>(*found);
}

std::vector<std::uint32_t> Bench::free_slots() const {
  std::vector<std::uint32_t> free;
  for (std::uint32_t slot = info.slots_total; slot > 0; --slot) {
    const bool used = std::ranges::find(slots_before, slot, &Slot::slot) != slots_before.end();
    if (!used && !ours_.contains(slot)) free.push_back(slot);
  }
  return free;
}

std::optional<std::uint32_t> Bench::foreign(enrol::Purpose purpose) const {
  const auto found = std::ranges::find(slots_before, purpose, &Slot::purpose);
  return found == slots_before.end() ? std::nullopt : std::optional(found->slot);
}

Checked Bench::may_make_keys(std::size_t slots) const {
  if (!makes_keys) {
    return not_run(fmt::format("the device makes no keys in its lifecycle, {}", name(info.lifecycle)));
  }
  // A damaged slot is counted as used and not listed: which one it is, nobody says.
  if (info.slots_used != slots_before.size()) return not_run("a slot of the device is damaged");
  const std::size_t free = free_slots().size();
  if (free < slots) return not_run(fmt::format("{} free slots are needed, and {} are there", slots, free));
  return {};
}

Checked Bench::may_commit() const {
  STATION_TRY(may_make_keys());
  if (info.pinned_root.empty()) {
    if (info.lifecycle != enrol::Lifecycle::assembly_and_test && !closes_at_boot) {
      return not_run("the device has no root, and pins none in its lifecycle");
    }
    return permissions.pin_root ? Checked() : not_run("the test root may not be pinned");
  }
  if (info.pinned_root == hex(authority.root_key())) return {};
  return not_run("the device's root is pinned and is not the test's; give its key by --test-root");
}

Checked Bench::may_restart() const {
  if (!closes_at_boot || info.pinned_root.empty()) return {};
  return not_run("a restart would close the device: it is secured, and open until it boots with a root");
}

Outcome<void> Bench::clean() {
  const std::set<std::uint32_t> slots = ours_;
  Outcome<void> outcome;
  for (const std::uint32_t slot : slots) {
    if (auto destroyed = destroy(slot); !destroyed && outcome) outcome = std::move(destroyed);
  }
  return outcome;
}

Sha256 Bench::sha256(Bytes octets) const {
  return crypto.sha256(octets).value_or(Sha256{});
}

Octets Bench::nonce(std::size_t size) const {
  Octets nonce(size);
  // Without entropy the station's own keys would not have been made.
  static_cast<void>(crypto.random(nonce));
  // A challenge that begins so is reserved for the device.
  if (!nonce.empty() && nonce[0] == 'P') nonce[0] = 'Q';
  return nonce;
}

}  // namespace pedigree::station::conformance
