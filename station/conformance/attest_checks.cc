// SPDX-License-Identifier: Apache-2.0
// Attestation: tokens over a challenge, and the chain that goes with them.
#include <fmt/format.h>

#include "core/cose/cose.h"
#include "core/psa_token/psa_token.h"
#include "core/x509/path.h"
#include "station/conformance/stored.h"
#include "station/link/text.h"

namespace pedigree::station::conformance {
namespace {

using enrol::BeginRequest;
using enrol::Command;
using enrol::Origin;
using enrol::Purpose;

Checked may_attest(const Bench& bench) {
  return bench.attests.value_or(false) ? Checked() : not_run("the device does not attest");
}

/// The claims fit the device and the challenge; `spki`, where it is known, signed them.
Checked check_token(Bench& bench, Bytes token, Bytes challenge, const std::optional<Octets>& spki) {
  const auto message = cose::Sign1::parse(token);
  if (!message || !message->payload()) return wrong("the token is no COSE_Sign1 with a payload");
  const auto claims = psa_token::Claims::parse(*message->payload());
  if (!claims) return unreadable(Side::device, claims.error(), "the token's claims");
  if (!equal(claims->nonce, challenge)) return wrong("the token is over another challenge");
  if (hex(claims->instance_id) != bench.info.id) return wrong("the token's instance id is not the device id");
  const auto lifecycle = psa_token::lifecycle_state(claims->security_lifecycle);
  if (!lifecycle) return wrong("the token states a lifecycle that does not exist");
  if (!spki) return {};
  const auto key = x509::parse_spki(*spki);
  if (!key || !key->key) return wrong("the attestation key is of no known type");
  Octets scratch(2 * token.size() + 256);
  if (!message->verify(bench.crypto, *key->key, {}, scratch)) {
    return wrong("the token is not signed by the attestation key");
  }
  return {};
}

Checked check_challenges(Bench& bench) {
  STATION_TRY(may_attest(bench));
  for (const std::size_t size : {std::size_t{32}, std::size_t{48}, std::size_t{64}}) {
    const Octets challenge = bench.nonce(size);
    STATION_ASSIGN(const Octets token, bench.device.attest(0, challenge, false));
    STATION_TRY(check_token(bench, token, challenge, {}));
    const auto message = cose::Sign1::parse(token);
    if (message->x5chain()) return wrong("the token has a chain that was not asked for");
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{16}, std::size_t{33}, std::size_t{65}}) {
    STATION_TRY(expect_error(bench.device.attest(0, bench.nonce(size), false),
                             fmt::format("a challenge of {} octets", size), {ErrorCode::bad_value}));
  }
  return {};
}

Checked check_reserved(Bench& bench) {
  STATION_TRY(may_attest(bench));
  for (const std::string_view text :
       {"Pedigree evidence", "Pedigree token request", "Pedigree receipt", "Pedigree something later"}) {
    Octets challenge = bench.nonce(64);
    std::ranges::fill(std::span(challenge).first(32), std::uint8_t{0});
    std::ranges::copy(as_bytes(text), challenge.begin());
    STATION_TRY(expect_error(bench.device.attest(0, challenge, false), "a challenge of the device's own form",
                             {ErrorCode::reserved_challenge}));
  }
  return {};
}

Checked check_parts(Bench& bench) {
  STATION_TRY(may_attest(bench));
  const Octets challenge = bench.nonce();
  STATION_ASSIGN(const Octets whole, bench.device.attest(0, challenge, false));
  for (std::uint32_t offset = 0; offset <= whole.size(); offset += 41) {
    STATION_ASSIGN(const Octets payload,
                   bench.read(Command::attest, enrol::AttestRequest{0, challenge, false, offset}, true));
    STATION_ASSIGN(const auto part, decoded<enrol::ChunkResponse>(payload, "a part of the token"));
    const Bytes rest = Bytes(whole).subspan(offset);
    if (part.offset != offset || part.data.size() > rest.size() ||
        !equal(part.data, rest.first(part.data.size()))) {
      return wrong(fmt::format("the part at offset {} is not of the token that began", offset));
    }
  }
  const auto beyond = static_cast<std::uint32_t>(whole.size() + 1);
  return expect_error(bench.read(Command::attest, enrol::AttestRequest{0, challenge, false, beyond}),
                      "an offset behind the token", {ErrorCode::bad_offset});
}

/// The slot where the device's own built-in key is active.
std::optional<std::uint32_t> own_slot(const Bench& bench) {
  for (const Slot& slot : bench.slots_before) {
    const bool active = slot.state != enrol::SlotState::pending;
    if (slot.origin == Origin::builtin && active) return slot.slot;
  }
  return std::nullopt;
}

Checked check_no_chain(Bench& bench) {
  STATION_TRY(may_attest(bench));
  if (own_slot(bench)) return not_run("the attestation key has its chain");
  STATION_TRY(expect_error(bench.device.attest(0, bench.nonce(), true), "a chain that is not there",
                           {ErrorCode::no_attestation_chain}));
  return {};
}

Checked check_other_slot(Bench& bench) {
  STATION_TRY(may_attest(bench));
  STATION_ASSIGN(const TestKey key, bench.begin(Purpose::data));
  for (const std::uint32_t slot : {key.slot, bench.info.slots_total + 1}) {
    STATION_TRY(expect_error(bench.device.attest(slot, bench.nonce(), false), "a token by another key",
                             {ErrorCode::purpose_forbids, ErrorCode::slot_not_found}));
  }
  return {};
}

Outcome<TestKey> begin_builtin(Bench& bench) {
  STATION_TRY(may_attest(bench));
  STATION_TRY(bench.may_make_keys());
  if ((bench.info.origins >> static_cast<unsigned>(Origin::builtin) & 1U) == 0) {
    return not_run("the device has no built-in key");
  }
  if (const auto other = bench.foreign(Purpose::iak)) {
    return not_run(fmt::format("slot {} holds the device's own attestation key", *other));
  }
  BeginRequest request = generate(bench.free_slots().front(), Purpose::iak);
  request.origin = Origin::builtin;
  return bench.begin(request);
}

Checked check_signed(Bench& bench) {
  STATION_ASSIGN(const TestKey key, begin_builtin(bench));
  const Octets challenge = bench.nonce(64);
  STATION_ASSIGN(const Octets token, bench.device.attest(0, challenge, false));
  return check_token(bench, token, challenge, key.spki);
}

/// The x5chain is this chain, and its leaf's key signed the token.
Checked check_x5chain(Bench& bench, Bytes token, Bytes challenge, const Certificates& chain) {
  const auto message = cose::Sign1::parse(token);
  if (!message || !message->x5chain()) return wrong("the token has no x5chain");
  const auto carried = message->x5chain()->view();
  const auto same = [](Bytes a, const Octets& b) { return equal(a, b); };
  if (!std::ranges::equal(carried, chain, same)) return wrong("the token's x5chain is not the stored chain");
  const auto leaf = x509::Certificate::parse(carried.front());
  if (!leaf) return unreadable(Side::device, leaf.error(), "the chain's leaf");
  const Bytes spki = leaf->spki().whole;
  return check_token(bench, token, challenge, Octets(spki.begin(), spki.end()));
}

Checked check_path(Bench& bench, const Certificates& chain) {
  const auto root = x509::Certificate::parse(bench.authority.root());
  if (!root) return failed(Side::station, root.error().code);
  x509::TrustAnchor anchor;
  anchor.certificate = *root;
  x509::PathOptions options;
  options.anchors = {&anchor, 1};
  std::vector<Bytes> views(chain.begin(), chain.end());
  const auto verdict = x509::validate_path(bench.crypto, views, options);
  return verdict.trusted() ? Checked() : wrong("the token's chain does not end at the test root");
}

/// One certificate, and several: x5chain has a form for each.
Checked check_chain(Bench& bench) {
  STATION_TRY(bench.may_commit());
  for (const std::size_t authorities : {std::size_t{0}, std::size_t{2}}) {
    STATION_ASSIGN(const TestKey key, begin_builtin(bench));
    STATION_ASSIGN(Certificates chain, right_chain(bench, key, authorities));
    STATION_ASSIGN(const Stored stored, store_and_check(bench, key, std::move(chain), Origin::builtin));
    for (const std::uint32_t slot : {0U, key.slot}) {
      const Octets challenge = bench.nonce(48);
      STATION_ASSIGN(const Octets token, bench.device.attest(slot, challenge, true));
      STATION_TRY(check_x5chain(bench, token, challenge, stored.chain));
    }
    STATION_TRY(check_path(bench, stored.chain));
    STATION_TRY(bench.destroy(key.slot));
  }
  return {};
}

/// The chain that the device's user has stored.
Checked check_own_chain(Bench& bench) {
  STATION_TRY(may_attest(bench));
  const auto slot = own_slot(bench);
  if (!slot) return not_run("the attestation key has no chain of its user's");
  STATION_ASSIGN(const Octets wire, bench.device.read_chain(*slot));
  const auto read = cose::read_chain(wire);
  if (!read) return unreadable(Side::device, read.error(), "the stored chain");
  Certificates chain;
  for (const Bytes certificate : read->view()) chain.emplace_back(certificate.begin(), certificate.end());
  const Octets challenge = bench.nonce();
  STATION_ASSIGN(const Octets token, bench.device.attest(0, challenge, true));
  return check_x5chain(bench, token, challenge, chain);
}

}  // namespace

void add_attest_checks(Checks& checks) {
  const auto add = [&](const char* name, const char* what, Effect effect, Checked (*run)(Bench&)) {
    checks.push_back({"attest", name, what, effect, run});
  };
  add("challenges", "a token answers its challenge, of 32, 48 or 64 octets", Effect::looks, check_challenges);
  add("reserved", "nobody gets the device's own statements by a challenge", Effect::looks, check_reserved);
  add("parts", "a token can be read from any offset, and stays the same", Effect::looks, check_parts);
  add("no-chain", "without a chain there is none in the token", Effect::looks, check_no_chain);
  add("other-slot", "no other key signs tokens", Effect::keys, check_other_slot);
  add("signed", "a token is signed by the key that begin told", Effect::keys, check_signed);
  add("chain", "a token brings the stored chain, whose leaf signed it", Effect::commits, check_chain);
  add("own-chain", "a token brings the chain of the device's user, whose leaf signed it", Effect::looks,
      check_own_chain);
}

}  // namespace pedigree::station::conformance
