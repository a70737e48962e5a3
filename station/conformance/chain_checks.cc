// SPDX-License-Identifier: Apache-2.0
// Chains on their way to a device: parts of every size, resumption, and what is refused before any commit.
#include <fmt/format.h>

#include "station/conformance/bench.h"

namespace pedigree::station::conformance {
namespace {

using enrol::ChainWriteRequest;
using enrol::Command;

/// A slot with a pending key, and a chain for it.
struct Transfer {
  TestKey key;
  Octets chain;
  Sha256 digest{};

  [[nodiscard]] ChainWriteRequest part(std::size_t offset, std::size_t size) const {
    ChainWriteRequest request;
    request.slot = key.slot;
    request.offset = static_cast<std::uint32_t>(offset);
    request.data = Bytes(chain).subspan(offset, std::min(size, chain.size() - offset));
    if (offset == 0) request.total = static_cast<std::uint32_t>(chain.size());
    if (offset == 0) request.sha256 = Bytes(digest);
    return request;
  }
};

Outcome<Transfer> make_transfer(Bench& bench) {
  Transfer transfer;
  STATION_ASSIGN(transfer.key, bench.begin());
  STATION_ASSIGN(const Certificates chain,
                 bench.authority.issue(plan_chain(bench.info.id, 1, true), transfer.key.spki));
  transfer.chain = on_wire(chain);
  transfer.digest = bench.sha256(transfer.chain);
  return transfer;
}

/// The offset that the device answers is the one it should.
Checked expect_next(Bench& bench, const ChainWriteRequest& request, std::size_t next, std::string_view what) {
  STATION_ASSIGN(const std::uint32_t answered, bench.chain_part(request));
  if (answered == next) return {};
  return wrong(fmt::format("{}: it wants to go on at {}, and should at {}", what, answered, next));
}

Checked expect_staged(Bench& bench, std::uint32_t slot, std::size_t size) {
  STATION_ASSIGN(const auto listed, bench.slot(slot));
  if (!listed) return wrong("the slot is not listed");
  if (listed->staged == size) return {};
  return wrong(fmt::format("the list of slots says that {} octets of the chain have come, and {} have",
                           listed->staged, size));
}

/// What is at hand is the chain, octet for octet: the announced digest is right, and nothing is missing.
Checked check_sizes(Bench& bench) {
  STATION_ASSIGN(const Transfer transfer, make_transfer(bench));
  // Header, keys, numbers and the digest stand beside the octets in the first part.
  const std::size_t room = bench.wire.limits().packet - 96;
  for (const std::size_t size : {std::size_t{7}, std::size_t{64}, std::size_t{128}, std::size_t{200}, room}) {
    if (size > room) continue;
    // Another length first, so that the transfer begins anew.
    ChainWriteRequest other = transfer.part(0, 1);
    other.total = static_cast<std::uint32_t>(transfer.chain.size() - 1);
    STATION_TRY(expect_next(bench, other, 1, "the first octet of another chain"));
    const auto written = bench.write_chain(transfer.key.slot, transfer.chain, size);
    if (!written) return wrong(fmt::format("in parts of {} octets: {}", size, written.error().message));
    STATION_TRY(expect_staged(bench, transfer.key.slot, transfer.chain.size()));
  }
  return {};
}

Checked check_resume(Bench& bench) {
  STATION_ASSIGN(const Transfer transfer, make_transfer(bench));
  STATION_TRY(expect_next(bench, transfer.part(0, 150), 150, "the first part"));
  STATION_TRY(expect_next(bench, transfer.part(300, 50), 150, "a part that is ahead"));
  STATION_TRY(expect_next(bench, transfer.part(100, 20), 150, "a part that is behind"));
  STATION_TRY(expect_next(bench, transfer.part(0, 150), 150, "the first part again"));
  STATION_TRY(expect_next(bench, transfer.part(150, 60), 210, "the part that continues"));
  STATION_TRY(expect_next(bench, transfer.part(150, 60), 210, "that part again"));
  STATION_TRY(expect_next(bench, transfer.part(210, 0), 210, "an empty part"));
  STATION_TRY(expect_staged(bench, transfer.key.slot, 210));
  STATION_TRY(bench.device.write_chain(transfer.key.slot, transfer.chain, transfer.digest));
  STATION_TRY(expect_next(bench, transfer.part(0, 10), transfer.chain.size(), "a chain that is all there"));
  return expect_staged(bench, transfer.key.slot, transfer.chain.size());
}

Checked check_anew(Bench& bench) {
  STATION_ASSIGN(const Transfer transfer, make_transfer(bench));
  STATION_TRY(expect_next(bench, transfer.part(0, 150), 150, "the first part"));
  ChainWriteRequest other = transfer.part(0, 20);
  const Octets nonce = bench.nonce();
  other.sha256 = Bytes(nonce);
  STATION_TRY(expect_next(bench, other, 20, "the first part of a chain of another digest"));
  // Without a digest nobody can say that it is the same chain.
  other = transfer.part(0, 30);
  other.sha256.reset();
  STATION_TRY(expect_next(bench, other, 30, "the first part of a chain without a digest"));
  STATION_TRY(expect_next(bench, other, 30, "the first part of a chain without a digest, again"));
  other = transfer.part(30, transfer.chain.size());
  for (std::size_t at = 30; at < transfer.chain.size(); at += 100) {
    const std::size_t end = std::min(at + 100, transfer.chain.size());
    STATION_TRY(expect_next(bench, transfer.part(at, 100), end, "a part without a digest"));
  }
  return expect_staged(bench, transfer.key.slot, transfer.chain.size());
}

Checked check_restart(Bench& bench) {
  STATION_TRY(bench.may_restart());
  STATION_ASSIGN(const Transfer transfer, make_transfer(bench));
  const std::size_t half = transfer.chain.size() / 2;
  for (std::size_t at = 0; at < half; at += 100) {
    STATION_TRY(bench.chain_part(transfer.part(at, std::min<std::size_t>(100, half - at))));
  }
  STATION_TRY(reset(bench.wire));
  STATION_TRY(bench.wire.wait_until_back());
  STATION_ASSIGN(const std::uint32_t next, bench.chain_part(transfer.part(0, 1)));
  if (next > half && next != 1) return wrong("after a restart it has octets that were never sent");
  STATION_TRY(bench.device.write_chain(transfer.key.slot, transfer.chain, transfer.digest));
  return expect_staged(bench, transfer.key.slot, transfer.chain.size());
}

Checked check_two_at_once(Bench& bench) {
  STATION_TRY(bench.may_make_keys(2));
  STATION_ASSIGN(const Transfer a, make_transfer(bench));
  STATION_ASSIGN(const Transfer b, make_transfer(bench));
  // A device may keep what a full part holds only; it says where to go on.
  std::size_t at_a = 0;
  std::size_t at_b = 0;
  for (unsigned turns = 0; at_a < a.chain.size() || at_b < b.chain.size(); ++turns) {
    if (turns > 20) {
      // Each turn to another slot may cost what no part holds yet; in larger parts it goes on.
      STATION_TRY(bench.device.write_chain(a.key.slot, a.chain, a.digest));
      STATION_TRY(bench.device.write_chain(b.key.slot, b.chain, b.digest));
      break;
    }
    if (at_a < a.chain.size()) {
      STATION_ASSIGN(at_a, bench.chain_part(a.part(at_a, 170)));
    }
    if (at_b < b.chain.size()) {
      STATION_ASSIGN(at_b, bench.chain_part(b.part(at_b, 190)));
    }
  }
  STATION_TRY(expect_staged(bench, a.key.slot, a.chain.size()));
  return expect_staged(bench, b.key.slot, b.chain.size());
}

Checked check_digest(Bench& bench) {
  STATION_ASSIGN(Transfer transfer, make_transfer(bench));
  const Sha256 right = transfer.digest;
  transfer.digest[5] ^= 1U;
  STATION_TRY(expect_error(bench.device.write_chain(transfer.key.slot, transfer.chain, transfer.digest),
                           "a chain of another digest than announced", {ErrorCode::bad_digest}));
  transfer.digest = right;
  return bench.device.write_chain(transfer.key.slot, transfer.chain, right);
}

Checked check_damage(Bench& bench) {
  STATION_ASSIGN(Transfer transfer, make_transfer(bench));
  transfer.chain[transfer.chain.size() / 3] ^= 0x20U;
  STATION_TRY(expect_error(bench.device.write_chain(transfer.key.slot, transfer.chain, transfer.digest),
                           "a chain of which an octet was damaged", {ErrorCode::bad_digest}));
  return {};
}

Checked check_lengths(Bench& bench) {
  STATION_ASSIGN(const Transfer transfer, make_transfer(bench));
  ChainWriteRequest request = transfer.part(100, 10);
  STATION_TRY(
      expect_error(bench.chain_part(request), "a part before any transfer began", {ErrorCode::bad_offset}));
  request = transfer.part(0, 10);
  request.total.reset();
  STATION_TRY(
      expect_error(bench.chain_part(request), "a first part without a length", {ErrorCode::missing_field}));
  for (const std::uint32_t total : {bench.info.max_chain + 1, 0xffffffffU}) {
    request.total = total;
    STATION_TRY(expect_error(bench.chain_part(request), fmt::format("a chain of {} octets", total),
                             {ErrorCode::too_long}));
  }
  request.total = 5;
  STATION_TRY(expect_error(bench.chain_part(request), "more octets than announced", {ErrorCode::too_long}));
  const Octets digest = bench.nonce(31);
  request = transfer.part(0, 10);
  request.sha256 = Bytes(digest);
  return expect_error(bench.chain_part(request), "a digest of 31 octets", {ErrorCode::bad_value});
}

Checked check_no_key(Bench& bench) {
  STATION_TRY(bench.may_make_keys());
  const std::uint32_t empty = bench.free_slots().front();
  ChainWriteRequest request;
  for (const std::uint32_t slot : {empty, 0U, bench.info.slots_total + 1}) {
    request.slot = slot;
    request.total = 100;
    STATION_TRY(
        expect_error(bench.chain_part(request), "a chain for an empty slot", {ErrorCode::slot_not_found}));
    STATION_TRY(expect_error(bench.device.read_chain(slot), "the chain of an empty slot",
                             {ErrorCode::slot_not_found}));
    STATION_TRY(expect_error(bench.device.commit(slot, bench.nonce()), "commit of an empty slot",
                             {ErrorCode::slot_not_found}));
  }
  STATION_ASSIGN(const TestKey key, bench.begin());
  return expect_error(bench.device.read_chain(key.slot), "the chain of a slot that has none yet",
                      {ErrorCode::wrong_state});
}

}  // namespace

void add_chain_checks(Checks& checks) {
  const auto add = [&](const char* name, const char* what, Effect effect, Checked (*run)(Bench&)) {
    checks.push_back({"chain", name, what, effect, run});
  };
  add("sizes", "a chain comes whole in parts of any size", Effect::keys, check_sizes);
  add("resume", "parts that do not continue are not taken, and it says where to go on", Effect::keys,
      check_resume);
  add("anew", "another chain begins anew, as does one without a digest", Effect::keys, check_anew);
  add("restart", "a transfer goes on after a restart", Effect::restarts, check_restart);
  add("two-at-once", "chains of two slots are not mixed up", Effect::keys, check_two_at_once);
  add("digest", "a chain of another digest is refused, and the right one is taken after it", Effect::keys,
      check_digest);
  add("damage", "a damaged octet is noticed", Effect::keys, check_damage);
  add("lengths", "lengths and offsets that cannot be are refused", Effect::keys, check_lengths);
  add("no-key", "there is no chain without a key", Effect::keys, check_no_key);
}

}  // namespace pedigree::station::conformance
