// SPDX-License-Identifier: Apache-2.0
// What a device refuses because of its lifecycle. Nobody changes that over SMP: it is tested in the one that
// the device is in.
#include <fmt/format.h>

#include "station/conformance/bench.h"

namespace pedigree::station::conformance {
namespace {

using enrol::Command;
using enrol::Lifecycle;
using enrol::Purpose;

/// A slot that nobody has: the lifecycle is to be the reason, and no device's key is touched if it is not.
std::uint32_t nobody(const Bench& bench) {
  return bench.info.slots_total + 1;
}

Checked check_secured(Bench& bench) {
  const Lifecycle now = bench.info.lifecycle;
  if (bench.closes_at_boot) return not_run("the device is secured and open until it boots with a root");
  if (now == Lifecycle::assembly_and_test || now == Lifecycle::rot_provisioning ||
      now == Lifecycle::decommissioned) {
    return not_run(fmt::format("the device is in its lifecycle {}", name(now)));
  }
  for (const std::uint32_t slot : {enrol::kAnySlot, nobody(bench)}) {
    STATION_TRY(
        expect_error(bench.begin(generate(slot, Purpose::data)), "a new key", {ErrorCode::grant_required}));
  }
  enrol::BeginRequest request = generate(nobody(bench), Purpose::data);
  request.replace = true;
  STATION_TRY(expect_error(bench.begin(request), "to replace a key", {ErrorCode::grant_required}));
  STATION_TRY(expect_error(bench.destroy(nobody(bench)), "to destroy a key", {ErrorCode::grant_required}));
  // Reading goes on.
  STATION_TRY(bench.device.info());
  STATION_TRY(bench.device.slots());
  return expect_error(bench.public_key(nobody(bench)), "the key of a slot that does not exist",
                      {ErrorCode::slot_not_found});
}

Checked check_decommissioned(Bench& bench) {
  if (bench.info.lifecycle != Lifecycle::decommissioned) {
    return not_run(fmt::format("the device is in its lifecycle {}", name(bench.info.lifecycle)));
  }
  const auto forbidden = {ErrorCode::lifecycle_forbids};
  STATION_TRY(expect_error(bench.device.slots(), "the list of slots", forbidden));
  STATION_TRY(expect_error(bench.begin(generate(1, Purpose::data)), "a new key", forbidden));
  STATION_TRY(expect_error(bench.device.csr(1, bench.nonce()), "a request", forbidden));
  STATION_TRY(expect_error(bench.device.read_chain(1), "a chain", forbidden));
  STATION_TRY(expect_error(bench.device.commit(1, bench.nonce()), "a commit", forbidden));
  STATION_TRY(expect_error(bench.public_key(1), "a public key", forbidden));
  STATION_TRY(expect_error(bench.device.attest(0, bench.nonce(), false), "a token", forbidden));
  STATION_TRY(expect_error(bench.destroy(nobody(bench)), "to destroy a key", forbidden));
  STATION_TRY(bench.device.info());
  return {};
}

/// Run last: nothing can be made or removed on the device afterwards.
Checked check_closing(Bench& bench) {
  if (!bench.closes_at_boot) return not_run("the device is not one that is secured and open");
  if (bench.info.pinned_root.empty()) return not_run("no root was pinned");
  STATION_TRY(reset(bench.wire));
  STATION_TRY(bench.wire.wait_until_back());
  bench.makes_keys = bench.closes_at_boot = false;
  return check_secured(bench);
}

}  // namespace

void add_closing_checks(Checks& checks) {
  checks.push_back({"lifecycle", "closes", "a secured device that was open is not, once it boots with a root",
                    Effect::restarts, check_closing});
}

void add_lifecycle_checks(Checks& checks) {
  checks.push_back({"lifecycle", "secured", "a secured device makes and destroys keys by a grant only",
                    Effect::keys, check_secured});
  checks.push_back({"lifecycle", "decommissioned", "a decommissioned device tells what it is, and no more",
                    Effect::keys, check_decommissioned});
}

}  // namespace pedigree::station::conformance
