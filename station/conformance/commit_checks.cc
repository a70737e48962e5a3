// SPDX-License-Identifier: Apache-2.0
// Chains that a device must take, and what it does with them.
#include <fmt/format.h>

#include "core/x509/oids.h"
#include "station/conformance/stored.h"

namespace pedigree::station::conformance {
namespace {

using crypto::KeyType;
using enrol::BeginRequest;
using enrol::Command;
using enrol::Origin;
using enrol::Purpose;
using enrol::SlotState;

Checked check_levels(Bench& bench, std::size_t authorities) {
  STATION_TRY(bench.may_commit());
  STATION_ASSIGN(const TestKey key, bench.begin(Purpose::tls));
  STATION_ASSIGN(Certificates chain, right_chain(bench, key, authorities));
  STATION_TRY(store_and_check(bench, key, std::move(chain)));
  return {};
}

/// A root that is pinned may come along, and is not stored.
Checked check_with_root(Bench& bench) {
  STATION_TRY(bench.may_commit());
  STATION_ASSIGN(const TestKey key, bench.begin());
  STATION_ASSIGN(Certificates chain, bench.authority.issue(plan_chain(bench.info.id, 1, true), key.spki));
  STATION_TRY(store_and_check(bench, key, std::move(chain)));
  return {};
}

/// Every purpose, algorithm and origin that the device has, with a chain.
Checked check_kinds(Bench& bench) {
  STATION_TRY(bench.may_commit());
  for (const Purpose purpose : {Purpose::idevid, Purpose::tls, Purpose::data}) {
    for (const Origin origin : {Origin::generate, Origin::derive, Origin::import}) {
      for (const KeyType type : {KeyType::p256, KeyType::p384}) {
        const bool made = (bench.info.origins >> static_cast<unsigned>(origin) & 1U) != 0 &&
                          (bench.info.algorithms >> static_cast<unsigned>(type) & 1U) != 0;
        if (!made || (purpose == Purpose::idevid && bench.foreign(purpose))) continue;
        BeginRequest request = generate(bench.free_slots().front(), purpose, type);
        request.origin = origin;
        Octets scalar;
        if (origin == Origin::derive) request.label = "stored";
        if (origin == Origin::import) {
          const auto own = bench.keys.make(type);
          const auto value = own ? bench.keys.private_value(*own) : std::unexpected(own.error());
          if (!value) return failed(Side::station, value.error().code);
          scalar = *value;
          request.import_key = scalar;
        }
        STATION_ASSIGN(const TestKey key, bench.begin(request));
        STATION_ASSIGN(Certificates chain, right_chain(bench, key, 1));
        const auto stored = store_and_check(bench, key, std::move(chain), origin);
        if (!stored) {
          return wrong(fmt::format("{}, {}, {}: {}", name(purpose), name(origin), crypto::name(type),
                                   stored.error().message));
        }
        STATION_TRY(bench.destroy(key.slot));
      }
    }
  }
  return {};
}

struct Variant {
  const char* what;
  void (*plan)(ChainPlan&);
  std::vector<ErrorCode> refusals;  ///< with which a device may leave the feature out
};

Octets octets(std::initializer_list<std::uint8_t> list) {
  return list;
}

/// Right chains that look less usual.
std::vector<Variant> variants() {
  return {
      {"an extended key usage of the leaf",
       [](ChainPlan& p) { p.leaf.ext_key_usage = element(der::kOid, x509::oid::kClientAuth); },
       {}},
      {"an extension that nobody knows and that is not critical",
       [](ChainPlan& p) {
         const std::uint8_t unknown[] = {0x55, 0x1d, 0x63};
         p.leaf.extra = extension(unknown, false, octets({0x05, 0x00}));
       },
       {}},
      {"certificates without key identifiers",
       [](ChainPlan& p) {
         p.leaf.key_identifiers = false;
         p.authorities[0].key_identifiers = false;
       },
       {}},
      {"a CA without a path length", [](ChainPlan& p) { p.authorities[0].path_len.reset(); }, {}},
      {"an alternative name of the leaf",
       [](ChainPlan& p) { p.leaf.subject_alt_name = octets({0x82, 0x06, 'd', 'e', 'v', 'i', 'c', 'e'}); },
       {}},
      {"a CA whose names the leaf's is among",
       [](ChainPlan& p) {
         p.authorities[0].name_constraints =
             element(der::context_constructed(0),
                     element(der::kSequence, element(der::context_constructed(4), p.leaf.raw_subject)));
       },
       {ErrorCode::unknown_critical_extension}},
      {"a CA with a P-384 key",
       [](ChainPlan& p) { p.authorities[0].key_type = KeyType::p384; },
       {ErrorCode::unsupported_algorithm, ErrorCode::invalid_key}},
      {"a CA with an RSA-2048 key",
       [](ChainPlan& p) { p.authorities[0].key_type = KeyType::rsa2048; },
       {ErrorCode::unsupported_algorithm, ErrorCode::invalid_key}},
      {"a CA with an Ed25519 key",
       [](ChainPlan& p) { p.authorities[0].key_type = KeyType::ed25519; },
       {ErrorCode::unsupported_algorithm, ErrorCode::invalid_key}},
      {"a leaf that has expired, on a device without a clock",
       [](ChainPlan& p) {
         const auto time = [](std::string_view text) { return element(der::kUtcTime, as_bytes(text)); };
         p.leaf.raw_validity =
             element(der::kSequence, joined({time("200101000000Z"), time("201201000000Z")}));
       },
       {ErrorCode::expired}},
      {"a leaf that begins later, on a device without a clock",
       [](ChainPlan& p) {
         const auto time = [](std::string_view text) { return element(der::kUtcTime, as_bytes(text)); };
         p.leaf.raw_validity =
             element(der::kSequence, joined({time("490101000000Z"), time("491201000000Z")}));
       },
       {ErrorCode::not_yet_valid}},
  };
}

Checked check_variants(Bench& bench) {
  STATION_TRY(bench.may_commit());
  for (const Variant& variant : variants()) {
    STATION_ASSIGN(const TestKey key, bench.begin());
    ChainPlan plan = plan_chain(bench.info.id, 1, bench.info.pinned_root.empty());
    variant.plan(plan);
    STATION_ASSIGN(Certificates chain, bench.authority.issue(plan, key.spki));
    const auto stored = store_and_check(bench, key, std::move(chain));
    const bool may = !stored && stored.error().side == Side::device &&
                     std::ranges::find(variant.refusals, stored.error().code) != variant.refusals.end();
    if (!stored && !may) return wrong(fmt::format("{}: {}", variant.what, stored.error().message));
    STATION_TRY(bench.destroy(key.slot));
  }
  return {};
}

/// A chain that fills all of the octets that the device says it takes.
Checked check_largest(Bench& bench) {
  STATION_TRY(bench.may_commit());
  STATION_ASSIGN(const TestKey key, bench.begin());
  const std::uint8_t padding[] = {0x55, 0x1d, 0x63};
  const std::size_t wanted = bench.info.max_chain;
  std::size_t pad = 0;
  Certificates chain;
  // Signatures differ by an octet or two, so that the right length is a matter of a few tries.
  for (unsigned tries = 0; tries < 200; ++tries) {
    ChainPlan plan = plan_chain(bench.info.id, 1, bench.info.pinned_root.empty());
    if (pad > 0) plan.authorities[0].extra = extension(padding, false, Octets(pad, 0x2a));
    STATION_ASSIGN(chain, bench.authority.issue(plan, key.spki));
    const std::size_t size = on_wire(chain).size();
    if (size == wanted) break;
    if (size > wanted && pad == 0) return not_run("not even the smallest chain fits");
    pad = size < wanted ? pad + (wanted - size > 40 && pad == 0 ? wanted - size - 30 : wanted - size)
                        : pad - std::min(pad, size - wanted);
  }
  if (on_wire(chain).size() != wanted) return not_run("no chain of that length came about");
  STATION_TRY(store_and_check(bench, key, std::move(chain)));
  return {};
}

Checked check_again(Bench& bench) {
  STATION_ASSIGN(const Stored stored, stored_key(bench));
  for (unsigned i = 0; i < 2; ++i) {
    const Octets nonce = bench.nonce();
    STATION_ASSIGN(const Octets receipt, bench.device.commit(stored.key.slot, nonce));
    STATION_TRY(check_receipt(bench, stored, nonce, receipt, Origin::generate));
  }
  // A part of a receipt that is not at hand is not that of another one.
  const Octets other = bench.nonce();
  const enrol::CommitRequest part{stored.key.slot, other, 0};
  STATION_TRY(expect_error(bench.read(Command::commit, part), "a part of a receipt over another nonce",
                           {ErrorCode::not_found}));
  return check_active(bench, stored);
}

Checked check_read(Bench& bench) {
  STATION_ASSIGN(const Stored stored, stored_key(bench));
  const Bytes wire = stored.wire;
  for (std::uint32_t offset = 0; offset <= wire.size(); offset += 37) {
    STATION_ASSIGN(const Octets payload,
                   bench.read(Command::chain, enrol::ChainReadRequest{stored.key.slot, offset}));
    STATION_ASSIGN(const auto part, decoded<enrol::ChunkResponse>(payload, "a part of the chain"));
    const Bytes rest = wire.subspan(offset);
    if (part.offset != offset || part.data.size() > rest.size() ||
        !equal(part.data, rest.first(part.data.size())) || (part.data.empty() && !rest.empty())) {
      return wrong(fmt::format("the part at offset {} is not the chain's", offset));
    }
    if (offset == 0 && part.total != wire.size()) return wrong("len is not the chain's");
  }
  const enrol::ChainReadRequest beyond{stored.key.slot, static_cast<std::uint32_t>(wire.size() + 1)};
  return expect_error(bench.read(Command::chain, beyond), "an offset behind the chain",
                      {ErrorCode::bad_offset});
}

/// What needs a pending key, or another kind of key, is refused once the key is active.
Checked check_settled(Bench& bench) {
  STATION_ASSIGN(const Stored stored, stored_key(bench, Purpose::tls));
  const std::uint32_t slot = stored.key.slot;
  STATION_TRY(expect_error(bench.device.csr(slot, bench.nonce()), "the request of an active key",
                           {ErrorCode::wrong_state}));
  enrol::ChainWriteRequest part;
  part.slot = slot;
  part.total = 100;
  STATION_TRY(expect_error(bench.chain_part(part), "a chain for an active key", {ErrorCode::wrong_state}));
  STATION_TRY(expect_error(bench.begin(generate(slot, Purpose::data)),
                           "another purpose for a slot with an active key", {ErrorCode::wrong_state}));
  STATION_ASSIGN(const TestKey again, bench.begin(generate(slot, Purpose::tls)));
  if (!again.reused || again.spki != stored.key.spki) {
    return wrong("begin of the same request made a new key in place of the active one");
  }
  STATION_TRY(bench.abort(slot));
  return check_active(bench, stored);
}

Outcome<TestKey> replace(Bench& bench, const Stored& stored, Purpose purpose = Purpose::tls) {
  BeginRequest request = generate(stored.key.slot, purpose);
  request.replace = true;
  return bench.begin(request);
}

/// The old key and chain are there until the new one is committed, and after an abort.
Checked check_replace(Bench& bench) {
  STATION_ASSIGN(const Stored old, stored_key(bench, Purpose::tls));
  STATION_TRY(expect_error(replace(bench, old, Purpose::data), "to replace a key by one of another purpose",
                           {ErrorCode::purpose_forbids}));
  for (const bool commit : {false, true}) {
    STATION_ASSIGN(const TestKey next, replace(bench, old));
    if (next.spki == old.key.spki || next.slot != old.key.slot) return wrong("the key was not replaced");
    STATION_ASSIGN(const TestKey again, replace(bench, old));
    if (again.spki != next.spki || !again.reused) return wrong("replacing twice made two keys");
    STATION_ASSIGN(const auto slot, bench.slot(old.key.slot));
    if (!slot || slot->state != SlotState::replacing) return wrong("the slot is not listed as replacing");
    STATION_ASSIGN(const Octets read, bench.device.read_chain(old.key.slot));
    if (read != old.wire) return wrong("the old chain is not there while a new key is pending");
    STATION_ASSIGN(const Octets der, bench.device.csr(next.slot, bench.nonce()));
    STATION_ASSIGN(Certificates chain, right_chain(bench, next, 0));
    if (!commit) {
      STATION_TRY(bench.write_chain(next.slot, on_wire(chain)));
      STATION_TRY(bench.abort(next.slot));
      STATION_TRY(check_active(bench, old));
      continue;
    }
    STATION_TRY(store_and_check(bench, next, std::move(chain)));
    STATION_ASSIGN(const Octets key, bench.public_key(next.slot));
    if (key != next.spki) return wrong("the new key is not the active one after its commit");
  }
  return {};
}

Checked check_restart(Bench& bench) {
  STATION_TRY(bench.may_restart());
  STATION_ASSIGN(const Stored stored, stored_key(bench, Purpose::tls));
  STATION_TRY(bench.may_restart());
  STATION_TRY(reset(bench.wire));
  STATION_TRY(bench.wire.wait_until_back());
  STATION_TRY(check_active(bench, stored));
  const Octets nonce = bench.nonce();
  STATION_ASSIGN(const Octets receipt, bench.device.commit(stored.key.slot, nonce));
  return check_receipt(bench, stored, nonce, receipt, Origin::generate);
}

}  // namespace

void add_commit_checks(Checks& checks) {
  const auto add = [&](const char* name, const char* what, Checked (*run)(Bench&)) {
    checks.push_back({"commit", name, what, Effect::commits, run});
  };
  add("two-levels", "a leaf of the root itself is stored, and the receipt proves it",
      [](Bench& bench) { return check_levels(bench, 0); });
  add("three-levels", "a leaf of a CA below the root is stored",
      [](Bench& bench) { return check_levels(bench, 1); });
  add("four-levels", "a leaf of a CA below a CA is stored",
      [](Bench& bench) { return check_levels(bench, 2); });
  add_root_checks(checks);
  add("with-root", "a chain may bring its root, which is not stored", check_with_root);
  add("kinds", "keys of every purpose, origin and algorithm get their chains", check_kinds);
  add("variants", "right chains of less usual forms are taken", check_variants);
  add("largest", "a chain as large as it says it takes is stored", check_largest);
  add("again", "commit again gives a receipt over the new nonce", check_again);
  add("read", "a chain can be read from any offset", check_read);
  add("settled", "an active key has no request, no new chain and no other purpose", check_settled);
  add("replace", "a pending key stands beside the active one, until one of them goes", check_replace);
  add("restart", "key and chain are there after a restart", check_restart);
}

}  // namespace pedigree::station::conformance
