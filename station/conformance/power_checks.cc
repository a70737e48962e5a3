// SPDX-License-Identifier: Apache-2.0
// Power cuts in the midst of each operation that changes something: the slot is as before or as after, and
// the same calls finish the work.
#include <fmt/format.h>

#include <thread>

#include "station/conformance/stored.h"
#include "station/link/text.h"

namespace pedigree::station::conformance {
namespace {

using enrol::Command;
using enrol::Origin;
using enrol::Purpose;
using enrol::SlotState;

/// Cuts of one operation, spread over the time that it takes.
constexpr unsigned kCuts = 6;

Checked may_cut(const Bench& bench) {
  if (!bench.power_cut) return not_run("no --power-cut COMMAND was given");
  // The first chain that a check stores would close such a device in the midst of it.
  if (bench.closes_at_boot) return not_run("a cut would close the device, which is secured and still open");
  return {};
}

Checked cut_now(Bench& bench) {
  STATION_TRY(bench.power_cut());
  return bench.wire.wait_until_back();
}

template <typename Message>
Request request_of(Command command, const Message& message) {
  return {.operation = smp::Operation::write,
          .group = smp::kPedigreeGroup,
          .command = static_cast<std::uint8_t>(command),
          .payload = encoded(message),
          .slow = true};
}

/// How often the device was found as before and as after.
struct Counts {
  unsigned before = 0;
  unsigned after = 0;
  [[nodiscard]] std::string text() const {
    return fmt::format("found as before {} times, as after {} times", before, after);
  }
};

/// Sends the request once, and cuts power later: at once, at quarters of `time`, and a quarter after it.
Checked cut_during(Bench& bench, const Request& request, Duration time, unsigned turn) {
  bench.wire.drain();
  STATION_TRY(bench.wire.send(bench.wire.packet(request)));
  std::this_thread::sleep_for(time * turn / (kCuts - 2));
  return cut_now(bench);
}

template <typename Action>
Outcome<Duration> time_of(Action action) {
  const auto start = Clock::now();
  STATION_TRY(action());
  return std::chrono::duration_cast<Duration>(Clock::now() - start);
}

Checked check_begin(Bench& bench) {
  STATION_TRY(may_cut(bench));
  STATION_TRY(bench.may_make_keys());
  const auto request = generate(bench.free_slots().front(), Purpose::tls);
  STATION_ASSIGN(const Duration time, time_of([&] { return bench.begin(request); }));
  STATION_TRY(bench.destroy(request.slot));
  Counts counts;
  for (unsigned turn = 0; turn < kCuts; ++turn) {
    bench.adopt(request.slot);
    STATION_TRY(cut_during(bench, request_of(Command::begin, request), time, turn));
    STATION_ASSIGN(const auto slot, bench.slot(request.slot));
    ++(slot ? counts.after : counts.before);
    if (slot && slot->state != SlotState::pending)
      return wrong("after a cut in begin the slot is not pending");
    STATION_ASSIGN(const TestKey key, bench.begin(request));
    if (slot && (!key.reused || slot->key != hex(bench.sha256(key.spki)))) {
      return wrong("after a cut in begin, begin again made another key than the one that was there");
    }
    STATION_ASSIGN(const Octets der, bench.device.csr(key.slot, bench.nonce()));
    STATION_TRY(bench.destroy(key.slot));
  }
  bench.remark = counts.text();
  return {};
}

Checked check_chain(Bench& bench) {
  STATION_TRY(may_cut(bench));
  STATION_TRY(bench.may_commit());
  STATION_ASSIGN(const TestKey key, bench.begin());
  STATION_ASSIGN(Certificates certificates, right_chain(bench, key, 1));
  const Octets chain = on_wire(certificates);
  const Sha256 digest = bench.sha256(chain);
  std::uint32_t kept = 0;
  for (std::uint32_t offset = 0; offset < chain.size();) {
    enrol::ChainWriteRequest part;
    part.slot = key.slot;
    part.offset = offset;
    part.data = Bytes(chain).subspan(offset, std::min<std::size_t>(160, chain.size() - offset));
    if (offset == 0) part.total = static_cast<std::uint32_t>(chain.size());
    if (offset == 0) part.sha256 = Bytes(digest);
    STATION_TRY(cut_during(bench, request_of(Command::chain, part), std::chrono::milliseconds(20), 1));
    STATION_ASSIGN(const auto slot, bench.slot(key.slot));
    if (!slot || slot->key != hex(bench.sha256(key.spki))) return wrong("the key is gone after a cut");
    if (slot->staged > offset + part.data.size()) return wrong("more of the chain is there than was sent");
    kept = std::max(kept, slot->staged);
    // On without a cut up to the next one, from where the device says.
    offset += static_cast<std::uint32_t>(part.data.size());
    for (std::uint32_t next = slot->staged; next < offset;) {
      part.offset = next;
      part.total.reset();
      part.sha256.reset();
      if (next == 0) part.total = static_cast<std::uint32_t>(chain.size());
      if (next == 0) part.sha256 = Bytes(digest);
      part.data = Bytes(chain).subspan(next, std::min<std::size_t>(160, offset - next));
      STATION_ASSIGN(const std::uint32_t answered, bench.chain_part(part));
      if (answered <= next) return wrong(fmt::format("the transfer stands still at {}", next));
      next = answered;
    }
  }
  STATION_TRY(store_and_check(bench, key, std::move(certificates)));
  bench.remark = fmt::format("{} octets were kept at most", kept);
  return {};
}

/// The slot after a cut in a commit: the same key, pending or active.
Checked check_commit(Bench& bench) {
  STATION_TRY(may_cut(bench));
  STATION_TRY(bench.may_commit());
  Duration time{};
  Counts counts;
  for (unsigned turn = 0; turn <= kCuts; ++turn) {
    STATION_ASSIGN(const TestKey key, bench.begin(Purpose::tls));
    STATION_ASSIGN(Certificates certificates, right_chain(bench, key, 1));
    STATION_TRY(bench.write_chain(key.slot, on_wire(certificates)));
    const Octets nonce = bench.nonce();
    const enrol::CommitRequest commit{key.slot, nonce, 0};
    if (turn == 0) {
      STATION_ASSIGN(time, time_of([&] { return bench.device.commit(key.slot, nonce); }));
    } else {
      STATION_TRY(cut_during(bench, request_of(Command::commit, commit), time, turn - 1));
      STATION_ASSIGN(const auto slot, bench.slot(key.slot));
      if (!slot || slot->key != hex(bench.sha256(key.spki))) return wrong("the key is gone after a cut");
      ++(slot->state == SlotState::active ? counts.after : counts.before);
      if (slot->state == SlotState::pending && slot->staged == 0) {
        // The staged chain may be lost; the key may not.
        STATION_TRY(bench.write_chain(key.slot, on_wire(certificates)));
      }
    }
    STATION_ASSIGN(const auto slot, bench.slot(key.slot));
    if (slot && slot->state == SlotState::pending) {
      STATION_TRY(store_and_check(bench, key, certificates));
    } else {
      if (certificates.back() == bench.authority.root()) certificates.pop_back();
      const Stored stored{key, certificates, on_wire(certificates)};
      STATION_ASSIGN(const DeviceInfo info, bench.device.info());
      bench.info.pinned_root = info.pinned_root;
      STATION_TRY(check_active(bench, stored));
      const Octets again = bench.nonce();
      STATION_ASSIGN(const Octets receipt, bench.device.commit(key.slot, again));
      STATION_TRY(check_receipt(bench, stored, again, receipt, Origin::generate));
    }
    STATION_TRY(bench.destroy(key.slot));
  }
  bench.remark = counts.text();
  return {};
}

/// The old key is the slot's until the new one is: never neither.
Checked check_replace(Bench& bench) {
  STATION_TRY(may_cut(bench));
  STATION_ASSIGN(Stored old, stored_key(bench, Purpose::tls));
  Duration time{};
  Counts counts;
  for (unsigned turn = 0; turn <= kCuts; ++turn) {
    enrol::BeginRequest request = generate(old.key.slot, Purpose::tls);
    request.replace = true;
    STATION_ASSIGN(const TestKey next, bench.begin(request));
    STATION_ASSIGN(Certificates certificates, right_chain(bench, next, 0));
    STATION_TRY(bench.write_chain(next.slot, on_wire(certificates)));
    const Octets nonce = bench.nonce();
    if (turn == 0) {
      STATION_ASSIGN(time, time_of([&] { return bench.device.commit(next.slot, nonce); }));
    } else {
      const enrol::CommitRequest commit{next.slot, nonce, 0};
      STATION_TRY(cut_during(bench, request_of(Command::commit, commit), time, turn - 1));
      STATION_ASSIGN(const auto slot, bench.slot(next.slot));
      if (!slot) return wrong("after a cut while a key was replaced there is none");
      const bool replaced = slot->state == SlotState::active;
      if (!replaced && slot->state != SlotState::replacing) {
        return wrong(fmt::format("after a cut while a key was replaced the slot is {}", name(slot->state)));
      }
      STATION_ASSIGN(const Octets key, bench.public_key(next.slot));
      STATION_ASSIGN(const Octets chain, bench.device.read_chain(next.slot));
      if (key != (replaced ? next.spki : old.key.spki) ||
          chain != (replaced ? on_wire(certificates) : old.wire)) {
        return wrong("after a cut while a key was replaced, key and chain are not of one time");
      }
      ++(replaced ? counts.after : counts.before);
      if (!replaced) STATION_TRY(bench.write_chain(next.slot, on_wire(certificates)));
      if (!replaced) STATION_TRY(bench.device.commit(next.slot, bench.nonce()));
    }
    old = Stored{next, certificates, on_wire(certificates)};
    STATION_TRY(check_active(bench, old));
  }
  bench.remark = counts.text();
  return {};
}

Checked check_destroy(Bench& bench) {
  STATION_TRY(may_cut(bench));
  Duration time{};
  Counts counts;
  for (unsigned turn = 0; turn <= kCuts; ++turn) {
    STATION_ASSIGN(const Stored stored, stored_key(bench));
    const std::uint32_t number = stored.key.slot;
    if (turn == 0) {
      STATION_ASSIGN(time, time_of([&] { return bench.destroy(number); }));
      continue;
    }
    STATION_TRY(cut_during(bench, request_of(Command::destroy, enrol::SlotRequest{number}), time, turn - 1));
    STATION_ASSIGN(const auto slot, bench.slot(number));
    ++(slot ? counts.before : counts.after);
    if (slot) STATION_TRY(check_active(bench, stored));
    STATION_TRY(bench.destroy(number));
    STATION_ASSIGN(const auto gone, bench.slot(number));
    if (gone) return wrong("after a cut the slot cannot be destroyed");
    STATION_ASSIGN(const DeviceInfo info, bench.device.info());
    if (info.slots_used != bench.info.slots_used) return wrong("after a cut a destroyed slot counts as used");
  }
  bench.remark = counts.text();
  return {};
}

}  // namespace

void add_power_checks(Checks& checks) {
  const auto add = [&](const char* name, const char* what, Checked (*run)(Bench&)) {
    checks.push_back({"power", name, what, Effect::cuts_power, run});
  };
  add("begin", "cut in begin: no key or one, and begin again answers it", check_begin);
  add("chain", "cut in every part of a chain: the transfer goes on", check_chain);
  add("commit", "cut in commit: pending or active, with the same key", check_commit);
  add("replace", "cut while a key is replaced: the old or the new one, with its chain", check_replace);
  add("destroy", "cut in destroy: there or gone", check_destroy);
}

}  // namespace pedigree::station::conformance
