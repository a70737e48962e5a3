// SPDX-License-Identifier: Apache-2.0
// Keys of every purpose, type and origin: made once, told truly, proven, removed.
#include <fmt/format.h>

#include "core/x509/certificate.h"
#include "station/conformance/bench.h"
#include "station/conformance/request.h"
#include "station/link/text.h"

namespace pedigree::station::conformance {
namespace {

using crypto::KeyType;
using enrol::BeginRequest;
using enrol::Origin;
using enrol::Purpose;
using enrol::SlotState;

constexpr KeyType kTypes[] = {KeyType::p256,    KeyType::p384,    KeyType::ed25519,
                              KeyType::rsa2048, KeyType::rsa3072, KeyType::rsa4096};

bool has(std::uint32_t bits, auto value) {
  return (bits >> static_cast<unsigned>(value) & 1U) != 0;
}

/// Slot as listed, key as answered and as asked for again: all are of this key.
Checked check_told(Bench& bench, const TestKey& key, const BeginRequest& request) {
  const auto spki = x509::parse_spki(key.spki);
  if (!spki || !spki->key) return wrong("begin answered no SubjectPublicKeyInfo of a known type");
  if (spki->key->type != request.type) {
    return wrong(fmt::format("a {} key was asked for, and a {} key was made", crypto::name(request.type),
                             crypto::name(spki->key->type)));
  }
  if (!bench.crypto.check_public_key(*spki->key)) return wrong("its public key is no point on the curve");
  STATION_ASSIGN(const Octets again, bench.public_key(key.slot));
  if (again != key.spki) return wrong("public key answers another key than begin");
  STATION_ASSIGN(const auto slot, bench.slot(key.slot));
  if (!slot) return wrong(fmt::format("slot {} is not listed after begin", key.slot));
  if (slot->state != SlotState::pending || slot->purpose != request.purpose || slot->type != request.type ||
      slot->origin != request.origin) {
    return wrong(fmt::format("slot {} is listed as another kind of key than was asked for", key.slot));
  }
  if (slot->key != hex(bench.sha256(key.spki))) return wrong("the list of slots has another key's hash");
  return {};
}

/// begin once more: the same key.
Checked check_same(Bench& bench, const TestKey& key, BeginRequest request) {
  request.slot = key.slot;
  STATION_ASSIGN(const TestKey again, bench.begin(request));
  if (again.spki != key.spki || again.slot != key.slot) {
    return wrong("begin of the same request made another key in place of the pending one");
  }
  return again.reused ? Checked() : wrong("begin did not say that the key was there already");
}

Checked check_gone(Bench& bench, std::uint32_t slot) {
  STATION_TRY(bench.abort(slot));
  STATION_ASSIGN(const auto listed, bench.slot(slot));
  if (listed) return wrong(fmt::format("slot {} is still listed after abort", slot));
  bench.forget(slot);
  return expect_error(bench.public_key(slot), "the key of an aborted slot", {ErrorCode::slot_not_found});
}

/// One key's life, as far as no chain is needed.
Checked check_key(Bench& bench, const BeginRequest& request) {
  STATION_ASSIGN(const TestKey key, bench.begin(request));
  if (key.reused) return wrong("begin says that a new key was there already");
  STATION_TRY(check_told(bench, key, request));
  STATION_TRY(check_same(bench, key, request));
  STATION_TRY(check_proof(bench, key, request.origin));
  if (request.origin == Origin::import) {
    const auto evident = bench.device.csr(key.slot, bench.nonce(), true);
    if (bench.attests.value_or(false)) {
      STATION_TRY(expect_error(evident, "evidence for an imported key", {ErrorCode::evidence_forbidden}));
    }
  }
  return check_gone(bench, key.slot);
}

/// Keys of one origin are made again from the same source, or never.
Checked check_repeatable(Bench& bench, const BeginRequest& request) {
  STATION_ASSIGN(const TestKey first, bench.begin(request));
  STATION_TRY(bench.destroy(first.slot));
  STATION_ASSIGN(const TestKey second, bench.begin(request));
  const bool same = first.spki == second.spki;
  STATION_TRY(bench.destroy(second.slot));
  if (request.origin == Origin::generate) {
    return same ? wrong("two generated keys are the same key") : Checked();
  }
  if (!same) return wrong("the same request made another key");
  if (request.origin != Origin::derive) return {};
  BeginRequest other = request;
  other.label = "another label";
  STATION_ASSIGN(const TestKey third, bench.begin(other));
  return third.spki != first.spki ? Checked() : wrong("two labels derive the same key");
}

/// Whether the device is to make a key of this kind.
bool offers(const Bench& bench, const BeginRequest& request) {
  if (request.origin == Origin::builtin) {
    return has(bench.info.origins, Origin::builtin) && request.purpose == Purpose::iak &&
           request.type == KeyType::p256;
  }
  return has(bench.info.origins, request.origin) && has(bench.info.algorithms, request.type);
}

Checked check_kind(Bench& bench, Purpose purpose, Origin origin, KeyType type, std::string& made) {
  BeginRequest request = generate(bench.free_slots().front(), purpose, type);
  request.origin = origin;
  if (origin == Origin::derive) request.label = "conformance";
  Octets scalar;
  if (origin == Origin::import) {
    // A type that is not of the contract's curves gets some octets: it is refused before they are read.
    scalar = bench.nonce(32);
    if (type == KeyType::p256 || type == KeyType::p384) {
      const auto own = bench.keys.make(type);
      if (!own) return failed(Side::station, own.error().code);
      const auto value = bench.keys.private_value(*own);
      if (!value) return failed(Side::station, value.error().code);
      scalar = *value;
    }
    request.import_key = scalar;
  }
  if (!offers(bench, request)) {
    // Where several reasons hold, any of them.
    return expect_error(
        bench.begin(request), fmt::format("a {} key of this kind", crypto::name(type)),
        {ErrorCode::unsupported_algorithm, ErrorCode::origin_unsupported, ErrorCode::purpose_forbids});
  }
  made += fmt::format("{}{}", made.empty() ? "" : ", ", crypto::name(type));
  STATION_TRY(check_key(bench, request));
  return check_repeatable(bench, request);
}

Checked check_kinds(Bench& bench, Purpose purpose, Origin origin) {
  STATION_TRY(bench.may_make_keys());
  if (const auto other = bench.foreign(purpose);
      other && (purpose == Purpose::iak || purpose == Purpose::idevid)) {
    return not_run(fmt::format("slot {} holds the device's own key of this purpose", *other));
  }
  std::string made;
  for (const KeyType type : kTypes) {
    const Checked checked = check_kind(bench, purpose, origin, type, made);
    if (!checked) {
      Failure failure = checked.error();
      if (!is_not_run(failure)) failure.message = fmt::format("{}: {}", crypto::name(type), failure.message);
      return std::unexpected(std::move(failure));
    }
  }
  bench.remark = made.empty() ? "not offered, and refused" : made + ": made and proven; others refused";
  return {};
}

Checked check_assigned(Bench& bench) {
  STATION_TRY(bench.may_make_keys(2));
  if (bench.foreign(Purpose::tls)) return not_run("the device has a key for TLS, which might be meant");
  STATION_ASSIGN(const TestKey key, bench.begin(generate(enrol::kAnySlot, Purpose::tls)));
  STATION_ASSIGN(const TestKey again, bench.begin(generate(enrol::kAnySlot, Purpose::tls)));
  if (again.slot != key.slot || again.spki != key.spki) {
    return wrong("begin without a slot made a second key for the same request");
  }
  STATION_ASSIGN(const TestKey other, bench.begin(generate(enrol::kAnySlot, Purpose::data)));
  return other.slot != key.slot ? Checked() : wrong("two purposes were given one slot");
}

Checked check_single(Bench& bench) {
  STATION_TRY(bench.may_make_keys(2));
  if (bench.foreign(Purpose::idevid)) return not_run("the device has an IDevID key of its own");
  STATION_ASSIGN(const TestKey key, bench.begin(generate(enrol::kAnySlot, Purpose::idevid)));
  STATION_ASSIGN(const TestKey again, bench.begin(generate(enrol::kAnySlot, Purpose::idevid)));
  return again.slot == key.slot ? Checked() : wrong("there are two IDevID keys");
}

Checked check_restart(Bench& bench) {
  STATION_TRY(bench.may_restart());
  STATION_ASSIGN(const TestKey key, bench.begin(Purpose::tls));
  STATION_TRY(reset(bench.wire));
  STATION_TRY(bench.wire.wait_until_back());
  STATION_ASSIGN(const Octets after, bench.public_key(key.slot));
  if (after != key.spki) return wrong("a pending key is another one after a restart");
  return check_same(bench, key, generate(key.slot, Purpose::tls));
}

Checked check_removal(Bench& bench) {
  STATION_TRY(bench.may_make_keys());
  const std::uint32_t free = bench.free_slots().front();
  // Repeating what is done already, or was never begun, is no error.
  STATION_TRY(bench.abort(free));
  STATION_TRY(bench.destroy(free));
  STATION_ASSIGN(const TestKey key, bench.begin(generate(free, Purpose::data)));
  STATION_TRY(bench.destroy(key.slot));
  STATION_TRY(bench.destroy(key.slot));
  STATION_ASSIGN(const auto listed, bench.slot(key.slot));
  return listed ? wrong("a destroyed slot is still listed") : Checked();
}

Checked check_full(Bench& bench) {
  STATION_TRY(bench.may_make_keys());
  const auto free = bench.free_slots();
  for (const std::uint32_t slot : free) STATION_TRY(bench.begin(generate(slot, Purpose::data)));
  STATION_TRY(expect_error(bench.begin(generate(enrol::kAnySlot, Purpose::data, KeyType::p384)),
                           "a key when all slots are in use",
                           {ErrorCode::slots_full, ErrorCode::unsupported_algorithm}));
  BeginRequest labelled = generate(enrol::kAnySlot, Purpose::tls);
  const bool tls_pending = bench.foreign(Purpose::tls).has_value();
  if (!tls_pending) {
    STATION_TRY(
        expect_error(bench.begin(labelled), "a key when all slots are in use", {ErrorCode::slots_full}));
  }
  STATION_ASSIGN(const DeviceInfo info, bench.device.info());
  if (info.slots_used != info.slots_total) return wrong("all slots are in use, and info says otherwise");
  STATION_TRY(bench.clean());
  STATION_ASSIGN(const DeviceInfo after, bench.device.info());
  return after.slots_used == bench.info.slots_used ? Checked() : wrong("destroyed slots count as used");
}

}  // namespace

void add_key_checks(Checks& checks) {
  for (const Purpose purpose : {Purpose::iak, Purpose::idevid, Purpose::tls, Purpose::data}) {
    for (const Origin origin : {Origin::generate, Origin::derive, Origin::builtin, Origin::import}) {
      checks.push_back({"keys", fmt::format("{}-{}", name(purpose), name(origin)),
                        "every algorithm that info names is made and proven, every other refused",
                        Effect::keys, [=](Bench& bench) { return check_kinds(bench, purpose, origin); }});
    }
  }
  const auto add = [&](const char* name, const char* what, Effect effect, Checked (*run)(Bench&)) {
    checks.push_back({"keys", name, what, effect, run});
  };
  add("assigned", "without a slot's number, begin finds its own pending key, or an empty slot", Effect::keys,
      check_assigned);
  add("single", "an identity key exists once", Effect::keys, check_single);
  add("restart", "a pending key is there after a restart", Effect::restarts, check_restart);
  add("removal", "abort and destroy may be repeated, and leave nothing", Effect::keys, check_removal);
  add("full", "all slots can be used, and no more", Effect::keys, check_full);
}

}  // namespace pedigree::station::conformance
