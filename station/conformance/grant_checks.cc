// SPDX-License-Identifier: Apache-2.0
// Grants: which a device refuses, and why. None is given that would be taken, so nothing is left on the
// device.
#include "core/grant/grant.h"

#include "core/enrol/image_group.h"
#include "core/x509/builder.h"
#include "station/conformance/bench.h"
#include "station/link/text.h"

namespace pedigree::station::conformance {
namespace {

using enrol::Command;

constexpr der::UnixTime kIssued = 1735689600;  // 2025-01-01
constexpr der::UnixTime kBefore = 1704067200;  // 2024-01-01

/// Who signs, and what it says that may be wrong.
struct Plan {
  bool for_grants = true;
  bool expired = false;
  bool other_device = false;
  bool other_nonce = false;
  bool break_signature = false;
};

std::unexpected<Failure> own(const Error& error) {
  return failed(Side::station, error.code, "the test's grant");
}

Octets validity_until(der::UnixTime end) {
  Octets buffer(64);
  Writer out(buffer);
  der::Builder builder(out);
  const std::size_t sequence = builder.open(der::kSequence);
  builder.time(kBefore);
  builder.time(end);
  builder.close(sequence);
  buffer.resize(out.size());
  return buffer;
}

Outcome<Octets> make_grant(Bench& bench, const Plan& plan, const Sha256& nonce) {
  const auto key = bench.keys.make(crypto::KeyType::p256);
  if (!key) return own(key.error());
  std::array<std::uint8_t, crypto::kMaxPublicKeySize> public_octets{};
  const auto half = bench.crypto.public_key(*key, public_octets);
  if (!half) return own(half.error());
  Octets spki(256);
  Writer out(spki);
  der::Builder builder(out);
  x509::write_spki(*half, builder);
  spki.resize(out.size());
  ChainPlan chain = plan_chain("delegate", 0, true);
  if (plan.for_grants)
    chain.leaf.ext_key_usage = Octets(grant::kKeyPurposes.begin(), grant::kKeyPurposes.end());
  if (plan.expired) chain.leaf.raw_validity = validity_until(kIssued - 1);
  STATION_ASSIGN(const Certificates certificates, bench.authority.issue(chain, spki));
  auto device = from_hex(bench.info.id);
  if (!device) return own(device.error());
  if (plan.other_device) device->back() ^= 1U;
  Sha256 answered = nonce;
  if (plan.other_nonce) answered[0] ^= 1U;
  const grant::Grant content{.operation = grant::Operation::destroy,
                             .device_id = *device,
                             .nonce = answered,
                             .issued_at = kIssued,
                             .expires_at = kIssued + 60,
                             .slot = enrol::kMaxSlots};
  Octets buffer(2 * grant::kMaxSize);
  const auto message =
      grant::sign(bench.crypto, content, certificates.front(), certificates.back(), *key, buffer);
  if (!message) return own(message.error());
  Octets grant(message->begin(), message->end());
  if (plan.break_signature) grant.back() ^= 1U;
  return grant;
}

/// The device's challenge; not run where the device takes no grants.
Outcome<Challenge> challenge(Bench& bench) {
  auto asked = bench.device.challenge();
  if (!asked && asked.error().code == ErrorCode::unknown_command)
    return not_run("the device takes no grants");
  if (!asked && asked.error().code == ErrorCode::lifecycle_forbids) {
    return not_run("the device is decommissioned");
  }
  return asked;
}

Checked check_challenge(Bench& bench) {
  STATION_ASSIGN(const Challenge first, challenge(bench));
  STATION_ASSIGN(const Challenge again, bench.device.challenge());
  if (again.nonce != first.nonce) return wrong("the challenge changes though no grant was tried with it");
  if (first.max_size < 1024) return wrong("the device takes less than 1024 octets: no grant");
  const Octets nothing(16, 0xd2);
  if (bench.device.send_grant(nothing)) return wrong("16 octets were taken for a grant");
  STATION_ASSIGN(const Challenge next, bench.device.challenge());
  if (next.nonce == first.nonce) return wrong("the challenge is the same after a grant was tried");
  return {};
}

Checked check_size(Bench& bench) {
  STATION_ASSIGN(const Challenge now, challenge(bench));
  const Octets data(16, 0xd2);
  const auto part = [&](std::optional<std::uint32_t> total) {
    enrol::RevocationsWrite message;
    message.total = total;
    message.data = data;
    return bench.write(Command::challenge, message);
  };
  STATION_TRY(expect_error(part({}), "a grant without its size", {ErrorCode::missing_field}));
  STATION_TRY(expect_error(part(now.max_size + 1), "a grant that is too long", {ErrorCode::too_long}));
  return expect_error(part(15), "a part beyond the end of the grant", {ErrorCode::too_long});
}

/// Grants are judged by the pinned root: it is to be the test's.
Checked pin(Bench& bench) {
  if (bench.info.pinned_root == hex(bench.authority.root_key())) return {};
  STATION_TRY(bench.may_commit());
  STATION_ASSIGN(const TestKey key, bench.begin());
  STATION_ASSIGN(const Certificates chain,
                 bench.authority.issue(plan_chain(bench.info.id, 1, true), key.spki));
  STATION_TRY(bench.store(key.slot, on_wire(chain)));
  return {};
}

Checked check_refusals(Bench& bench) {
  STATION_TRY(challenge(bench));
  STATION_TRY(pin(bench));
  const auto refused = [&](const Plan& plan, std::string_view what, ErrorCode code) -> Checked {
    STATION_ASSIGN(const Challenge now, bench.device.challenge());
    STATION_ASSIGN(const Octets grant, make_grant(bench, plan, now.nonce));
    return expect_error(bench.device.send_grant(grant), what, {code});
  };
  STATION_TRY(refused({.for_grants = false}, "a grant by somebody whom the root has not named for grants",
                      ErrorCode::grant_signer_refused));
  STATION_TRY(refused({.expired = true}, "a grant by a signer that has expired", ErrorCode::grant_expired));
  STATION_TRY(refused({.other_device = true}, "another device's grant", ErrorCode::grant_other_device));
  STATION_TRY(refused({.other_nonce = true}, "a grant for another challenge", ErrorCode::grant_nonce));
  STATION_TRY(
      refused({.break_signature = true}, "a grant whose signature is wrong", ErrorCode::invalid_signature));
  return expect_error(bench.device.send_grant(Octets(300, 0xd2)), "octets that are no grant",
                      {ErrorCode::grant_malformed});
}

}  // namespace

void add_grant_checks(Checks& checks) {
  checks.push_back({"grant", "challenge", "a challenge stands until a grant was tried with it", Effect::looks,
                    check_challenge});
  checks.push_back(
      {"grant", "size", "a grant has a size, and no more octets than that", Effect::looks, check_size});
  checks.push_back({"grant", "refusal", "only the root's own delegate grants, this device, for its challenge",
                    Effect::commits, check_refusals});
}

}  // namespace pedigree::station::conformance
