// SPDX-License-Identifier: Apache-2.0
// Chains that a device must not take: each is sent whole, and refused at commit, and nothing has changed.
#include <fmt/format.h>

#include "station/conformance/bench.h"
#include "station/conformance/faults.h"
#include "station/link/text.h"

namespace pedigree::station::conformance {
namespace {

/// The chain is refused, and key, state and root are as before.
Checked expect_refused(Bench& bench, const TestKey& key, Bytes chain, std::string_view what,
                       const std::vector<ErrorCode>& errors) {
  const std::string root = bench.info.pinned_root;
  const auto answer = bench.store(key.slot, chain);
  const std::optional<Failure> failure = answer ? std::nullopt : std::optional(answer.error());
  Checked checked = wrong("");
  for (const ErrorCode code : errors) {
    if (checked) break;
    checked = expect_refusal(failure, what, {code});
  }
  if (!checked && failure && errors.size() > 1) {
    checked.error().message += " or another of its reasons";
  }
  STATION_TRY(checked);
  STATION_ASSIGN(const auto slot, bench.slot(key.slot));
  if (!slot || slot->state != enrol::SlotState::pending || slot->key != hex(bench.sha256(key.spki))) {
    return wrong(fmt::format("{}: after the refusal the key is not pending as before", what));
  }
  STATION_ASSIGN(const DeviceInfo info, bench.device.info());
  return info.pinned_root == root ? Checked() : wrong(fmt::format("{}: it pinned a root", what));
}

ChainPlan right_plan(const Bench& bench) {
  return plan_chain(bench.info.id, 1, bench.info.pinned_root.empty());
}

Checked check_fault(Bench& bench, const Fault& fault) {
  STATION_TRY(bench.may_commit());
  STATION_ASSIGN(const TestKey key, bench.begin());
  ChainPlan plan = right_plan(bench);
  if (fault.plan) fault.plan(plan);
  STATION_ASSIGN(Certificates certificates, bench.authority.issue(plan, key.spki));
  if (fault.certificates) fault.certificates(certificates);
  Octets chain = on_wire(certificates);
  if (fault.wire) fault.wire(chain);
  if (chain.size() > bench.info.max_chain) {
    return not_run(fmt::format("such a chain has {} octets, and the device takes {}", chain.size(),
                               bench.info.max_chain));
  }
  return expect_refused(bench, key, chain, fault.what, fault.errors);
}

Checked check_other_key(Bench& bench) {
  STATION_TRY(bench.may_commit());
  STATION_TRY(bench.may_make_keys(2));
  STATION_ASSIGN(const TestKey key, bench.begin(enrol::Purpose::tls));
  STATION_ASSIGN(const TestKey other, bench.begin(enrol::Purpose::data));
  STATION_ASSIGN(const Certificates chain, bench.authority.issue(right_plan(bench), other.spki));
  return expect_refused(bench, key, on_wire(chain), "a chain for the key of another slot",
                        {ErrorCode::chain_key_mismatch});
}

Checked check_other_root(Bench& bench) {
  STATION_TRY(bench.may_commit());
  if (bench.info.pinned_root.empty()) return not_run("the device has no root yet; the next area runs it");
  STATION_ASSIGN(const TestKey key, bench.begin());
  STATION_ASSIGN(const TestAuthority stranger, TestAuthority::make(bench.crypto, bench.keys));
  for (const bool with_root : {false, true}) {
    for (const std::size_t authorities : {std::size_t{0}, std::size_t{1}}) {
      STATION_ASSIGN(const Certificates chain,
                     stranger.issue(plan_chain(bench.info.id, authorities, with_root), key.spki));
      STATION_TRY(expect_refused(bench, key, on_wire(chain), "a chain of another root of the same name",
                                 {ErrorCode::chain_root_mismatch}));
    }
  }
  return {};
}

Checked check_root_required(Bench& bench) {
  STATION_TRY(bench.may_commit());
  if (!bench.info.pinned_root.empty()) return not_run("the device has a root");
  STATION_ASSIGN(const TestKey key, bench.begin());
  ChainPlan plan = right_plan(bench);
  plan.with_root = false;
  STATION_ASSIGN(const Certificates chain, bench.authority.issue(plan, key.spki));
  return expect_refused(bench, key, on_wire(chain), "a first chain without its root",
                        {ErrorCode::root_required});
}

Checked check_incomplete(Bench& bench) {
  STATION_TRY(bench.may_commit());
  STATION_ASSIGN(const TestKey key, bench.begin());
  STATION_TRY(expect_error(bench.device.commit(key.slot, bench.nonce()), "commit without a chain",
                           {ErrorCode::chain_incomplete}));
  STATION_ASSIGN(const Certificates certificates, bench.authority.issue(right_plan(bench), key.spki));
  const Octets chain = on_wire(certificates);
  const Sha256 digest = bench.sha256(chain);
  enrol::ChainWriteRequest part;
  part.slot = key.slot;
  part.total = static_cast<std::uint32_t>(chain.size());
  part.sha256 = Bytes(digest);
  part.data = Bytes(chain).first(180);
  STATION_TRY(bench.chain_part(part));
  return expect_error(bench.device.commit(key.slot, bench.nonce()), "commit with a part of the chain",
                      {ErrorCode::chain_incomplete});
}

Checked check_nonce(Bench& bench) {
  STATION_TRY(bench.may_commit());
  STATION_ASSIGN(const TestKey key, bench.begin());
  for (const std::size_t size : {std::size_t{0}, std::size_t{31}, std::size_t{33}}) {
    STATION_TRY(expect_error(bench.device.commit(key.slot, bench.nonce(size)),
                             fmt::format("a nonce of {} octets", size), {ErrorCode::bad_value}));
  }
  return {};
}

/// Every fiftieth octet of a right chain, changed: the digest is right, the chain is not.
Checked check_flipped(Bench& bench) {
  STATION_TRY(bench.may_commit());
  STATION_ASSIGN(const TestKey key, bench.begin());
  STATION_ASSIGN(const Certificates certificates, bench.authority.issue(right_plan(bench), key.spki));
  Octets chain = on_wire(certificates);
  // The root that a device without one is sent has nothing above it that would vouch for all of its octets.
  const std::size_t end = chain.size() - (bench.info.pinned_root.empty() ? certificates.back().size() : 0);
  for (std::size_t at = 3; at < end; at += 50) {
    chain[at] ^= 0x04U;
    if (const auto answer = bench.store(key.slot, chain)) {
      return wrong(fmt::format("a chain was taken whose octet {} was changed", at));
    } else if (answer.error().side != Side::device || answer.error().code == ErrorCode::timeout) {
      return std::unexpected(answer.error());
    }
    chain[at] ^= 0x04U;
  }
  return {};
}

}  // namespace

void add_refusal_checks(Checks& checks) {
  const auto add = [&](const char* name, const char* what, Checked (*run)(Bench&)) {
    checks.push_back({"refusal", name, what, Effect::commits, run});
  };
  add("incomplete", "a chain that is not all there is not stored", check_incomplete);
  add("nonce", "a receipt's nonce has 32 octets", check_nonce);
  add("root-required", "a device without a root asks for it", check_root_required);
  add("other-key", "a chain for another key is refused", check_other_key);
  for (const Fault& fault : chain_faults()) {
    checks.push_back({"refusal", fault.name, fault.what + ": refused", Effect::commits,
                      [fault](Bench& bench) { return check_fault(bench, fault); }});
  }
  add("flipped", "a chain is refused with any octet changed", check_flipped);
}

void add_root_checks(Checks& checks) {
  checks.push_back({"refusal", "other-root", "once a root is pinned, no other is taken", Effect::commits,
                    check_other_root});
}

}  // namespace pedigree::station::conformance
