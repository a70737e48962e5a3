// SPDX-License-Identifier: Apache-2.0
#include "station/conformance/stored.h"

#include <fmt/format.h>

#include "core/cose/cose.h"
#include "core/evidence/challenge.h"
#include "core/psa_token/psa_token.h"
#include "station/link/text.h"

namespace pedigree::station::conformance {
namespace {

/// The built-in key signs nothing but tokens: its receipt is one over the receipt.
Checked check_token_content(Bench& bench, Bytes payload, const enrol::Receipt& expected) {
  const auto claims = psa_token::Claims::parse(payload);
  if (!claims) return unreadable(Side::device, claims.error(), "the receipt's claims");
  std::array<std::uint8_t, 256> buffer{};
  Writer out(buffer);
  enrol::encode(expected, out);
  const Bytes part = out.written();
  const auto challenge =
      evidence::statement_challenge(evidence::Statement::receipt, {&part, 1}, bench.crypto);
  if (!challenge || !equal(claims->nonce, *challenge)) {
    return wrong("the receipt is a token over another slot, chain, nonce or device");
  }
  if (claims->client_id <= 0) return wrong("the receipt was not asked for by the secure service");
  return {};
}

Checked check_content(Bytes payload, const enrol::Receipt& expected) {
  const auto content = enrol::decode<enrol::Receipt>(payload);
  if (!content) return unreadable(Side::device, content.error(), "the receipt");
  if (content->slot != expected.slot) return wrong("the receipt names another slot");
  if (!equal(content->nonce, expected.nonce)) return wrong("the receipt is over another nonce");
  if (!equal(content->device_id, expected.device_id)) return wrong("the receipt names another device");
  if (!equal(content->chain_sha256, expected.chain_sha256)) {
    return wrong("the receipt is for another chain than was sent");
  }
  return {};
}

}  // namespace

Outcome<Certificates> right_chain(Bench& bench, const TestKey& key, std::size_t authorities) {
  return bench.authority.issue(plan_chain(bench.info.id, authorities, bench.info.pinned_root.empty()),
                               key.spki);
}

Checked check_receipt(Bench& bench, const Stored& stored, Bytes nonce, Bytes receipt, enrol::Origin origin) {
  const auto message = cose::Sign1::parse(receipt);
  if (!message || !message->payload()) return wrong("the receipt is no COSE_Sign1 with a payload");
  const auto key = x509::parse_spki(stored.key.spki);
  if (!key || !key->key) return wrong("the slot's key is of no known type");
  Octets scratch(2 * receipt.size() + 256);
  if (!message->verify(bench.crypto, *key->key, {}, scratch)) {
    return wrong("the receipt is not signed by the slot's key");
  }
  const Sha256 digest = bench.sha256(stored.wire);
  const auto id = from_hex(bench.info.id);
  if (!id) return wrong("the device id is no hex text");
  const enrol::Receipt expected{stored.key.slot, digest, nonce, *id};
  return origin == enrol::Origin::builtin ? check_token_content(bench, *message->payload(), expected)
                                          : check_content(*message->payload(), expected);
}

Checked check_active(Bench& bench, const Stored& stored) {
  STATION_ASSIGN(const auto slot, bench.slot(stored.key.slot));
  if (!slot) return wrong("the slot is not listed after its commit");
  if (slot->state != enrol::SlotState::active) {
    return wrong(fmt::format("the slot is {} after its commit", name(slot->state)));
  }
  if (slot->key != hex(bench.sha256(stored.key.spki))) return wrong("the active key is another one");
  if (slot->chain_size != stored.wire.size() || slot->chain_sha256 != hex(bench.sha256(stored.wire))) {
    return wrong("the list of slots has another size or digest than the chain's");
  }
  STATION_ASSIGN(const Octets read, bench.device.read_chain(stored.key.slot));
  return read == stored.wire ? Checked() : wrong("the chain that is read is not the one that was sent");
}

Outcome<Stored> store_and_check(Bench& bench, const TestKey& key, Certificates chain, enrol::Origin origin) {
  STATION_TRY(bench.write_chain(key.slot, on_wire(chain)));
  const Octets nonce = bench.nonce();
  STATION_ASSIGN(const Octets receipt, bench.device.commit(key.slot, nonce));
  const bool first = bench.info.pinned_root.empty();
  STATION_ASSIGN(const DeviceInfo info, bench.device.info());
  bench.info.pinned_root = info.pinned_root;
  if (info.pinned_root != hex(bench.authority.root_key())) {
    return wrong(first ? "the first chain's root was not pinned" : "the pinned root changed");
  }
  // The root is not kept with the chain.
  if (chain.back() == bench.authority.root()) chain.pop_back();
  Stored stored{key, chain, on_wire(chain)};
  STATION_TRY(check_receipt(bench, stored, nonce, receipt, origin));
  STATION_TRY(check_active(bench, stored));
  return stored;
}

Outcome<Stored> stored_key(Bench& bench, enrol::Purpose purpose) {
  STATION_TRY(bench.may_commit());
  STATION_ASSIGN(const TestKey key, bench.begin(purpose));
  STATION_ASSIGN(Certificates chain, right_chain(bench, key, 1));
  return store_and_check(bench, key, std::move(chain));
}

}  // namespace pedigree::station::conformance
