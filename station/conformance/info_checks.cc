// SPDX-License-Identifier: Apache-2.0
// The OS group, and what the device says of itself.
#include <fmt/format.h>

#include <bit>

#include "core/cbor/cbor.h"
#include "station/conformance/bench.h"
#include "station/link/text.h"

namespace pedigree::station::conformance {
namespace {

using smp::Operation;

Request os_request(Operation operation, smp::OsCommand command) {
  return {.operation = operation,
          .group = smp::kOsGroup,
          .command = static_cast<std::uint8_t>(command),
          .payload = {0xa0},
          .slow = false};
}

/// A command that a device need not have: its text under `key`, or not run.
Checked expect_text(Bench& bench, smp::OsCommand command, std::string_view key) {
  auto answer = call(bench.wire, os_request(Operation::read, command));
  if (!answer && answer.error().code == ErrorCode::unknown_command) {
    return not_run("the device does not offer it");
  }
  if (!answer) return std::unexpected(std::move(answer).error());
  Reader in(*answer);
  const auto pairs = cbor::read_map(in);
  for (std::size_t i = 0; pairs && i < *pairs; ++i) {
    const auto name = cbor::read_tstr(in);
    if (name && *name == key) {
      const auto text = cbor::read_tstr(in);
      if (text && !text->empty()) return {};
      return wrong(fmt::format("\"{}\" is no text", key));
    }
    if (!name || !cbor::skip(in)) break;
  }
  return wrong(fmt::format("the answer has no \"{}\"", key));
}

Checked check_parameters(Bench& bench) {
  const auto answer = call(bench.wire, os_request(Operation::read, smp::OsCommand::parameters));
  if (!answer && answer.error().code == ErrorCode::unknown_command) {
    return not_run("the device does not offer it");
  }
  STATION_ASSIGN(const Limits limits, negotiate(bench.wire));
  if (!limits.negotiated) return wrong("buf_size and buf_count are not both there");
  if (limits.packet < 256) {
    return wrong(fmt::format("a buffer of {} octets takes no request of 256", limits.packet));
  }
  return {};
}

Checked check_os_info(Bench& bench) {
  return expect_text(bench, smp::OsCommand::info, "output");
}

Checked check_bootloader(Bench& bench) {
  return expect_text(bench, smp::OsCommand::bootloader_info, "bootloader");
}

bool same(const Slot& a, const Slot& b) {
  return a.slot == b.slot && a.purpose == b.purpose && a.type == b.type && a.state == b.state &&
         a.origin == b.origin && a.key == b.key && a.chain_sha256 == b.chain_sha256 &&
         a.chain_size == b.chain_size;
}

Checked check_reset(Bench& bench) {
  STATION_TRY(bench.may_restart());
  STATION_ASSIGN(const auto before, bench.device.slots());
  STATION_TRY(reset(bench.wire));
  STATION_TRY(bench.wire.wait_until_back());
  STATION_ASSIGN(const DeviceInfo info, bench.device.info());
  if (info.id != bench.info.id) return wrong("it has another device id after a reset");
  STATION_ASSIGN(const auto after, bench.device.slots());
  if (!std::ranges::equal(before, after, same)) return wrong("its slots are others after a reset");
  return {};
}

Checked check_info(Bench& bench) {
  STATION_ASSIGN(const DeviceInfo info, bench.device.info());
  const auto id = from_hex(info.id);
  if (!id || id->size() != enrol::kDeviceIdSize || id->front() != 0x01) {
    return wrong("the device id is no UEID of 33 octets that begins with 01");
  }
  if (info.id != bench.info.id) return wrong("the device id changed");
  if (info.version.empty() || info.world.empty()) return wrong("version or world is empty");
  if (info.slots_total == 0 || info.slots_total > enrol::kMaxSlots) {
    return wrong(
        fmt::format("it says that it has {} slots; there are 1 to {}", info.slots_total, enrol::kMaxSlots));
  }
  if (info.slots_used > info.slots_total) return wrong("more slots are used than there are");
  const auto bit = [](std::uint32_t bits, auto value) {
    return (bits >> static_cast<unsigned>(value) & 1U) != 0;
  };
  if (!bit(info.algorithms, crypto::KeyType::p256)) return wrong("it makes no P-256 keys");
  if (!bit(info.origins, enrol::Origin::generate)) return wrong("it generates no keys");
  if ((info.algorithms & ~0x7eU) != 0) return wrong("algs names an algorithm that does not exist");
  if ((info.origins & ~0x1eU) != 0) return wrong("orig names an origin that does not exist");
  if (info.max_chain < 1024) return wrong(fmt::format("it takes chains of {} octets only", info.max_chain));
  return {};
}

Checked check_slots(Bench& bench) {
  STATION_ASSIGN(const DeviceInfo info, bench.device.info());
  STATION_ASSIGN(const auto slots, bench.device.slots());
  // A damaged slot is used and not listed.
  if (slots.size() > info.slots_used) return wrong("it lists more slots than it says are used");
  std::uint32_t last = 0;
  for (const Slot& slot : slots) {
    if (slot.slot <= last || slot.slot > info.slots_total) return wrong("slots are not listed in order");
    last = slot.slot;
    if (slot.state == enrol::SlotState::empty) return wrong("an empty slot is listed");
    const bool active = slot.state != enrol::SlotState::pending;
    if (active != (slot.chain_size > 0) || active != !slot.chain_sha256.empty()) {
      return wrong(
          fmt::format("slot {} is {} and does not list its chain accordingly", slot.slot, name(slot.state)));
    }
  }
  return {};
}

}  // namespace

void add_os_checks(Checks& checks) {
  checks.push_back({"os", "parameters", "buf_size and buf_count are there and sufficient", Effect::looks,
                    check_parameters});
  checks.push_back({"os", "info", "the operating system has a name", Effect::looks, check_os_info});
  checks.push_back({"os", "bootloader", "the boot loader has a name", Effect::looks, check_bootloader});
  checks.push_back(
      {"os", "reset", "a reset is answered, and changes nothing", Effect::restarts, check_reset});
}

void add_info_checks(Checks& checks) {
  checks.push_back(
      {"info", "info", "what it says of itself is complete and possible", Effect::looks, check_info});
  checks.push_back(
      {"info", "slots", "the list of slots agrees with itself and with info", Effect::looks, check_slots});
}

}  // namespace pedigree::station::conformance
